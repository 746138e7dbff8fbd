//! What people bring to main by pull requests of their own, end to end: `serve` in front of the GitHub stand-in.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall stop there"
)]

#[allow(dead_code, reason = "each test program uses its own part of it")]
#[path = "support/mod.rs"]
mod support;

#[allow(dead_code, reason = "each test program uses its own part of it")]
#[path = "support/github/mod.rs"]
mod github;

#[path = "forge_people/checks.rs"]
mod checks;
#[path = "forge_people/forms.rs"]
mod forms;
#[path = "forge_people/hand_edits.rs"]
mod hand_edits;
#[path = "forge_people/policy.rs"]
mod policy;
#[path = "forge_people/world.rs"]
mod world;
