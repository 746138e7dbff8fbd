//! The testbed for people: `cargo run --example testbed --features testbed -- up`, `kubeconfig`, `down`.
//!
//! One testbed per state folder. Whoever holds the folder's lock is up; a file named `stop` asks it to end. So nobody has to
//! find a process by its name, and a testbed that was killed leaves nothing that looks alive.

#![allow(
    clippy::print_stdout,
    reason = "a command line program answers on standard output"
)]

#[expect(dead_code, reason = "the tests use the rest of it")]
mod launcher;
mod state;

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use clap::{Parser, Subcommand};
use launcher::{Options, Testbed};
use state::State;
use tokio::signal::unix::{SignalKind, signal};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const POLL: Duration = Duration::from_millis(100);

/// A real Kubernetes control plane and Flux on this machine, without containers.
#[derive(Parser)]
#[command(name = "testbed")]
struct Cli {
    /// Where the state of this testbed is kept; another folder, another testbed.
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start it and stay until Ctrl-C or `down`.
    Up {
        /// Return once it is ready.
        #[arg(long)]
        background: bool,
        /// The addresses of Services.
        #[arg(long, value_name = "CIDR", default_value = "10.0.0.0/12")]
        service_cluster_ip_range: String,
    },
    /// Print the path of the kubeconfig.
    Kubeconfig,
    /// End it and wait until everything is gone.
    Down,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one place for errors")]
            {
                eprintln!("testbed: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let state = State::open(cli.state)?;
    match cli.command {
        Verb::Up {
            background,
            service_cluster_ip_range,
        } => {
            if state.is_up()? {
                let path = state.kubeconfig().display().to_string();
                return Err(
                    format!("one is up already, with kubeconfig {path}; `down` ends it").into(),
                );
            }
            if background {
                up_in_background(&state, &service_cluster_ip_range)
            } else {
                up(
                    &state,
                    Options {
                        service_cluster_ip_range,
                        ..Options::default()
                    },
                )
            }
        }
        Verb::Kubeconfig => {
            if !state.is_ready()? {
                return Err("none is up; `up` starts one".into());
            }
            println!("{}", state.kubeconfig().display());
            Ok(())
        }
        Verb::Down => down(&state),
    }
}

/// Starts a testbed, tells how to use it and holds it until somebody has had enough.
fn up(state: &State, options: Options) -> Result<()> {
    let _lock = state.take()?;
    let testbed = Testbed::start(options)?;
    std::fs::copy(testbed.kubeconfig(), state.kubeconfig())?;
    println!("ready after {:.1} s", testbed.ready_in().as_secs_f64());
    println!("  export KUBECONFIG={}", state.kubeconfig().display());
    println!("  {} get nodes", testbed.program("kubectl").display());
    println!("  logs: {}", testbed.logs().display());
    println!("Ctrl-C or `down` ends it.");
    state.set_ready()?;
    wait_for_the_end(state)?;
    drop(testbed);
    state.clear();
    Ok(())
}

fn wait_for_the_end(state: &State) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        let asked = async {
            while !state.is_asked_to_stop() {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
            () = asked => {}
        }
        Ok(())
    })
}

/// Starts this program once more, apart from the terminal, and waits until that one is ready.
fn up_in_background(state: &State, service_cluster_ip_range: &str) -> Result<()> {
    let log = File::create(state.log())?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["up", "--service-cluster-ip-range", service_cluster_ip_range])
        .arg("--state")
        .arg(state.folder())
        .process_group(0)
        .stdin(Stdio::null())
        .stderr(log.try_clone()?)
        .stdout(log)
        .spawn()?;
    while !state.is_ready()? {
        if ended(&mut child)? {
            return Err(std::fs::read_to_string(state.log())?
                .trim()
                .to_owned()
                .into());
        }
        std::thread::sleep(POLL);
    }
    print!("{}", std::fs::read_to_string(state.log())?);
    Ok(())
}

fn ended(child: &mut Child) -> Result<bool> {
    Ok(child.try_wait()?.is_some())
}

fn down(state: &State) -> Result<()> {
    if !state.is_up()? {
        println!("none is up");
        return Ok(());
    }
    state.ask_to_stop()?;
    while state.is_up()? {
        std::thread::sleep(POLL);
    }
    println!("down");
    Ok(())
}
