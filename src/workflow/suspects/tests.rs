//! The search against remotes that refuse some changes, or everything, or everything for a while.

use super::*;

/// A remote, and what lies before it.
struct Play {
    suspects: Suspects,
    /// Entries that are not published, in order; each of a store of its own.
    queue: Vec<Carried>,
    published: Vec<Carried>,
    failed: Vec<ChangeId>,
    pushes: usize,
    /// How often the pusher backed off.
    waits: usize,
}

fn entry(n: usize) -> Carried {
    let ulid = ulid::Ulid::from_parts(n as u64, 0).to_string();
    let id = ulid.parse().expect("a ULID");
    (id, format!("s{n}").parse().expect("a name"))
}

impl Play {
    fn of(count: usize) -> Self {
        Self {
            suspects: Suspects::default(),
            queue: (0..count).map(entry).collect(),
            published: Vec::new(),
            failed: Vec::new(),
            pushes: 0,
            waits: 0,
        }
    }

    /// Writes and pushes once, as the writer does.
    fn step(&mut self, refuses: &dyn Fn(usize, &Carried) -> bool) {
        let aside = self.suspects.aside();
        let free = |it: &&Carried| !aside.contains(&it.1);
        let group: Vec<Carried> = match self.suspects.next() {
            Next::Anything => self.queue.clone(),
            Next::Few(most) => self.queue.iter().filter(free).take(most).cloned().collect(),
            Next::Of(store) => {
                let of = self.queue.iter().filter(|it| it.1 == store);
                of.take(1).cloned().collect()
            }
        };
        let verdict = if group.is_empty() && self.suspects.searching() {
            self.suspects.ran_dry()
        } else if group.is_empty() {
            return;
        } else {
            self.pushes += 1;
            if group.iter().any(|it| refuses(self.pushes, it)) {
                self.suspects.refused(&group, "no")
            } else {
                self.queue.retain(|it| !group.contains(it));
                for guilty in self.suspects.passed(&group) {
                    self.fail(&guilty);
                }
                self.published.extend(group);
                return;
            }
        };
        match verdict {
            Verdict::Search => {}
            Verdict::Guilty(guilty) => self.fail(&guilty),
            Verdict::SearchLater | Verdict::Blocked => self.waits += 1,
        }
    }

    fn fail(&mut self, guilty: &Guilty) {
        assert_eq!(guilty.said, "no");
        self.queue.retain(|it| it.0 != guilty.change);
        self.failed.push(guilty.change.clone());
    }

    /// Goes on until nothing is left, for so many steps at most.
    fn play(mut self, steps: usize, refuses: &dyn Fn(usize, &Carried) -> bool) -> Self {
        for _ in 0..steps {
            self.step(refuses);
        }
        self
    }
}

#[test]
fn the_refused_ones_fail_and_all_others_arrive() {
    for (count, bad, most_pushes) in [
        (2, vec![0], 4),
        (2, vec![1], 5),
        (3, vec![2], 6),
        (9, vec![4], 12),
        (2000, vec![0], 6),
        (2000, vec![1234], 28),
        (2000, vec![1999], 28),
        (2000, vec![7, 8], 50),
        (2000, vec![0, 1], 8),
        (50, vec![3, 20, 21, 40], 60),
    ] {
        let bad: Vec<ChangeId> = bad.into_iter().map(|it| entry(it).0).collect();
        let end = Play::of(count).play(200, &|_, it| bad.contains(&it.0));
        let mut failed = end.failed.clone();
        failed.sort();
        assert_eq!(failed, bad, "{count}");
        assert_eq!(end.published.len(), count - bad.len());
        assert!(
            end.pushes <= most_pushes,
            "{count} {bad:?}: {} pushes",
            end.pushes
        );
        assert!(!end.suspects.searching() && end.suspects.aside().is_empty());
    }
}

#[test]
fn a_remote_that_refuses_everything_blames_nobody() {
    for count in [1, 2, 3, 4, 500] {
        let end = Play::of(count).play(100, &|_, _| true);
        assert_eq!(end.failed, []);
        assert_eq!(end.queue.len(), count);
        assert!(end.waits > 25, "{count}: it backs off: {}", end.waits);
    }
}

#[test]
fn a_remote_that_heals_in_the_middle_of_a_search_blames_nobody() {
    for count in [1, 2, 3, 4, 5, 40] {
        for heals in 1..30 {
            let end = Play::of(count).play(200, &|push, _| push < heals);
            assert_eq!(end.failed, [], "{count} healed at {heals}");
            assert_eq!(end.published.len(), count, "{count} healed at {heals}");
        }
    }
}

#[test]
fn a_remote_that_begins_to_refuse_everything_in_a_search_blames_only_the_bad_one() {
    for begins in 2..20 {
        let bad = entry(5).0;
        let end = Play::of(20).play(300, &|push, it| {
            (begins..begins + 40).contains(&push) || it.0 == bad
        });
        assert_eq!(end.failed, [bad], "blocked at {begins}");
        assert_eq!(end.published.len(), 19, "blocked at {begins}");
    }
}

#[test]
fn one_that_is_alone_is_blamed_only_when_another_passes() {
    let bad = entry(0).0;
    let mut play = Play::of(1).play(30, &|_, it| it.0 == bad);
    assert_eq!(play.failed, []);
    play.queue.push(entry(1));
    let end = play.play(10, &|_, it| it.0 == bad);
    assert_eq!(end.failed, [bad]);
    assert_eq!(end.published, [entry(1)]);
}

#[test]
fn what_is_bad_in_a_row_does_not_hide_what_is_good() {
    // Three bad ones in front look like a remote that refuses everything; the next search tries others.
    let bad: Vec<ChangeId> = (0..7).map(|n| entry(n).0).collect();
    let end = Play::of(12).play(100, &|_, it| bad.contains(&it.0));
    let mut failed = end.failed.clone();
    failed.sort();
    assert_eq!(failed, bad);
    assert_eq!(end.published.len(), 5);
}

#[test]
fn commits_that_no_change_asked_for_are_pushed_again_after_a_while() {
    let mut suspects = Suspects::default();
    for _ in 0..50 {
        assert_eq!(suspects.refused(&[], "no"), Verdict::Blocked);
        assert!(!suspects.searching());
    }
    // in a search too: what carries nobody's change ends it
    assert_eq!(
        suspects.refused(&[entry(1), entry(2)], "no"),
        Verdict::Search
    );
    assert_eq!(suspects.refused(&[], "no"), Verdict::Blocked);
    assert!(!suspects.searching());
}
