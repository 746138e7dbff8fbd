//! Running the server: bind, start the fleet, serve until told to stop.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use crate::http::{self, App, Exposure, Front};
use crate::workflow::{Fleet, Settings, offline};

/// Files that a server wants to have open at once: every stream of events is one.
const FILES: u64 = 65_536;

/// The runtime of a server.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    allow_files();
    let mut threads = Builder::new_multi_thread();
    // A thread keeps the memory it worked with for as long as it lives; after a start that is much.
    threads
        .enable_all()
        .thread_keep_alive(Duration::from_secs(1));
    threads
        .build()
        .map_err(|error| Failure::new(format!("cannot start the runtime: {error}")))
}

/// Takes as many open files as the system lets this process have; many begin with 1,024.
fn allow_files() {
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(FILES, |it| it.min(FILES));
    if limit.current.is_some_and(|it| it < most) {
        limit.current = Some(most);
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the limit of open files stays low, and with it the number of connections");
        }
    }
}

/// Takes an address before anything else is touched.
pub(super) async fn bind(address: &str) -> Result<(TcpListener, SocketAddr), Failure> {
    let bound = match TcpListener::bind(address).await {
        Ok(listener) => listener.local_addr().map(|local| (listener, local)),
        Err(error) => Err(error),
    };
    bound.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            let port = address.rsplit(':').next().unwrap_or(address);
            Failure::new(format!("port {port} is in use ({address}); stop what uses it, or take a free one with --listen 127.0.0.1:0"))
        }
        _ => Failure::new(format!("cannot listen at {address}: {error}; choose another address")),
    })
}

/// Starts the fleet, tells `started`, and serves until SIGTERM or Ctrl-C.
pub(super) async fn run(
    listener: TcpListener,
    settings: Settings,
    exposure: Exposure,
    repository_token: Option<String>,
    front: Front,
    started: impl FnOnce(&Fleet) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let stop = stop_signal()?;
    not_open(&listener, exposure, &settings.data)?;
    let fleet = Fleet::start(settings).await.map_err(Failure::new)?;
    let app = App::new(fleet.clone(), exposure, repository_token, front);
    let told = started(&fleet);
    if told.is_ok() {
        let streams = app.clone();
        let stop = async move {
            stop.await;
            streams.end_streams();
        };
        http::serve(listener, &app, http::router(app.clone()), stop).await;
    }
    fleet.stop().await;
    told
}

/// A network is let in only where everything asks for a secret, and the secrets are some.
fn not_open(listener: &TcpListener, exposure: Exposure, data: &Path) -> Result<(), Failure> {
    let address = listener.local_addr().map_err(Failure::new)?;
    http::check_address(exposure, address).map_err(Failure::new)?;
    if !address.ip().is_loopback() {
        offline::check_kept_tokens(data)?;
    }
    Ok(())
}

/// Resolves at the first SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let deaf = |error| Failure::new(format!("cannot listen for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(deaf)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(deaf)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("Stopping: requests under way end first");
    })
}
