//! The adapter to GitHub, from outside: scripts over real HTTP.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall stop there"
)]

#[path = "forge/bench.rs"]
mod bench;
#[path = "forge/hands.rs"]
mod hands;
#[path = "forge/responder.rs"]
mod responder;
#[allow(
    dead_code,
    unused_imports,
    reason = "each test program uses its own part of it"
)]
#[path = "support/github/mod.rs"]
mod stand_in;

#[path = "forge/checks.rs"]
mod checks;
#[path = "forge/limits.rs"]
mod limits;
#[path = "forge/merging.rs"]
mod merging;
#[path = "forge/pulls.rs"]
mod pulls;
#[path = "forge/tokens.rs"]
mod tokens;
#[path = "forge/wire.rs"]
mod wire;
