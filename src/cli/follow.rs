//! Following a change until it got where the caller wants it.

use std::io::{IsTerminal, Write, stderr};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::args::{Until, WriteArgs};
use super::client::{Client, read};
use super::failure::Failure;
use super::output::plain;
use crate::domain::change::{Change, State};

/// Time between two looks.
const PACE: Duration = Duration::from_millis(500);

/// Where a change is, seen from what the caller wants.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    There,
    OnItsWay,
    NeedsApproval,
    /// It goes no further; why.
    Over(String),
}

/// Waits as the caller asked, and returns the change as it is then with how that counts.
pub(super) fn follow(
    client: &Client,
    accepted: Change,
    write: &WriteArgs,
) -> Result<(Change, Result<(), Failure>), Failure> {
    let Some(seconds) = write.wait else {
        let verdict = match standing(&accepted, write.until) {
            Standing::NeedsApproval => Err(approval(&accepted)),
            Standing::Over(why) => Err(Failure::new(why)),
            Standing::There | Standing::OnItsWay => Ok(()),
        };
        return Ok((accepted, verdict));
    };
    follow_until(client, accepted, write.until, seconds)
}

/// Waits until a change got there, at most so many seconds, and returns it as it is then with how that counts.
pub(super) fn follow_until(
    client: &Client,
    accepted: Change,
    until: Until,
    seconds: u64,
) -> Result<(Change, Result<(), Failure>), Failure> {
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut progress = Progress::default();
    let mut change = accepted;
    loop {
        progress.show(&change);
        let verdict = match standing(&change, until) {
            Standing::There => Ok(()),
            Standing::NeedsApproval => Err(approval(&change)),
            Standing::Over(why) => Err(Failure::new(why)),
            Standing::OnItsWay if Instant::now() >= end => Err(late(&change, seconds)),
            Standing::OnItsWay => {
                sleep(PACE);
                change = read(client.get(&format!("/api/v1/changes/{}", change.id))?)?;
                continue;
            }
        };
        return Ok((change, verdict));
    }
}

fn standing(change: &Change, until: Until) -> Standing {
    // A merged change may be overtaken before anybody looks; its commit stays.
    let merged = change.state.is_merged() || change.commit.is_some();
    if change.state == State::Ready || (until == Until::Merged && merged) {
        return Standing::There;
    }
    match change.state {
        State::Proposed => Standing::NeedsApproval,
        state if state.is_end() => Standing::Over(why(change)),
        State::Merged if unwatched(change) => Standing::Over(format!(
            "change {} is merged and goes no further: no cluster is watched",
            change.id
        )),
        _ => Standing::OnItsWay,
    }
}

/// Whether merged is the end: only where a cluster is watched a merged change has a deadline.
pub(super) fn unwatched(change: &Change) -> bool {
    change.state == State::Merged && change.deadline.is_none()
}

fn why(change: &Change) -> String {
    let id = &change.id;
    if let Some(error) = &change.error {
        return format!("change {id} failed: {} {}", error.message, error.next_step);
    }
    match (&change.superseded_by, change.state) {
        (Some(other), _) => format!("change {id} was overtaken by change {other}"),
        (None, state) => format!("change {id} is {}", state.as_str()),
    }
}

fn approval(change: &Change) -> Failure {
    let place = change
        .pull_request
        .as_ref()
        .map_or(String::new(), |it| format!(" at {}", it.url));
    Failure::waiting_for_approval(format!("change {} needs approval{place}", change.id))
}

fn late(change: &Change, seconds: u64) -> Failure {
    let (id, state) = (&change.id, change.state.as_str());
    let wait = change
        .waiting_for
        .as_ref()
        .map_or(String::new(), |it| format!(", waiting for {it}"));
    Failure::timed_out(format!(
        "change {id} is {state} after {seconds} s{wait}; see fleetwright change get {id}"
    ))
}

/// One line on a terminal for each state that a change reaches.
#[derive(Default)]
struct Progress(Option<(State, Option<String>)>);

impl Progress {
    fn show(&mut self, change: &Change) {
        let now = (change.state, change.waiting_for.clone());
        if !stderr().is_terminal() || self.0.as_ref() == Some(&now) {
            return;
        }
        let wait = change
            .waiting_for
            .as_ref()
            .map_or(String::new(), |it| format!(", waiting for {}", plain(it)));
        let _ = writeln!(
            stderr(),
            "{}: change {} is {}{wait}",
            change.store,
            change.id,
            change.state.as_str()
        );
        self.0 = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::Action;

    fn change(states: &[State]) -> Change {
        let id: crate::domain::ChangeId = "01JD0000000000000000000000".parse().expect("a ULID");
        let name = "shop".parse().expect("a name");
        let now = jiff::Timestamp::UNIX_EPOCH;
        let mut change = Change::queued(
            id.clone(),
            name,
            id.into(),
            Action::Create,
            "token:admin".to_owned(),
            now,
        );
        for state in states {
            assert!(change.go(*state, now, None));
        }
        change
    }

    #[test]
    fn a_change_stands_where_its_state_says() {
        let mut merged = change(&[State::Merged]);
        assert_eq!(standing(&merged, Until::Merged), Standing::There);
        assert!(
            matches!(standing(&merged, Until::Ready), Standing::Over(_)),
            "nothing is watched"
        );
        merged.deadline = Some(jiff::Timestamp::MAX);
        assert_eq!(standing(&merged, Until::Ready), Standing::OnItsWay);
        assert_eq!(standing(&change(&[]), Until::Merged), Standing::OnItsWay);
        assert_eq!(
            standing(&change(&[State::Proposed]), Until::Merged),
            Standing::NeedsApproval
        );
        assert!(matches!(
            standing(&change(&[State::Cancelled]), Until::Merged),
            Standing::Over(_)
        ));
        assert_eq!(
            standing(
                &change(&[State::Merged, State::Applied, State::Ready]),
                Until::Ready
            ),
            Standing::There
        );
    }
}
