//! Waits until a component answers, and tells the end of its log when it never does.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::component::Component;
use super::error::Error;
use super::kubectl;
use super::ports::Port;
use super::processes::Processes;
use super::setup::Setup;

/// Generous: a machine that compiles at the same time is several times slower.
const LIMIT: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(50);
/// How much of a log an error shows.
const LOG_LINES: usize = 20;

/// Waits until `component` is ready to work.
pub(super) fn wait(
    setup: &Setup,
    processes: &Processes,
    component: Component,
) -> Result<(), Error> {
    let started = Instant::now();
    loop {
        if !processes.is_running(component) {
            return Err(Error::Ended {
                component: component.name(),
                log: log_end(setup, component),
            });
        }
        if is_ready(setup, component) {
            return Ok(());
        }
        if started.elapsed() > LIMIT {
            return Err(Error::NotReady {
                component: component.name(),
                seconds: LIMIT.as_secs(),
                log: log_end(setup, component),
            });
        }
        std::thread::sleep(PAUSE);
    }
}

/// Fails when one of the components has ended.
pub(super) fn all_running(setup: &Setup, processes: &Processes) -> Result<(), Error> {
    for component in Component::ALL {
        if !processes.is_running(component) {
            return Err(Error::Ended {
                component: component.name(),
                log: log_end(setup, component),
            });
        }
    }
    Ok(())
}

fn is_ready(setup: &Setup, component: Component) -> bool {
    let port = |port| setup.ports.get(port);
    match component {
        Component::Etcd => connect(port(Port::EtcdClient)).is_some(),
        Component::ApiServer => {
            connect(port(Port::ApiServer)).is_some()
                && kubectl::run(setup, &["get", "--raw=/readyz"]).is_ok()
        }
        // They serve nothing; that they work shows in what they do: see `cluster`.
        Component::ControllerManager | Component::Scheduler | Component::Kwok => true,
        Component::SourceController => answers(port(Port::SourceHealth)),
        Component::KustomizeController => answers(port(Port::KustomizeHealth)),
        Component::HelmController => answers(port(Port::HelmHealth)),
        Component::SourceWatcher => answers(port(Port::WatcherHealth)),
        Component::NotificationController => {
            answers(port(Port::NotificationHealth))
                && connect(port(Port::NotificationReceiver)).is_some()
        }
    }
}

fn connect(port: u16) -> Option<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .ok()
        .map(|()| stream)
}

/// Whether `/readyz` says 200.
fn answers(port: u16) -> bool {
    let Some(mut stream) = connect(port) else {
        return false;
    };
    let mut answer = String::new();
    let request = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    stream.write_all(request).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

fn log_end(setup: &Setup, component: Component) -> String {
    let log = std::fs::read_to_string(setup.log_path(component)).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
