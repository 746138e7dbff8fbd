//! Who may call the forge, and when: every limit of GitHub's in one place, and the queue before it.
//!
//! Pure: the time is an argument, and nobody waits here. Facts:
//! <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api> and
//! <https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api>. What was counted is lost
//! with the process: after a restart the forge's own refusals are the limit. Must not know: how a call is sent, or
//! what it says.

mod heard;
mod pause;
#[cfg(test)]
mod tests;
mod window;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::forge::{BudgetView, Priority, Quota};
use pause::Pauses;
use window::Window;

pub(super) use heard::{Heard, Limited, server_time};

/// Calls that create content, a minute.
const CONTENT_MINUTE: u32 = 80;
/// And an hour.
const CONTENT_HOUR: u32 = 500;
/// Points a minute: 900 are allowed. Reads are counted when they leave, so some room is left.
const POINTS_MINUTE: u32 = 800;
/// Reads at the same time: 100 are allowed, few are enough.
const READS: usize = 8;
/// Where there are many, writes are so far apart.
const GAP: SignedDuration = SignedDuration::from_secs(1);
/// So many writes are let through before the gap is kept.
const BURST: i32 = 10;

/// Whose limit a call counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    /// The REST API's, for our token.
    Rest,
    /// The GraphQL API's, for our token.
    Graphql,
    /// The App's own: it has a quota of its own that we never come near.
    App,
}

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    Read,
    /// It changes something that nobody is told of.
    Write,
    /// It creates or changes something that people are told of.
    Content,
}

/// A call that wants to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) resource: Resource,
    pub(super) effect: Effect,
    pub(super) priority: Priority,
}

impl Ask {
    /// Whether it has to be the only one of its time.
    fn writes(self) -> bool {
        self.effect != Effect::Read
    }

    /// What it costs of the points of a minute. GraphQL has more of its own; it is counted with the rest all the same.
    fn points(self) -> u32 {
        if self.writes() { 5 } else { 1 }
    }

    /// How much of a limit it may use up, in percent: the rest is kept for what is more urgent.
    fn share(self) -> u32 {
        match self.priority {
            Priority::Merge => 100,
            Priority::Open => 90,
            Priority::Comment => 80,
            Priority::Poll => 70,
        }
    }
}

/// A place in the queue; the smallest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(Priority, u64);

/// Why a call is not made yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// A limit is used up until then.
    Until(Timestamp),
    /// It is another's turn.
    Turn,
}

/// The limits, and who waits.
#[derive(Debug)]
pub(super) struct Budget {
    rest: Option<Quota>,
    graphql: Option<Quota>,
    minute: Window,
    hour: Window,
    points: Window,
    /// When the next write would be due if all were `GAP` apart.
    paced: Option<Timestamp>,
    pauses: Pauses,
    queue: BTreeMap<Ticket, Ask>,
    tickets: u64,
    reading: usize,
    writing: bool,
}

impl Budget {
    /// Nothing used, nobody waiting.
    pub(super) fn new() -> Self {
        Self {
            rest: None,
            graphql: None,
            minute: Window::new(SignedDuration::from_mins(1), CONTENT_MINUTE),
            hour: Window::new(SignedDuration::from_hours(1), CONTENT_HOUR),
            points: Window::new(SignedDuration::from_mins(1), POINTS_MINUTE),
            paced: None,
            pauses: Pauses::default(),
            queue: BTreeMap::new(),
            tickets: 0,
            reading: 0,
            writing: false,
        }
    }

