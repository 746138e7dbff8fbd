//! The `fleetwright` program. Everything is in the library; see `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    fleetwright::cli::run()
}
