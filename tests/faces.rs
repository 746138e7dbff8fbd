//! The faces from outside: the built binary as a process, its HTTP, its command line and its repository.
//!
//! Hermetic: no cluster, no network but loopback, every server in a folder of its own.

#[allow(dead_code, reason = "each test program uses its own part of it")]
mod support;

#[path = "faces/access.rs"]
mod access;
#[expect(
    clippy::unwrap_used,
    reason = "a server that meets the unexpected shall stop there"
)]
#[allow(dead_code, reason = "each test program uses its own part of it")]
#[path = "git/server.rs"]
mod git_server;

#[path = "faces/audit.rs"]
mod audit;
#[path = "faces/command_line.rs"]
mod command_line;
#[path = "faces/dashboard.rs"]
mod dashboard;
#[path = "faces/description.rs"]
mod description;
#[path = "faces/events.rs"]
mod events;
#[path = "faces/forge_check.rs"]
mod forge_check;
#[path = "faces/issuer.rs"]
mod issuer;
#[path = "faces/life.rs"]
mod life;
#[path = "faces/life_cycle.rs"]
mod life_cycle;
#[path = "faces/limits.rs"]
mod limits;
#[path = "faces/lists.rs"]
mod lists;
#[path = "faces/metrics.rs"]
mod metrics;
#[path = "faces/offline.rs"]
mod offline;
#[path = "faces/oidc.rs"]
mod oidc;
#[path = "faces/openapi.rs"]
mod openapi;
#[path = "faces/refusals.rs"]
mod refusals;
#[path = "faces/repository.rs"]
mod repository;
#[path = "faces/served.rs"]
mod served;
#[path = "faces/starting.rs"]
mod starting;
#[path = "faces/tokens.rs"]
mod tokens;
#[path = "faces/upkeep.rs"]
mod upkeep;
#[path = "faces/validation.rs"]
mod validation;
#[path = "faces/webhooks.rs"]
mod webhooks;
#[path = "faces/webhooks_github.rs"]
mod webhooks_github;
#[path = "faces/wire.rs"]
mod wire;
#[path = "faces/writes.rs"]
mod writes;
