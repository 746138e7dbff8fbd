//! Turns, shares, and what a lost race leaves on the desk.

use std::collections::HashSet;

use super::*;
use crate::domain::request::{Adopted, Caller, Role};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// An update of `store` by `owner`, the `n`th to be accepted.
fn entry(n: u64, owner: &str, store: &str) -> Entry {
    let id: ChangeId = ulid::Ulid::from_parts(n, 0)
        .to_string()
        .parse()
        .expect("a ULID");
    let caller = Caller {
        subject: owner.to_owned(),
        role: Role::Merchant,
        owner: owner.parse().expect("an owner"),
    };
    let store = store.parse().expect("a name");
    let action = crate::domain::change::Action::Update;
    let change = Change::queued(id.clone(), store, id.into(), action, owner.into(), at(0));
    Entry {
        change,
        intent: Intent::Update(serde_json::Map::new()),
        caller,
        expected: None,
        approvals: Vec::new(),
        proven: Vec::new(),
        reason: None,
        commit: None,
        carried: None,
    }
}

fn by_hand(mut entry: Entry) -> Entry {
    entry.intent = Intent::Adopt {
        commit: "0".repeat(40).parse().expect("a commit"),
        kind: Adopted::Edited,
    };
    entry
}

fn desk(entries: impl IntoIterator<Item = Entry>) -> Desk {
    let mut desk = Desk::default();
    for entry in entries {
        desk.put(entry, None);
    }
    desk
}

/// The stores of entries, in order.
fn stores(desk: &Desk, ids: &[ChangeId]) -> Vec<String> {
    ids.iter()
        .map(|id| desk.entry(id).expect("open").change.store.to_string())
        .collect()
}

fn owner(name: &str) -> Owner {
    name.parse().expect("an owner")
}

#[test]
fn one_owner_s_many_requests_delay_another_s_by_one_group_at_most() {
    let many = (0..10_000).map(|n| entry(n, "alice", &format!("a{n}")));
    let mut desk = desk(many);
    let group = Take::any(500);
    let first = desk.take(&group);
    assert_eq!(stores(&desk, &first[..2]), ["a0", "a1"]);
    // while that group is written, somebody else asks for one thing
    desk.put(entry(10_000, "zoe", "z"), None);
    desk.end_taking();
    let second = desk.take(&group);
    assert!(
        stores(&desk, &second[..2]).contains(&"z".to_owned()),
        "it is in front of the next group"
    );
    // what there was no time for goes back in front, in its order
    desk.put_back(&second[100..]);
    let third = desk.take(&group);
    assert_eq!(third[..400], second[100..]);
    let taken: HashSet<_> = first.iter().chain(&second[..100]).chain(&third).collect();
    assert_eq!(taken.len(), 500 + 100 + 500, "none twice");
}

#[test]
fn a_share_is_what_is_open_in_a_store_owner_s_turn() {
    let mut desk = desk((0..6).map(|n| entry(n, "alice", &format!("a{}", n % 2))));
    desk.put(entry(9, "zoe", "z"), None);
    let share = |desk: &Desk, store: &str, name: &str| {
        desk.share(&store.parse().expect("a name"), &owner(name))
    };
    assert_eq!(share(&desk, "new", "alice"), 6);
    assert_eq!(share(&desk, "new", "zoe"), 1);
    assert_eq!(share(&desk, "new", "nobody"), 0);
    // a store that changes hands keeps its turn until nothing of it is open
    assert_eq!(share(&desk, "a0", "zoe"), 6);
    let ids: Vec<ChangeId> = desk.entries().map(|it| it.change.id.clone()).collect();
    for (gone, id) in ids.iter().enumerate() {
        let left = 6_usize.saturating_sub(gone);
        assert_eq!(share(&desk, "new", "alice"), left);
        assert!(desk.remove(id).is_some());
        assert!(desk.remove(id).is_none(), "counted once");
    }
    assert_eq!((desk.len(), share(&desk, "new", "zoe")), (0, 0));
}

