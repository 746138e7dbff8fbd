//! Who keeps proposals: one loop that sees what is to be done, and a task for each proposal that does it.
//!
//! A webhook only says where to look, and a look now and then finds the same without it. Must not know: what a step does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::advance::{Context, advance, wants};
use super::gather::Room;
use super::outside::{self, Done, Errand, Outside};
use super::people::People;
use super::rests::{FIRST, Rests};
use super::rota::{Look, Rota, Turn};
use super::{Trouble, branches, landing};
use crate::domain::forge::{Issue, Pull};
use crate::domain::proposal::form::LABEL;
use crate::domain::proposal::life::{Proposal, Stage};
use crate::forge::ForgeError;
use crate::git::Remote;
use crate::workflow::core::{Core, lock};
use crate::workflow::intake::Door;

mod hear;

/// How many proposals are worked on at once. Their calls stand in one line by what they are for.
const AT_ONCE: usize = 64;
/// How often waiting changes are looked at where nothing tells of them.
const IDLE: Duration = Duration::from_secs(1);
/// How long a stop waits for calls under way.
const GOODBYE: Duration = Duration::from_secs(3);

/// Keeps proposals until the token is cancelled. Does nothing where there is no forge.
pub(in crate::workflow) async fn run(
    core: Arc<Core>,
    remote: Option<Remote>,
    door: Door,
    stop: CancellationToken,
) {
    let (Some(forge), Some(remote)) = (core.forge.clone(), remote) else {
        return;
    };
    let mut published = core.published.subscribe();
    let mut worker = Worker {
        context: Context {
            people: Arc::new(People::new(forge.clone())),
            core,
            forge,
            door,
        },
        remote: Arc::new(remote),
        tasks: JoinSet::new(),
        rota: Rota::default(),
        seen: BTreeMap::new(),
        issues: BTreeSet::new(),
        issue_rests: Rests::default(),
        outside: Outside::default(),
        polling: false,
        bringing: false,
        next_poll: Instant::now(),
        next_bring: Instant::now(),
        merged_looked: false,
    };
    worker.look_at_all();
    while !stop.is_cancelled() {
        worker.turn();
        tokio::select! {
            () = stop.cancelled() => {}
            () = worker.context.core.propose.notified() => worker.next_bring = Instant::now(),
            () = worker.context.core.hinted.notified() => {}
            _ = published.changed() => worker.main_moved(),
            Some(ended) = worker.tasks.join_next() => worker.ended(ended),
            () = tokio::time::sleep(IDLE) => {}
        }
    }
    let goodbye = async { while worker.tasks.join_next().await.is_some() {} };
    // What is cut off here is looked for at the next start, as after a kill.
    let _in_time = tokio::time::timeout(GOODBYE, goodbye).await;
}

struct Worker {
    context: Context,
    remote: Arc<Remote>,
    tasks: JoinSet<Ended>,
    /// Whose turn it is.
    rota: Rota,
    /// When pull requests changed last, as far as it was looked at.
    seen: BTreeMap<u64, Timestamp>,
    /// Issues that are being answered.
    issues: BTreeSet<u64>,
    /// Issues that could not be answered.
    issue_rests: Rests<u64>,
    /// What people bring by pull requests of their own.
    outside: Outside,
    polling: bool,
    bringing: bool,
    next_poll: Instant,
    next_bring: Instant,
    /// Whether main was searched for merged proposals since it moved.
    merged_looked: bool,
}

/// What a task came to.
enum Ended {
    /// A proposal was worked on.
    One(Turn, Result<(), Trouble>),
    /// Branches were rendered and pushed.
    Brought(Result<Vec<String>, Trouble>),
    /// A comment or a merge group was answered.
    Aside(Result<(), Trouble>),
    /// An issue was answered.
    Issue(u64, Result<(), Trouble>),
    /// Issues from the form were asked for.
    Issues(Result<Option<Vec<Issue>>, ForgeError>),
    /// Something that people brought was looked at.
    Outside(Errand, Result<Done, Trouble>),
    /// All open pull requests were asked for.
    Polled(Result<Option<Vec<Pull>>, ForgeError>),
}