    /// Takes a place in the queue, behind all of the same priority.
    pub(super) fn join(&mut self, ask: Ask) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(ask.priority, self.tickets);
        self.queue.insert(ticket, ask);
        ticket
    }

    /// Gives the place up.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.queue.remove(&ticket);
    }

    /// When it may go at the earliest, if nothing else goes wrong: those before it are counted.
    pub(super) fn forecast(&mut self, ticket: Ticket, now: Timestamp) -> Timestamp {
        self.expire(now);
        let Some(ask) = self.queue.get(&ticket) else {
            return now;
        };
        let before = self.queue.range(..ticket).map(|(_, it)| it);
        let (writes, content) = before.fold((0, 0), |(writes, content), it| {
            let creates = it.effect == Effect::Content;
            (
                writes + u32::from(it.writes()),
                content + u32::from(creates),
            )
        });
        self.due(*ask, now, writes, content)
    }

    /// Makes the call's turn come, if it has: the place is given up, and `done` is owed.
    pub(super) fn take(&mut self, ticket: Ticket, now: Timestamp) -> Result<Ask, Wait> {
        self.expire(now);
        let ask = *self.queue.get(&ticket).ok_or(Wait::Turn)?;
        let due = self.due(ask, now, 0, 0);
        if due > now {
            return Err(Wait::Until(due));
        }
        if !self.is_free(ask) || self.is_overtaking(ticket, ask, now) {
            return Err(Wait::Turn);
        }
        self.queue.remove(&ticket);
        self.charge(ask, now);
        Ok(ask)
    }

    /// A call that was let through is over. `heard` is what its answer said, if there was one.
    pub(super) fn done(&mut self, ask: Ask, now: Timestamp, heard: Option<&Heard>) {
        if ask.writes() {
            self.writing = false;
        } else {
            self.reading -= 1;
        }
        if ask.effect == Effect::Content {
            // The forge counts a call when it gets it: that is now at the latest.
            self.minute.retime(now);
            self.hour.retime(now);
        }
        let Some(heard) = heard else {
            return;
        };
        self.learn(ask.resource, heard.quota);
        match &heard.limited {
            Some(Limited::Secondary(after, why)) => {
                self.pauses.refused(now, *after, ask.writes(), why);
            }
            Some(Limited::Primary) => {}
            None => self.pauses.passed(ask.writes()),
        }
    }

    /// How things stand.
    pub(super) fn view(&mut self, now: Timestamp) -> BudgetView {
        self.expire(now);
        let waiting = |priority| self.queue.keys().filter(|it| it.0 == priority).count();
        BudgetView {
            rest: self.rest,
            graphql: self.graphql,
            content_minute: self.minute.left(),
            content_hour: self.hour.left(),
            waiting: Priority::ALL.map(|it| (it, waiting(it))).to_vec(),
            paused: self.pauses.current(now).cloned(),
        }
    }

    /// When a call may go by the limits alone, behind so many writes and calls that create content.
    fn due(&self, ask: Ask, now: Timestamp, writes: u32, content: u32) -> Timestamp {
        let mut due = self.pauses.until(now).unwrap_or(now);
        due = due.max(self.quota_at(ask, now));
        let share = ask.share();
        due = due.max(self.points.free_at(now, ask.points(), 0, share));
        if ask.effect == Effect::Content {
            due = due.max(self.minute.free_at(now, 1, content, share));
            due = due.max(self.hour.free_at(now, 1, content, share));
        }
        if ask.writes() && ask.priority != Priority::Merge {
            let ahead = i32::try_from(writes).unwrap_or(i32::MAX).min(3_600);
            let paced = self.paced.unwrap_or(now).max(now);
            due = due.max(paced + GAP * (ahead + 1 - BURST));
        }
        due
    }

    fn quota_at(&self, ask: Ask, now: Timestamp) -> Timestamp {
        let quota = match ask.resource {
            Resource::Rest => self.rest,
            Resource::Graphql => self.graphql,
            Resource::App => None,
        };
        let spent = quota.filter(|it| it.remaining <= it.limit * (100 - ask.share()) / 100);
        spent.map_or(now, |it| it.resets_at)
    }

    fn is_free(&self, ask: Ask) -> bool {
        if ask.writes() {
            !self.writing
        } else {
            self.reading < READS
        }
    }

    /// Whether somebody before it could go as well.
    fn is_overtaking(&self, ticket: Ticket, ask: Ask, now: Timestamp) -> bool {
        let before = self.queue.range(..ticket).map(|(_, it)| *it);
        let mut rivals = before.filter(|it| it.writes() == ask.writes());
        rivals.any(|it| self.due(it, now, 0, 0) <= now)
    }

    fn charge(&mut self, ask: Ask, now: Timestamp) {
        self.points.add(now, ask.points());
        if ask.effect == Effect::Content {
            self.minute.add(now, 1);
            self.hour.add(now, 1);
        }
        if ask.writes() {
            self.writing = true;
            self.paced = Some(self.paced.unwrap_or(now).max(now) + GAP);
        } else {
            self.reading += 1;
        }
        if let Some(quota) = self.quota_mut(ask.resource) {
            quota.remaining = quota.remaining.saturating_sub(1);
        }
    }

    /// Believes an answer about the primary limit, except that calls under way are not in it yet.
    fn learn(&mut self, resource: Resource, heard: Option<Quota>) {
        let Some(mut heard) = heard else {
            return;
        };
        let under_way = u32::try_from(self.reading).unwrap_or(0) + u32::from(self.writing);
        heard.remaining = heard.remaining.saturating_sub(under_way);
        match resource {
            Resource::Rest => self.rest = Some(heard),
            Resource::Graphql => self.graphql = Some(heard),
            Resource::App => {}
        }
    }

    fn quota_mut(&mut self, resource: Resource) -> Option<&mut Quota> {
        match resource {
            Resource::Rest => self.rest.as_mut(),
            Resource::Graphql => self.graphql.as_mut(),
            Resource::App => None,
        }
    }

    fn expire(&mut self, now: Timestamp) {
        for window in [&mut self.minute, &mut self.hour, &mut self.points] {
            window.expire(now);
        }
        // After the reset the next answer says how many there are.
        for quota in [&mut self.rest, &mut self.graphql] {
            if quota.is_some_and(|it| it.resets_at <= now) {
                *quota = None;
            }
        }
    }
}
