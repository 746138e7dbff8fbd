//! Reviews as a table, and what they amount to.

use serde_json::json;

use super::*;
use crate::domain::policy::{FleetPolicy, Merge};
use crate::domain::request::{Caller, Role};

const ANN: u64 = 1;
const BOB: u64 = 2;
const CAROL: u64 = 3;
const DAN: u64 = 4;
const STRANGER: u64 = 5;
const OURSELVES: u64 = 8;
const BOT: u64 = 9;

/// One review: who, what, of which head, and when.
type Row = (u64, ReviewState, char, i64);

fn login(id: u64) -> &'static str {
    match id {
        ANN => "ann",
        BOB => "bob",
        CAROL => "carol",
        DAN => "dan",
        STRANGER => "stranger",
        _ => "robot",
    }
}

fn commit(letter: char) -> CommitId {
    letter.to_string().repeat(40).parse().unwrap()
}

fn reviews(rows: &[Row]) -> Vec<Review> {
    let rows = rows.iter().zip(1..);
    rows.map(|((id, state, head, at), number)| Review {
        id: number,
        by: Account {
            id: *id,
            login: login(*id).into(),
            bot: *id == BOT,
        },
        state: *state,
        commit: Some(commit(*head)),
        at: Timestamp::from_second(*at).unwrap(),
    })
    .collect()
}

fn needed(approvals: u32, reviewers: &[&str], teams: &[&str]) -> Needed {
    let owned = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
    Needed {
        approvals,
        reviewers: owned(reviewers),
        teams: owned(teams),
        merge: Merge::Bot,
    }
}

/// The head is `b`. `a` held the same records, `c` others, `d` was never ours. Dan asked, through his token.
fn verdict(needed: &Needed, rows: &[Row]) -> Verdict {
    let policy: FleetPolicy = serde_json::from_value(json!({
        "apiVersion": "fleetwright.dev/v1", "kind": "FleetPolicy", "clusters": {}, "engines": {}, "plans": {},
        "owners": {"dan": {"github": [DAN]}},
    }))
    .unwrap();
    let requester = Caller {
        subject: "token:dan".into(),
        role: Role::Operator,
        owner: "dan".parse().unwrap(),
    };
    judge(&Evidence {
        needed,
        reviewers: &BTreeMap::from([("ann".to_owned(), ANN), ("stranger".to_owned(), STRANGER)]),
        teams: &BTreeMap::from([
            (
                "platform".to_owned(),
                BTreeSet::from([BOB, CAROL, DAN, BOT]),
            ),
            ("shops".to_owned(), BTreeSet::from([STRANGER])),
        ]),
        writers: &BTreeSet::from([ANN, BOB, CAROL, DAN, OURSELVES, BOT]),
        parties: &Parties::of(&policy, [&requester], []),
        ourselves: Some(OURSELVES),
        reviews: &reviews(rows),
        head: &commit('b'),
        contents: &BTreeMap::from([
            (commit('a'), "one".to_owned()),
            (commit('b'), "one".to_owned()),
            (commit('c'), "two".to_owned()),
        ]),
    })
}

#[test]
fn the_latest_word_of_each_person_counts() {
    use ReviewState::{Approved, ChangesRequested, Commented, Dismissed, Pending};
    let needed = needed(1, &[], &["platform"]);
    let open = "approval by 1 person (platform)";
    for (rows, approved, sentence) in [
        (&[][..], false, open),
        (&[(BOB, Approved, 'b', 1)], true, "approved by bob"),
        (
            &[
                (BOB, Approved, 'b', 1),
                (BOB, Commented, 'b', 2),
                (BOB, Pending, 'b', 3),
            ],
            true,
            "approved by bob",
        ),
        (&[(BOB, Commented, 'b', 1)], false, open),
        (
            &[(BOB, Approved, 'b', 1), (BOB, Dismissed, 'b', 2)],
            false,
            open,
        ),
        (
            &[(BOB, Dismissed, 'b', 1), (BOB, Approved, 'b', 2)],
            true,
            "approved by bob",
        ),
        (
            &[(BOB, Approved, 'b', 1), (BOB, ChangesRequested, 'b', 2)],
            false,
            "approval by 1 person (platform); bob asked for changes",
        ),
        // They come in any order.
        (
            &[(BOB, Approved, 'b', 2), (BOB, ChangesRequested, 'b', 1)],
            true,
            "approved by bob",
        ),
        (
            &[(BOB, Approved, 'b', 1), (CAROL, ChangesRequested, 'b', 2)],
            false,
            "approved by bob; carol asked for changes",
        ),
        // Changes asked for of an earlier head are still asked for.
        (
            &[(CAROL, ChangesRequested, 'c', 1), (BOB, Approved, 'b', 2)],
            false,
            "approved by bob; carol asked for changes",
        ),
    ] {
        let verdict = verdict(&needed, rows);
        assert_eq!(verdict.approved, approved, "{rows:?}");
        assert_eq!(verdict.sentence, sentence, "{rows:?}");
    }
}