impl Worker {
    /// Begins whatever can be begun.
    fn turn(&mut self) {
        if let Err(error) = self.begin() {
            tracing::error!(%error, "proposals cannot be kept now; it is tried again");
        }
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        self.hear()?;
        self.find_merged()?;
        self.bring();
        self.advance();
        self.tell_issues();
        self.look_outside()?;
        self.poll();
        Ok(())
    }

    fn main_moved(&mut self) {
        self.merged_looked = false;
        self.outside.main_moved();
    }

    /// What people brought by pull requests of their own.
    fn look_outside(&mut self) -> Result<(), Trouble> {
        for errand in self.outside.begin(&self.context.core)? {
            let context = self.context.clone();
            self.tasks.spawn(async move {
                let done = outside::run(&context, &errand).await;
                Ended::Outside(errand, done)
            });
        }
        Ok(())
    }

    /// Whether main has something of a proposal, whoever merged it.
    fn find_merged(&mut self) -> Result<(), Trouble> {
        if std::mem::replace(&mut self.merged_looked, true) {
            return Ok(());
        }
        let core = self.context.core.clone();
        let open: Vec<Proposal> = lock(&core.proposals).values().cloned().collect();
        for proposal in open
            .iter()
            .filter(|it| it.stage == Stage::Open && it.pull.is_some())
        {
            if landing::is_there(&core, proposal)? {
                self.rota.want(&proposal.branch, Look::Short);
            }
        }
        Ok(())
    }

    /// Gathers changes, renders and pushes branches, one task at a time.
    fn bring(&mut self) {
        if self.bringing || Instant::now() < self.next_bring {
            return;
        }
        self.bringing = true;
        let (core, remote, forge) = (
            self.context.core.clone(),
            self.remote.clone(),
            self.context.forge.clone(),
        );
        let open_pulls = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
        self.tasks.spawn(async move {
            let budget = forge.budget();
            let room = Room { budget, open_pulls };
            Ended::Brought(branches::bring(&core, &remote, room).await)
        });
    }

    /// Begins the next steps of proposals, and looks. What people decided comes first.
    fn advance(&mut self) {
        let core = &self.context.core;
        let open: Vec<Proposal> = lock(&core.proposals).values().cloned().collect();
        let steps = open.iter().filter(|it| wants(core, it));
        let steps = steps.map(|it| it.branch.clone()).collect();
        let unopened = open.iter().filter(|it| it.pull.is_none());
        let unopened = unopened.map(|it| it.branch.clone()).collect();
        let free = AT_ONCE.saturating_sub(self.tasks.len());
        for turn in self.rota.due(Instant::now(), steps, &unopened, free) {
            let context = self.context.clone();
            self.tasks.spawn(async move {
                let done = advance(&context, &turn).await;
                Ended::One(turn, done)
            });
        }
    }

