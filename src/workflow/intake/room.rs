//! Room in the queue: for everybody together, and for each owner's stores, so that one cannot keep the others out.

use crate::domain::request::Refusal;
use crate::domain::{Owner, StoreName};
use crate::workflow::desk::Desk;

/// How many requests one owner's stores may have in a queue of this length: half of it, and at least one.
pub(in crate::workflow) fn share(queue: usize) -> usize {
    (queue / 2).max(1)
}

/// Refuses what would make the queue too long.
pub(super) fn in_queue(desk: &Desk, queue: usize) -> Result<(), Refusal> {
    let waiting = desk.len();
    if waiting < queue {
        return Ok(());
    }
    Err(Refusal::Unavailable(format!(
        "{waiting} requests are queued, which is the limit; try again in a moment"
    )))
}

/// Refuses what would give one owner more than its share.
pub(super) fn for_owner(
    desk: &Desk,
    queue: usize,
    store: &StoreName,
    owner: &Owner,
) -> Result<(), Refusal> {
    let (waiting, share) = (desk.share(store, owner), share(queue));
    if waiting < share {
        return Ok(());
    }
    Err(Refusal::Unavailable(format!(
        "{waiting} requests for stores of owner {owner} are queued, and {share} is the limit for one owner; try again in \
         a moment"
    )))
}
