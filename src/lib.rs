//! Fleetwright turns store requests into signed commits that Flux applies, and reads back what became of them.
//!
//! The modules are the floors of a house, and arrows point down only (`tests/architecture.rs` keeps it so):
//! the faces [`cli`] and [`http`]; the [`workflow`]; the adapters [`journal`], [`index`], [`git`], [`cluster`] and [`oidc`];
//! the pure ground of [`plan`], [`render`] and [`domain`]. `ARCHITECTURE.md` has the map and the invariants.

pub mod cli;
pub mod cluster;
pub mod config;
pub mod domain;
pub mod forge;
pub mod git;
pub mod http;
pub mod index;
pub mod journal;
pub mod oidc;
pub mod plan;
pub mod probe;
pub mod render;
pub mod telemetry;
pub mod workflow;

/// Groups, renderings and rebuilds allocate and free many small things on several threads; `benches/` shows what that
/// takes with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