#[test]
fn an_approval_is_of_one_content() {
    use ReviewState::Approved;
    let needed = needed(1, &[], &["platform"]);
    for (head, counts) in [('b', true), ('a', true), ('c', false), ('d', false)] {
        let verdict = verdict(&needed, &[(BOB, Approved, head, 1)]);
        assert_eq!(verdict.approved, counts, "{head}");
        let outdated: &[&str] = if counts { &[] } else { &["bob"] };
        assert_eq!(verdict.outdated, outdated, "{head}");
    }
}

#[test]
fn only_those_who_are_asked_count_and_nobody_for_their_own() {
    use ReviewState::{Approved, ChangesRequested};
    let (team, person, anyone) = (
        needed(1, &[], &["platform"]),
        needed(1, &["ann"], &[]),
        needed(1, &[], &[]),
    );
    let unread = needed(1, &[], &["nobody-can-read"]);
    for (needed, id, counts) in [
        (&team, BOB, true),
        (&team, ANN, false),
        (&team, STRANGER, false),
        (&team, DAN, false),
        (&team, BOT, false),
        (&person, ANN, true),
        (&person, BOB, false),
        (&anyone, ANN, true),
        (&anyone, CAROL, true),
        (&anyone, STRANGER, false),
        (&anyone, DAN, false),
        (&anyone, BOT, false),
        (&anyone, OURSELVES, false),
        (&unread, BOB, false),
    ] {
        let by = needed.by();
        let yes = verdict(needed, &[(id, Approved, 'b', 1)]);
        assert_eq!(yes.approved, counts, "{} of {by}", login(id));
        let no = verdict(needed, &[(id, ChangesRequested, 'b', 1)]);
        assert_eq!(
            no.blocked_by.len(),
            usize::from(counts),
            "{} of {by}",
            login(id)
        );
    }
    let own = verdict(&team, &[(DAN, Approved, 'b', 1)]);
    assert_eq!(
        own.sentence,
        "approval by 1 person (platform); dan asked for it or owns it, so that approval does not count"
    );
}

#[test]
fn people_are_counted_once_each() {
    use ReviewState::Approved;
    let needed = needed(3, &["ann"], &["platform"]);
    let twice = [
        (BOB, Approved, 'a', 1),
        (BOB, Approved, 'b', 2),
        (CAROL, Approved, 'b', 3),
    ];
    let verdict = verdict(&needed, &twice);
    assert_eq!(verdict.missing, 1);
    let given: Vec<(&str, u64)> = verdict
        .given
        .iter()
        .map(|it| (it.login.as_str(), it.id))
        .collect();
    assert_eq!(given, [("bob", BOB), ("carol", CAROL)]);
    assert_eq!(
        verdict.sentence,
        "approval by 1 more person (ann, platform); approved by bob and carol"
    );
}

/// A pull request whose head we know nothing of, such as a person's.
#[test]
fn without_known_contents_only_the_head_itself_counts() {
    for (seen, counts) in [(Some('b'), true), (Some('a'), false), (None, false)] {
        let mut reviews = reviews(&[(BOB, ReviewState::Approved, 'b', 1)]);
        reviews[0].commit = seen.map(commit);
        let verdict = judge(&Evidence {
            needed: &needed(1, &[], &[]),
            reviewers: &BTreeMap::new(),
            teams: &BTreeMap::new(),
            writers: &BTreeSet::from([BOB]),
            parties: &Parties::default(),
            ourselves: None,
            reviews: &reviews,
            head: &commit('b'),
            contents: &BTreeMap::new(),
        });
        assert_eq!(verdict.approved, counts, "{seen:?}");
    }
}
