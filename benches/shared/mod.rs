//! What the benchmarks have in common: fleets, the built program, clients, figures and tables.
//!
//! Each benchmark is a program of its own and uses a part of this.

pub(crate) mod arrivals;
pub(crate) mod client;
pub(crate) mod fleet;
pub(crate) mod git;
pub(crate) mod import;
pub(crate) mod machine;
pub(crate) mod options;
pub(crate) mod prepare;
pub(crate) mod program;
pub(crate) mod report;
pub(crate) mod signer;
pub(crate) mod stats;
pub(crate) mod table;

/// Progress, for a person who waits.
pub(crate) fn tell(line: &str) {
    eprintln!("{line}");
}
