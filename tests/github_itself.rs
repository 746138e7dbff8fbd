//! The GitHub stand-in, held to what GitHub does: by octocrab's strict models, by plain HTTP, and by git.
//!
//! Everything else that is tested against the stand-in is worth as much as this is.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall stop there"
)]

#[allow(dead_code, reason = "each test program uses its own part of it")]
#[path = "support/github/mod.rs"]
mod github;

#[path = "github_itself/client.rs"]
mod client;
#[path = "github_itself/faults.rs"]
mod faults;
#[path = "github_itself/graphql.rs"]
mod graphql;
#[path = "github_itself/identity.rs"]
mod identity;
#[path = "github_itself/limits.rs"]
mod limits;
#[path = "github_itself/merging.rs"]
mod merging;
#[path = "github_itself/opening.rs"]
mod opening;
#[path = "github_itself/pushes.rs"]
mod pushes;
#[path = "github_itself/talk.rs"]
mod talk;
#[path = "github_itself/webhooks.rs"]
mod webhooks;