    /// Asks now and then for all open pull requests, at no cost while nothing changes.
    fn poll(&mut self) {
        let now = Instant::now();
        let Some(access) = &self.context.core.settings.forge else {
            return;
        };
        if self.polling || now < self.next_poll {
            return;
        }
        self.polling = true;
        self.next_poll = now + access.poll;
        let forge = self.context.forge.clone();
        self.tasks
            .spawn(async move { Ended::Polled(forge.open_pulls("main").await) });
        if self.context.takes_forms() {
            let forge = self.context.forge.clone();
            self.tasks
                .spawn(async move { Ended::Issues(forge.issues(LABEL).await) });
        }
    }

    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        match ended {
            Ok(Ended::One(turn, done)) => self.note(&turn, done),
            Ok(Ended::Brought(done)) => self.brought(done),
            Ok(Ended::Aside(done)) => self.aside(done),
            Ok(Ended::Issue(number, done)) => {
                self.issues.remove(&number);
                if done.is_err() {
                    self.issue_rests.failed(number, Instant::now(), None);
                } else {
                    self.issue_rests.ended(&number);
                }
                self.aside(done);
            }
            Ok(Ended::Issues(Ok(found))) => {
                for issue in found.unwrap_or_default() {
                    self.take_issue(issue.number, None);
                }
            }
            Ok(Ended::Issues(Err(error))) => self.context.trouble(&error.into()),
            Ok(Ended::Outside(errand, done)) => {
                self.outside.ended(errand, &done);
                if let Err(error) = done {
                    tracing::warn!(%error, "what people brought cannot be looked at now; it is tried again");
                    self.context.trouble(&error);
                }
            }
            Ok(Ended::Polled(done)) => {
                self.polling = false;
                match done {
                    Ok(pulls) => self.polled(pulls),
                    Err(error) => self.context.trouble(&error.into()),
                }
            }
            Err(error) => {
                // Nobody knows which: all may be taken up again.
                tracing::error!(%error, "a task ended early");
                self.rota.clear();
                self.outside.lost_one();
                self.bringing = false;
                self.polling = false;
                self.look_at_all();
            }
        }
    }

    fn aside(&mut self, done: Result<(), Trouble>) {
        if let Err(error) = done {
            tracing::warn!(%error, "a comment, an issue or a merge group could not be answered");
            self.context.trouble(&error);
        }
    }

    fn brought(&mut self, done: Result<Vec<String>, Trouble>) {
        self.bringing = false;
        match done {
            Ok(pushed) if pushed.is_empty() => self.next_bring = Instant::now() + IDLE,
            Ok(pushed) => {
                // Who approved it before we knew that the push had arrived is heard now.
                self.look_at(Look::Reviews, |it| {
                    it.pull.is_some() && pushed.contains(&it.branch)
                });
            }
            Err(error) => {
                self.next_bring = Instant::now() + 2 * FIRST;
                tracing::warn!(%error, "branches of proposals cannot be brought now; it is tried again");
                self.context.trouble(&error);
            }
        }
    }

    fn note(&mut self, turn: &Turn, done: Result<(), Trouble>) {
        let Err(error) = done else {
            self.rota.ended(turn);
            // What was approved while a step of it waited may be merged now.
            let stuck = |it: &Proposal| it.branch == turn.branch() && it.frozen && !it.merged;
            if matches!(turn, Turn::Step(_)) {
                self.look_at(Look::Short, |it| stuck(it) && it.merged_as.is_none());
            }
            self.context.well();
            return;
        };
        let known = match &error {
            Trouble::Forge(ForgeError::Limited { until }) => {
                Duration::try_from(until.duration_since(Core::now())).ok()
            }
            _ => None,
        };
        let rest = self.rota.failed(turn, Instant::now(), known);
        let (branch, seconds) = (turn.branch(), rest.as_secs());
        tracing::warn!(branch, %error, seconds, "a proposal does not go on now; it is tried again");
        self.context.trouble(&error);
    }

    /// What changed since the last look.
    fn polled(&mut self, pulls: Option<Vec<Pull>>) {
        self.context.well();
        // Checks that end change no pull request: whoever waits for them looks.
        self.look_at(Look::Short, |it| it.frozen && it.stage == Stage::Open);
        let Some(pulls) = pulls else { return };
        self.outside.polled(&self.context.core, &pulls);
        let open: BTreeMap<u64, Timestamp> =
            pulls.iter().map(|it| (it.number, it.updated_at)).collect();
        let seen = std::mem::replace(&mut self.seen, open);
        let now = self.seen.clone();
        self.look_at(Look::Whole, |it| {
            let moved =
                |number| now.get(&number) != seen.get(&number) || !now.contains_key(&number);
            // A rejected one is looked at where it is open again.
            let open = |number| it.stage != Stage::Rejected || now.contains_key(&number);
            it.number()
                .is_some_and(|number| moved(number) && open(number))
        });
    }
}