#[test]
fn a_lost_race_puts_everything_back_in_order_and_keeps_timelines_short() {
    let owner_of = |n: u64| if n.is_multiple_of(2) { "alice" } else { "zoe" };
    let mut desk = desk((0..9).map(|n| entry(n, owner_of(n), &format!("s{}", n % 4))));
    let mut order = desk.take(&Take::any(99));
    assert!(!desk.waits());
    let commit: CommitId = "1".repeat(40).parse().expect("a commit");
    for round in 0..50 {
        for id in &order {
            let mut written = desk.entry(id).expect("open").clone();
            assert!(written.change.go(State::Written, at(round), None));
            written.commit = Some(commit.clone());
            desk.note_written(
                written.change.store.clone(),
                commit.clone(),
                Unpublished::Removed,
            );
            desk.update(written);
        }
        desk.end_taking();
        assert_eq!(desk.unpublished().len(), 9);
        desk.start_over(at(round), "derived again");
        assert!(desk.unpublished().is_empty());
        assert_eq!(
            desk.take_teardown().len(),
            4,
            "second commits are due again"
        );
        if round == 20 {
            // a hand edit goes before what was asked for
            desk.put(by_hand(entry(99, "git", "s2")), None);
            let id = desk.entries().next_back().expect("open").change.id.clone();
            desk.remove(&id);
        }
        order = desk.take(&Take::any(99));
        let of = |store: &str| -> Vec<&ChangeId> {
            let of = order.iter().filter(|id| {
                desk.entry(id)
                    .is_some_and(|it| it.change.store.as_str() == store)
            });
            of.collect()
        };
        for store in ["s0", "s1", "s2", "s3"] {
            assert!(
                of(store).is_sorted(),
                "the changes of one store keep their order"
            );
        }
        assert_eq!(order.len(), 9);
    }
    let states: Vec<State> = desk
        .entries()
        .next()
        .expect("open")
        .change
        .timeline
        .iter()
        .map(|it| it.state)
        .collect();
    assert_eq!(states, [State::Queued, State::Written, State::Queued]);
}

#[test]
fn stores_that_are_set_aside_keep_their_places() {
    let mut desk = desk((0..6).map(|n| entry(n, "alice", &format!("s{}", n % 3))));
    desk.put(by_hand(entry(50, "git", "s1")), None);
    let without = Take {
        but: BTreeSet::from(["s0".parse().expect("a name")]),
        ..Take::any(3)
    };
    let taken = desk.take(&without);
    assert_eq!(stores(&desk, &taken), ["s1", "s1", "s2"]);
    desk.put_back(&taken);
    assert!(
        !desk.is_taken(&taken[0]),
        "what is put back may be cancelled"
    );
    let only = Take {
        only: Some("s2".parse().expect("a name")),
        ..Take::any(3)
    };
    let one = desk.take(&only);
    assert_eq!(stores(&desk, &one), ["s2"]);
    desk.put_back(&one);
    let all = desk.take(&Take::any(99));
    let of = |store: &str| stores(&desk, &all).iter().filter(|it| *it == store).count();
    assert_eq!([of("s0"), of("s1"), of("s2")], [2, 3, 2]);
    assert_eq!(desk.take(&only), []);
}

#[test]
fn who_does_not_hold_the_desk_knows_which_stores_have_something_on_it() {
    let (first, second) = (entry(1, "ann", "shop"), entry(2, "ann", "shop"));
    let ids = [first.change.id.clone(), second.change.id.clone()];
    let mut desk = Desk::default();
    let busy = desk.busy();
    let shop: StoreName = "shop".parse().expect("a name");
    assert!(!busy.holds(&shop));
    desk.put(first, None);
    desk.put(second, None);
    assert!(busy.holds(&shop));
    desk.remove(&ids[0]);
    assert!(busy.holds(&shop), "one change is still open");
    desk.remove(&ids[1]);
    assert!(!busy.holds(&shop));
}
