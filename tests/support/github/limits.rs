//! GitHub's limits, kept as strictly as it says them, and every breach remembered.
//!
//! Facts: "Rate limits for the REST API" and "Best practices for using the REST API" of GitHub's documentation, and
//! "Repository limits" for pushes.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// How long a caller is told to wait after a secondary limit, in seconds.
const WAIT_SECONDS: i64 = 60;

/// Something a caller must not do.
#[derive(Debug, Clone)]
pub(crate) struct Breach {
    pub(crate) at: Timestamp,
    pub(crate) identity: String,
    /// Which limit, and by what.
    pub(crate) what: String,
}

/// How a secondary limit is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Secondary {
    /// 403 or 429.
    pub(crate) status: u16,
    /// Whether `retry-after` is in it.
    pub(crate) retry_after: bool,
}

/// One hour's allowance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    pub(crate) limit: u32,
    pub(crate) used: u32,
    pub(crate) reset: Timestamp,
}

/// Why a request is not taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refused {
    /// The hour's allowance is used up.
    Primary(Allowance),
    /// Too much at once; how it is told, and how long to wait.
    Secondary(Secondary, i64),
}

#[derive(Debug, Default)]
struct Usage {
    core: Option<Allowance>,
    graphql: Option<Allowance>,
    content: VecDeque<Timestamp>,
    points: VecDeque<(Timestamp, u32)>,
    pushes: VecDeque<Timestamp>,
    blocked_until: Option<Timestamp>,
    writing: u32,
}

/// What a request is, for its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) graphql: bool,
    /// Anything but a read.
    pub(crate) write: bool,
    /// It makes something that people see.
    pub(crate) content: bool,
}

/// The limits and how far they are used.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) primary: u32,
    pub(crate) content_a_minute: usize,
    pub(crate) content_an_hour: usize,
    pub(crate) points_a_minute: u32,
    pub(crate) pushes_a_minute: usize,
    pub(crate) secondary: Secondary,
    pub(crate) breaches: Vec<Breach>,
    usage: BTreeMap<String, Usage>,
}

impl Limits {
    pub(crate) fn new(primary: u32) -> Self {
        Self {
            primary,
            content_a_minute: 80,
            content_an_hour: 500,
            points_a_minute: 900,
            pushes_a_minute: 6,
            secondary: Secondary {
                status: 403,
                retry_after: true,
            },
            breaches: Vec::new(),
            usage: BTreeMap::new(),
        }
    }

    /// Takes a request in, or says why not.
    pub(crate) fn admit(&mut self, identity: &str, kind: Kind, what: &str) -> Result<(), Refused> {
        let at = Timestamp::now();
        self.refuse_while_waiting(identity, what, at)?;
        let (primary, secondary) = (self.primary, self.secondary);
        let per_minute = (self.content_a_minute, self.points_a_minute);
        let an_hour = self.content_an_hour;
        let usage = self.usage.entry(identity.to_owned()).or_default();
        let allowance = usage.allowance(kind.graphql, primary, at);
        if allowance.used >= allowance.limit {
            let refused = Refused::Primary(*allowance);
            usage.blocked_until = Some(allowance.reset);
            self.note(identity, format!("the hour's allowance is used up: {what}"));
            return Err(refused);
        }
        if let Some(why) = usage.too_much(kind, per_minute, an_hour, at) {
            usage.blocked_until = Some(at + SignedDuration::from_secs(WAIT_SECONDS));
            self.note(identity, format!("{why}: {what}"));
            return Err(Refused::Secondary(secondary, WAIT_SECONDS));
        }
        Ok(())
    }

    fn refuse_while_waiting(
        &mut self,
        identity: &str,
        what: &str,
        at: Timestamp,
    ) -> Result<(), Refused> {
        let (primary, secondary) = (self.primary, self.secondary);
        let usage = self.usage.entry(identity.to_owned()).or_default();
        let Some(until) = usage.blocked_until.filter(|until| *until > at) else {
            usage.blocked_until = None;
            return Ok(());
        };
        let allowance = *usage.allowance(false, primary, at);
        let left = (until - at).get_seconds().max(1);
        self.note(identity, format!("a request while it had to wait: {what}"));
        if allowance.used >= allowance.limit {
            return Err(Refused::Primary(allowance));
        }
        Err(Refused::Secondary(secondary, left))
    }

