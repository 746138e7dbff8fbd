//! Change ids: ULIDs whose order is the order of acceptance.

use jiff::Timestamp;

use crate::domain::ChangeId;
use crate::workflow::desk::Desk;

/// A fresh change id, later than `last` and every one on the desk so that the order of ids is the order of acceptance.
pub(in crate::workflow) fn new_id(
    desk: &Desk,
    last: Option<&ChangeId>,
    now: Timestamp,
) -> ChangeId {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let on_desk = desk.entries().next_back().map(|it| &it.change.id);
    let last = last.max(on_desk);
    let last = last.and_then(|it| ulid::Ulid::from_string(it.as_str()).ok());
    let fresh = ulid::Ulid::from_parts(millis, random());
    let next = match last {
        Some(last) if last >= fresh => last.increment().unwrap_or(fresh),
        _ => fresh,
    };
    next.to_string()
        .parse()
        .expect("a ULID prints as its canonical form")
}

fn random() -> u128 {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    u128::from_le_bytes(bytes)
}
