//! The order of calls and the limits they keep, as a table of scripts with a clock of their own.

use super::*;

const READ: Effect = Effect::Read;
const WRITE: Effect = Effect::Write;
const CONTENT: Effect = Effect::Content;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + ms).expect("a time")
}

fn ask(effect: Effect, priority: Priority) -> Ask {
    Ask {
        resource: Resource::Rest,
        effect,
        priority,
    }
}

fn quota(remaining: u32, resets: Timestamp) -> Heard {
    let quota = Quota {
        limit: 5_000,
        remaining,
        resets_at: resets,
    };
    Heard {
        quota: Some(quota),
        limited: None,
    }
}

/// One call from the queue to its end, if it may go now.
fn call(budget: &mut Budget, ask: Ask, now: Timestamp) -> Result<(), Wait> {
    let ticket = budget.join(ask);
    let taken = budget.take(ticket, now);
    budget.leave(ticket);
    taken.map(|it| budget.done(it, now, None))
}

/// Makes so many calls, each as soon as it may go and in `took` ms; when the last was over.
fn calls(budget: &mut Budget, ask: Ask, count: usize, took: i64) -> Vec<Timestamp> {
    let mut now = at(0);
    let mut sent = Vec::new();
    for _ in 0..count {
        let ticket = budget.join(ask);
        while let Err(Wait::Until(later)) = budget.take(ticket, now) {
            assert!(later > now);
            now = later;
        }
        sent.push(now);
        now += SignedDuration::from_millis(took);
        budget.done(ask, now, None);
    }
    sent
}

fn most_within(sent: &[Timestamp], span: SignedDuration) -> usize {
    let from = |place: usize| {
        let until = sent[place] + span;
        sent[place..].iter().take_while(|it| **it < until).count()
    };
    (0..sent.len()).map(from).max().unwrap_or(0)
}

#[test]
fn a_first_call_goes_at_once_whatever_it_is() {
    for effect in [READ, WRITE, CONTENT] {
        for priority in Priority::ALL {
            let done = call(&mut Budget::new(), ask(effect, priority), at(0));
            assert_eq!(done, Ok(()), "{effect:?} {priority:?}");
        }
    }
}

#[test]
fn a_thousand_writes_keep_both_windows_and_the_gap() {
    for priority in Priority::ALL {
        for took in [0, 50, 2_000] {
            let sent = calls(&mut Budget::new(), ask(CONTENT, priority), 1_000, took);
            let minute = most_within(&sent, SignedDuration::from_mins(1));
            let hour = most_within(&sent, SignedDuration::from_hours(1));
            assert!(
                minute <= 80 && hour <= 500,
                "{priority:?} {took}: {minute} {hour}"
            );
            let slow = priority == Priority::Merge || minute <= 60 + 10;
            assert!(slow, "{priority:?} {took}: the gap of a second is not kept");
        }
    }
}

#[test]
fn a_merge_finds_room_where_everything_else_waits() {
    // given an hour whose content is used up for all but merges
    let mut budget = Budget::new();
    let sent = calls(&mut budget, ask(CONTENT, Priority::Open), 450, 0);
    let now = *sent.last().expect("sent") + SignedDuration::from_secs(20);
    // then
    for (priority, goes) in [
        (Priority::Merge, true),
        (Priority::Open, false),
        (Priority::Comment, false),
    ] {
        let done = call(&mut budget, ask(CONTENT, priority), now);
        assert_eq!(done.is_ok(), goes, "{priority:?}");
    }
}

#[test]
fn the_queue_is_by_priority_and_fair_inside_one() {
    // given a write under way
    let mut budget = Budget::new();
    let first = ask(CONTENT, Priority::Open);
    let under_way = budget.join(first);
    budget.take(under_way, at(0)).expect("free");
    // when these ask in this order
    let asked = [
        Priority::Comment,
        Priority::Open,
        Priority::Merge,
        Priority::Open,
        Priority::Merge,
    ];
    let tickets = asked.map(|it| budget.join(ask(CONTENT, it)));
    assert!(
        tickets
            .iter()
            .all(|it| budget.take(*it, at(1)) == Err(Wait::Turn))
    );
    // then they go in that order
    budget.done(first, at(2), None);
    for next in [2, 4, 1, 3, 0] {
        for (place, ticket) in tickets.iter().enumerate().filter(|it| it.0 != next) {
            assert!(
                budget.take(*ticket, at(3)).is_err(),
                "{place} before {next}"
            );
        }
        let taken = budget.take(tickets[next], at(3)).expect("its turn");
        budget.done(taken, at(3), None);
    }
}

