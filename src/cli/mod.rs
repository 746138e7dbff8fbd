//! The command line: starts the server, works on files, and speaks to a running server as its client.
//!
//! Answers go to stdout, everything else to stderr. A failure is one line (`error: what, where, what to do next`)
//! and an exit code: 0 done, 1 failed, 2 wrong usage, 3 waiting for approval, 4 timed out.

mod actions;
mod args;
mod change;
mod charts;
mod client;
mod cluster;
mod data;
mod dev;
mod doctor;
mod failure;
mod follow;
mod hello;
mod index;
mod offline;
mod output;
mod run;
mod serve;
mod store;
mod token;
mod values;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Cli, Command};
use failure::Failure;

/// Runs the program with the arguments of the process.
pub fn run() -> ExitCode {
    // Two crates can bring a provider each; which one is used must not depend on how the build went.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match dispatch(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Dev(args) => dev::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Init(args) => offline::init(&args),
        Command::Render(args) => offline::render(&args),
        Command::Store { command, server } => store::run(*command, &server),
        Command::Change { command, server } => change::run(command, &server),
        Command::Token { command, server } => token::run(command, &server),
        Command::Policy { command } => offline::policy(&command),
        Command::Index { command } => index::run(&command),
        Command::Cluster { command } => cluster::run(&command),
        Command::Charts { command, server } => charts::run(&command, &server),
        Command::Doctor { args, server } => doctor::run(&args, &server),
        Command::Completion { shell } => completion(shell),
    }
}

/// Prints what a shell reads to complete our command line.
fn completion(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "fleetwright", &mut text);
    output::print(&String::from_utf8_lossy(&text))
}
