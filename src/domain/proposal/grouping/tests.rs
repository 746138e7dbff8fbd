//! Changes that come one after the other, and where each goes.

use super::*;

const NOW: i64 = 10_000;

fn policy(group: &str, on_new_change: &str) -> ProposalPolicy {
    ProposalPolicy {
        group: group.into(),
        on_new_change: on_new_change.into(),
        ..ProposalPolicy::default()
    }
}

fn id(number: u8) -> String {
    format!("01ARZ3NDEKTSV4RRFFQ69G5FA{number}")
}

fn one() -> Size {
    Size {
        stores: 1,
        files: 4,
        bytes: 9_000,
        commits: 1,
    }
}

fn new(store: &str, owner: &str) -> Newcomer {
    Newcomer {
        change: id(9).parse().unwrap(),
        store: store.parse().unwrap(),
        owner: owner.parse().unwrap(),
        size: one(),
    }
}

fn owner(name: &str) -> Key {
    Key::Owner(name.parse().unwrap())
}

fn own(number: u8) -> Key {
    Key::Change(id(number).parse().unwrap())
}

/// A proposal with the store `a<number>`, opened a minute ago.
fn waiting(number: u8, key: Key) -> Waiting {
    Waiting {
        id: id(number).parse().unwrap(),
        key,
        opened_at: Timestamp::from_second(NOW - 60).unwrap(),
        frozen: false,
        size: one(),
        stores: vec![format!("a{number}").parse().unwrap()],
    }
}

fn join(number: u8) -> Place {
    Place::Join(id(number).parse().unwrap())
}

fn after(number: u8) -> Place {
    Place::After(id(number).parse().unwrap())
}

fn placed(policy: &ProposalPolicy, open: &[Waiting], new: &Newcomer, pressure: Pressure) -> Place {
    let now = Timestamp::from_second(NOW).unwrap();
    place(policy, open, new, pressure, now)
}

#[test]
fn the_policy_says_who_shares() {
    let calm = Pressure::default();
    let spent = Pressure {
        budget_spent: true,
        ..calm
    };
    let many = Pressure {
        open_pulls: MANY_PULLS,
        ..calm
    };
    let open = [
        waiting(1, own(1)),
        waiting(2, owner("alice")),
        waiting(3, owner("bob")),
        waiting(4, Key::Window),
        waiting(5, Key::Window),
    ];
    for (group, who, pressure, place) in [
        ("none", "alice", calm, Place::Open(own(9))),
        ("none", "alice", spent, join(2)),
        ("none", "carol", many, Place::Open(owner("carol"))),
        ("owner", "alice", calm, join(2)),
        ("owner", "carol", calm, Place::Open(owner("carol"))),
        ("owner", "carol", spent, join(5)),
        ("1h", "carol", calm, join(5)),
        // The window is over.
        ("30s", "carol", calm, Place::Open(Key::Window)),
        ("30s", "carol", many, Place::Open(Key::Window)),
        ("a slip of the pen", "alice", calm, Place::Open(own(9))),
    ] {
        let found = placed(&policy(group, "append"), &open, &new("b", who), pressure);
        assert_eq!(found, place, "{group} {who} {pressure:?}");
    }
}

#[test]
fn a_proposal_is_full_at_what_a_reviewer_is_shown_and_frozen_by_an_approval() {
    let full = |size: Size| Waiting {
        size,
        ..waiting(1, owner("alice"))
    };
    let last = |frozen| Waiting {
        frozen,
        ..full(Size {
            stores: 49,
            files: 246,
            bytes: 791_000,
            commits: 99,
        })
    };
    let next = Place::Open(owner("alice"));
    for (there, place) in [
        (last(false), join(1)),
        (last(true), next.clone()),
        (
            full(Size {
                stores: 50,
                ..one()
            }),
            next.clone(),
        ),
        (
            full(Size {
                files: 247,
                ..one()
            }),
            next.clone(),
        ),
        (
            full(Size {
                bytes: 791_001,
                ..one()
            }),
            next.clone(),
        ),
        (
            full(Size {
                commits: 100,
                ..one()
            }),
            next,
        ),
    ] {
        let found = placed(
            &policy("owner", "append"),
            std::slice::from_ref(&there),
            &new("b", "alice"),
            Pressure::default(),
        );
        assert_eq!(found, place, "{there:?}");
    }
}

#[test]
fn a_further_change_of_a_store_stays_with_it() {
    let frozen = |it: Waiting| Waiting { frozen: true, ..it };
    let full = |it: Waiting| Waiting { size: BOUNDS, ..it };
    let single = || waiting(1, own(1));
    let shared = || waiting(1, owner("alice"));
    let superseded = |key| Place::Supersede(id(1).parse().unwrap(), key);
    for (group, on_new_change, there, place) in [
        ("none", "append", single(), join(1)),
        ("none", "append", frozen(single()), join(1)),
        ("none", "append", full(single()), after(1)),
        ("none", "supersede", single(), superseded(own(9))),
        ("none", "supersede", frozen(single()), superseded(own(9))),
        ("owner", "append", shared(), join(1)),
        ("owner", "append", frozen(shared()), after(1)),
        ("owner", "supersede", shared(), superseded(owner("alice"))),
        ("owner", "supersede", frozen(shared()), after(1)),
        // It stays where its store is, whatever the policy says by now.
        ("none", "append", shared(), join(1)),
    ] {
        let found = placed(
            &policy(group, on_new_change),
            std::slice::from_ref(&there),
            &new("a1", "alice"),
            Pressure::default(),
        );
        assert_eq!(found, place, "{group} {on_new_change} {there:?}");
    }
}

#[test]
fn the_fiftieth_store_may_still_change() {
    let there = Waiting {
        size: Size {
            stores: 50,
            ..one()
        },
        ..waiting(1, owner("alice"))
    };
    let policy = policy("owner", "append");
    let found = placed(&policy, &[there], &new("a1", "alice"), Pressure::default());
    assert_eq!(found, join(1));
}