#[test]
fn one_write_at_a_time_and_few_reads() {
    let mut budget = Budget::new();
    let mut goes = |effect| {
        let ticket = budget.join(ask(effect, Priority::Open));
        let taken = budget.take(ticket, at(0));
        budget.leave(ticket);
        taken.is_ok()
    };
    assert!(goes(WRITE) && !goes(CONTENT), "one write");
    assert!(
        (0..READS).all(|_| goes(READ)) && !goes(READ),
        "{READS} reads"
    );
}

#[test]
fn what_is_left_of_the_primary_limit_is_kept_for_what_is_urgent() {
    let cases = [
        (1_501, [true, true, true, true]),
        (1_500, [true, true, true, false]),
        (1_000, [true, true, false, false]),
        (500, [true, false, false, false]),
        (0, [false, false, false, false]),
    ];
    for (remaining, goes) in cases {
        for (priority, goes) in Priority::ALL.into_iter().zip(goes) {
            let mut budget = Budget::new();
            let read = ask(READ, priority);
            let ticket = budget.join(read);
            budget.take(ticket, at(0)).expect("nothing is known yet");
            budget.done(read, at(1), Some(&quota(remaining, at(9_000))));
            let asked = call(&mut budget, read, at(2));
            let wanted = if goes {
                Ok(())
            } else {
                Err(Wait::Until(at(9_000)))
            };
            assert_eq!(asked, wanted, "{remaining} {priority:?}");
            assert_eq!(
                call(&mut budget, read, at(9_000)),
                Ok(()),
                "after the reset"
            );
        }
    }
}

#[test]
fn calls_under_way_are_not_in_what_an_answer_says() {
    let mut budget = Budget::new();
    let read = ask(READ, Priority::Merge);
    let [first, _second] = [budget.join(read), budget.join(read)].map(|it| {
        budget.take(it, at(0)).expect("free");
        it
    });
    budget.leave(first);
    budget.done(read, at(1), Some(&quota(10, at(9_000))));
    assert_eq!(budget.view(at(1)).rest.expect("a quota").remaining, 9);
}

#[test]
fn a_secondary_limit_stops_everything_for_its_time() {
    let mut budget = Budget::new();
    let write = ask(CONTENT, Priority::Comment);
    let ticket = budget.join(write);
    budget.take(ticket, at(0)).expect("free");
    let after = Some(SignedDuration::from_secs(30));
    let heard = Heard {
        quota: None,
        limited: Some(Limited::Secondary(after, "slow down".to_owned())),
    };
    budget.done(write, at(0), Some(&heard));
    for priority in Priority::ALL {
        let asked = call(&mut budget, ask(READ, priority), at(1));
        assert_eq!(asked, Err(Wait::Until(at(30_000))));
    }
    let paused = budget.view(at(1)).paused.expect("a pause");
    assert_eq!(
        (paused.until, paused.why.as_str()),
        (at(30_000), "slow down")
    );
    assert_eq!(call(&mut budget, write, at(30_000)), Ok(()));
    assert_eq!(budget.view(at(30_000)).paused, None);
}

#[test]
fn a_forecast_counts_those_before_it() {
    let mut budget = Budget::new();
    let comment = ask(CONTENT, Priority::Comment);
    let tickets: Vec<Ticket> = (0..200).map(|_| budget.join(comment)).collect();
    // a burst, then a second each, then the next minute
    for (place, seconds) in [(0, 0), (9, 0), (10, 1), (30, 21), (63, 54), (64, 60)] {
        let forecast = budget.forecast(tickets[place], at(0));
        assert_eq!(forecast, at(seconds * 1_000), "{place}");
    }
    let late = budget.forecast(tickets[199], at(0));
    assert!(late >= at(60_000), "{late}");
    // who is more urgent does not wait for them
    let merge = budget.join(ask(CONTENT, Priority::Merge));
    assert_eq!(budget.forecast(merge, at(0)), at(0));
}

#[test]
fn the_view_counts_what_is_left_and_who_waits() {
    let mut budget = Budget::new();
    call(&mut budget, ask(CONTENT, Priority::Open), at(0)).expect("free");
    budget.join(ask(CONTENT, Priority::Comment));
    budget.join(ask(READ, Priority::Poll));
    budget.join(ask(READ, Priority::Poll));
    let view = budget.view(at(1));
    assert_eq!((view.content_minute, view.content_hour), (79, 499));
    let waiting: Vec<usize> = view.waiting.iter().map(|it| it.1).collect();
    assert_eq!(waiting, [0, 0, 1, 2]);
    assert_eq!(view.rest, None);
}
