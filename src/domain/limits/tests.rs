//! The limits as tables, and what must hold whatever comes in which order.

use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).expect("a time of this century")
}

fn rule(count: u32, seconds: i64) -> Rule {
    Rule {
        count,
        per: SignedDuration::from_secs(seconds),
    }
}

const LIMITS: fn() -> RequestLimits = || RequestLimits {
    writes: rule(4, 100),
    creates: rule(2, 60),
    creates_per_address: rule(3, 10),
};

fn hit(merchant: &str, address: [u8; 4], create: bool, seconds: i64) -> Hit {
    Hit {
        merchant: merchant.parse().expect("an owner"),
        at: at(seconds),
        create,
        address: Some(ClientAddress::from(core::net::IpAddr::from(address))),
    }
}

const HOME: [u8; 4] = [192, 0, 2, 1];
const AWAY: [u8; 4] = [192, 0, 2, 2];

#[test]
fn the_defaults_are_those_of_the_interface() {
    let limits = RequestLimits::default();
    assert_eq!(limits.writes, rule(100, 15 * 60));
    assert_eq!(limits.creates, rule(5, 60 * 60));
    assert_eq!(limits.creates_per_address, rule(5, 60));
}

#[test]
fn each_limit_stops_what_it_is_about() {
    // Merchant, address, whether it creates, second; and the limit that stops it, with the seconds to wait.
    let table = [
        (hit("alice", HOME, true, 0), None),
        (hit("alice", HOME, true, 1), None),
        (hit("alice", HOME, true, 2), Some(("creates", 58))),
        (hit("alice", AWAY, true, 3), Some(("creates", 57))),
        (hit("alice", HOME, false, 4), None),
        (hit("bob", HOME, true, 5), None),
        (hit("bob", HOME, true, 6), Some(("createsPerAddress", 4))),
        (hit("bob", AWAY, true, 7), None),
        (hit("alice", HOME, false, 8), None),
        (hit("alice", HOME, false, 9), Some(("writes", 91))),
        // Both are reached: the one that lasts longer says when to come again.
        (hit("alice", HOME, true, 50), Some(("writes", 50))),
        (hit("alice", HOME, true, 99), Some(("writes", 1))),
        (hit("alice", HOME, true, 100), None),
    ];
    let mut tally = Tally::default();
    for (hit, stopped) in table {
        let said = tally.admit(&LIMITS(), &hit).err();
        let said = said.map(|it| (it.worst.name, it.retry_after));
        assert_eq!(said, stopped, "{hit:?}");
    }
}

#[test]
fn a_refusal_is_a_write_and_no_creation() {
    let mut tally = Tally::default();
    let hit = hit("alice", HOME, true, 0);
    tally.admit(&LIMITS(), &hit).expect("the first one");
    tally.refused(&hit);
    let used = |tally: &mut Tally| -> Vec<u32> {
        let all = tally.standings(&LIMITS(), &hit);
        all.iter().map(|it| it.used).collect()
    };
    assert_eq!(used(&mut tally), [1, 0, 0]);
    tally.count(&hit);
    tally.take_back(&hit);
    assert_eq!(used(&mut tally), [1, 0, 0]);
}

#[test]
fn standings_say_what_is_left_and_when_there_is_more() {
    let mut tally = Tally::default();
    let ask = hit("alice", HOME, true, 30);
    let empty = tally.standings(&LIMITS(), &ask);
    assert!(
        empty
            .iter()
            .all(|it| it.used == 0 && it.resets_at.is_none())
    );
    tally.count(&hit("alice", HOME, true, 10));
    tally.count(&hit("alice", HOME, false, 20));
    let writes = &tally.standings(&LIMITS(), &ask)[0];
    assert_eq!((writes.limit, writes.window_seconds), (4, 100));
    assert_eq!((writes.used, writes.left), (2, 2));
    assert_eq!(writes.resets_at, Some(at(110)));
    assert_eq!(writes.reset_seconds, Some(80));
}

#[test]
fn what_counts_no_more_takes_no_memory() {
    let mut tally = Tally::default();
    tally.count(&hit("alice", HOME, true, 0));
    tally.forget(&LIMITS(), at(99));
    assert_eq!(tally.writes.len(), 1);
    assert_eq!((tally.creates.len(), tally.addresses.len()), (0, 0));
    tally.forget(&LIMITS(), at(100));
    assert!(tally.writes.is_empty());
}

#[test]
fn a_clock_that_is_put_back_locks_nobody_out_for_longer_than_a_window() {
    let mut tally = Tally::default();
    for _ in 0..4 {
        tally.count(&hit("alice", HOME, false, 1_000_000));
    }
    let wait = |tally: &mut Tally, second| {
        let asked = tally.admit(&LIMITS(), &hit("alice", HOME, false, second));
        asked.err().map(|it| it.retry_after)
    };
    assert_eq!(wait(&mut tally, 0), Some(100));
    assert_eq!(wait(&mut tally, 99), Some(1));
    assert_eq!(wait(&mut tally, 100), None);
}

#[test]
fn a_lowered_limit_waits_until_there_is_room_for_one() {
    let mut window = Window::default();
    for second in 0..5 {
        window.push(at(second));
    }
    assert_eq!(window.resets_at(rule(5, 10), at(5)), Some(at(10)));
    assert_eq!(window.resets_at(rule(2, 10), at(5)), Some(at(13)));
}

proptest! {
    /// Whatever the moments, no span of the window's length holds more than the limit, and whoever waits as long as
    /// he is told gets in.
    #[test]
    fn no_span_holds_more_than_the_limit(
        count in 1_u32..6,
        per in 1_i64..50,
        steps in proptest::collection::vec(0_i64..20, 1..200),
    ) {
        let limits = RequestLimits { writes: rule(count, per), ..LIMITS() };
        let (mut tally, mut now, mut passed) = (Tally::default(), 0, Vec::new());
        for step in steps {
            now += step;
            match tally.admit(&limits, &hit("alice", HOME, false, now)) {
                Ok(()) => passed.push(now),
                Err(exhausted) => {
                    let later = hit("alice", HOME, false, now + exhausted.retry_after);
                    let mut copy = Tally { writes: tally.writes.clone(), ..Tally::default() };
                    prop_assert!(copy.admit(&limits, &later).is_ok());
                }
            }
        }
        for first in &passed {
            let span = passed.iter().filter(|it| (*first..first + per).contains(*it)).count();
            prop_assert!(span <= count as usize, "{span} within {per} s of {first}");
        }
    }

    /// What is counted and taken back leaves no trace.
    #[test]
    fn taking_back_undoes_counting(seconds in proptest::collection::vec(0_i64..9, 0..5), create: bool) {
        let mut tally = Tally::default();
        for second in seconds {
            tally.count(&hit("alice", HOME, true, second));
        }
        let ask = hit("alice", HOME, create, 9);
        let before = tally.standings(&LIMITS(), &ask);
        tally.count(&ask);
        tally.take_back(&ask);
        prop_assert_eq!(tally.standings(&LIMITS(), &ask), before);
    }
}
