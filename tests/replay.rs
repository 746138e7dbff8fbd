//! What real Flux once wrote, shown to the state machine and the mapping again: every phase on the way is a true one.
//!
//! The recordings are made by `FLEETWRIGHT_RECORD=1 cargo test --features testbed --test status stories`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall stop there"
)]

#[path = "status/replayed.rs"]
mod replayed;

#[test]
fn recordings_show_no_false_phase() {
    for (name, store, _) in replayed::STORIES {
        let text = std::fs::read_to_string(replayed::path(name)).unwrap();
        replayed::check(name, store, &text);
    }
}
