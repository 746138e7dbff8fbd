//! `fleetwright store watch`: a line for every phase, until the store is at rest.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::client::{Client, read};
use super::failure::Failure;
use super::output::{lines, plain, print};
use crate::domain::StoreName;
use crate::domain::phase::Phase;
use crate::domain::phase::words::NOT_WATCHED;
use crate::domain::view::StoreView;

/// Time between two looks.
const PACE: Duration = Duration::from_secs(1);

/// Prints a store's phase whenever it changes. Fails when it failed, or is not at rest in time.
pub(super) fn until_at_rest(
    client: &Client,
    name: &StoreName,
    seconds: Option<u64>,
) -> Result<(), Failure> {
    let end = seconds.map(|it| Instant::now() + Duration::from_secs(it));
    let mut shown = String::new();
    loop {
        let store: StoreView = read(client.get(&format!("/api/v1/stores/{name}"))?)?;
        let line = plain(&format!(
            "{name}: {} ({}): {}",
            store.phase, store.reason, store.message
        ));
        if line != shown {
            print(&lines([line.clone()]))?;
            shown = line;
        }
        if store.pending_changes.is_empty()
            && let Some(verdict) = at_rest(&store)
        {
            return verdict;
        }
        if end.is_some_and(|it| Instant::now() >= it) {
            let seconds = seconds.unwrap_or_default();
            return Err(Failure::timed_out(format!(
                "store {name} is {} after {seconds} s",
                store.phase
            )));
        }
        sleep(PACE);
    }
}

/// Whether nothing more is to be expected, and how that counts.
fn at_rest(store: &StoreView) -> Option<Result<(), Failure>> {
    match store.phase {
        Phase::Ready | Phase::Suspended | Phase::Deleted => Some(Ok(())),
        // Then its commit is the end.
        Phase::Committed if store.reason == NOT_WATCHED => Some(Ok(())),
        Phase::Failed => Some(Err(Failure::new(format!(
            "store {} failed: {} {}",
            store.name, store.message, store.next_step
        )))),
        Phase::AwaitingApproval => Some(Err(Failure::waiting_for_approval(format!(
            "store {} waits for approval",
            store.name
        )))),
        _ => None,
    }
}