    /// Makes the caller wait from now on, as a secondary limit does.
    pub(crate) fn block(&mut self, identity: &str) -> Refused {
        let usage = self.usage.entry(identity.to_owned()).or_default();
        let wait = SignedDuration::from_secs(WAIT_SECONDS);
        usage.blocked_until = Some(Timestamp::now() + wait);
        Refused::Secondary(self.secondary, WAIT_SECONDS)
    }

    /// Counts an answered request; one answered with 304 costs nothing.
    pub(crate) fn charge(&mut self, identity: &str, kind: Kind) -> Allowance {
        let (at, primary) = (Timestamp::now(), self.primary);
        let usage = self.usage.entry(identity.to_owned()).or_default();
        let allowance = usage.allowance(kind.graphql, primary, at);
        allowance.used += 1;
        let allowance = *allowance;
        if kind.content {
            usage.content.push_back(at);
        }
        let points = if kind.write { 5 } else { 1 };
        usage.points.push_back((at, points));
        allowance
    }

    /// The allowance as it stands.
    pub(crate) fn allowance(&mut self, identity: &str, graphql: bool) -> Allowance {
        let primary = self.primary;
        let usage = self.usage.entry(identity.to_owned()).or_default();
        *usage.allowance(graphql, primary, Timestamp::now())
    }

    /// A write begins. GitHub advises to make them one after the other.
    pub(crate) fn write_begins(&mut self, identity: &str, what: &str) {
        let usage = self.usage.entry(identity.to_owned()).or_default();
        usage.writing += 1;
        if usage.writing > 1 {
            self.note(identity, format!("two writes at once: {what}"));
        }
    }

    /// A write ended, well or not.
    pub(crate) fn write_ended(&mut self, identity: &str) {
        let usage = self.usage.entry(identity.to_owned()).or_default();
        usage.writing = usage.writing.saturating_sub(1);
    }

    /// Counts a push. GitHub takes more than it advises, so this refuses nothing.
    pub(crate) fn pushed(&mut self, identity: &str) {
        let at = Timestamp::now();
        let usage = self.usage.entry(identity.to_owned()).or_default();
        usage.pushes.retain(|it| at.duration_since(*it) < MINUTE);
        usage.pushes.push_back(at);
        if usage.pushes.len() > self.pushes_a_minute {
            let what = format!("more than {} pushes a minute", self.pushes_a_minute);
            self.note(identity, what);
        }
    }

    fn note(&mut self, identity: &str, what: String) {
        self.breaches.push(Breach {
            at: Timestamp::now(),
            identity: identity.to_owned(),
            what,
        });
    }

    /// Everything that ran out in a while is that much older.
    pub(crate) fn age(&mut self, by: SignedDuration) {
        for usage in self.usage.values_mut() {
            usage.age(by);
        }
    }
}

impl Usage {
    fn allowance(&mut self, graphql: bool, limit: u32, at: Timestamp) -> &mut Allowance {
        let slot = if graphql {
            &mut self.graphql
        } else {
            &mut self.core
        };
        let over = slot.is_none_or(|it| it.reset <= at);
        let fresh = Allowance {
            limit,
            used: 0,
            reset: at + HOUR,
        };
        let allowance = slot.get_or_insert(fresh);
        if over {
            *allowance = fresh;
        }
        allowance.limit = limit;
        allowance
    }

    fn too_much(
        &mut self,
        kind: Kind,
        (content, points): (usize, u32),
        an_hour: usize,
        at: Timestamp,
    ) -> Option<String> {
        self.content.retain(|it| at.duration_since(*it) < HOUR);
        self.points
            .retain(|(it, _)| at.duration_since(*it) < MINUTE);
        let recent = self.content.iter();
        let recent = recent.filter(|it| at.duration_since(**it) < MINUTE);
        if kind.content && recent.count() >= content {
            return Some(format!(
                "more than {content} content-creating calls a minute"
            ));
        }
        if kind.content && self.content.len() >= an_hour {
            return Some(format!(
                "more than {an_hour} content-creating calls an hour"
            ));
        }
        let spent: u32 = self.points.iter().map(|(_, points)| points).sum();
        (spent >= points).then(|| format!("more than {points} points a minute"))
    }

    fn age(&mut self, by: SignedDuration) {
        for window in [&mut self.core, &mut self.graphql].into_iter().flatten() {
            window.reset -= by;
        }
        for at in self.content.iter_mut().chain(&mut self.pushes) {
            *at -= by;
        }
        for (at, _) in &mut self.points {
            *at -= by;
        }
        self.blocked_until = self.blocked_until.map(|at| at - by);
    }
}
