//! One data folder, killed again and again while clients write; looked at a little after each kill, and in full at times.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::audit::{audit, glance, shown};
use crate::clients::Clients;
use crate::dice::{Dice, tell};
use crate::history::in_step;
use crate::place::{Mode, Place};
use crate::support::eventually;
use crate::support::git::git;
use crate::victim::{Kill, Victim};

/// Rounds between two full audits.
const AUDIT: usize = 25;
/// How long a moment is waited for that may never come.
const PATIENCE: Duration = Duration::from_secs(20);

/// When a round ends.
#[derive(Debug)]
enum Moment {
    /// Some time after the first request that it accepted.
    Work(Duration),
    /// Some time after it was seen to run a command of git's.
    Git(&'static str, Duration),
    /// Some time after it was asked to stop.
    Stopping(Duration),
}

/// What a campaign comes to.
#[derive(Default)]
struct Tally {
    rounds: usize,
    during_start: usize,
    during_work: usize,
    during_git: usize,
    while_stopping: usize,
    with_children: usize,
    longest: Duration,
    total: Duration,
    starts: u32,
}

pub(crate) struct Campaign {
    victim: Victim,
    clients: Clients,
    place: Place,
    dice: Dice,
    tally: Tally,
    /// Published main as it was last seen.
    main: Option<String>,
}

impl Campaign {
    /// Runs a campaign and prints what it came to.
    pub(crate) fn run(mode: Mode, rounds: usize, seed: u64) {
        let mut dice = Dice::new(seed);
        tell(&format!(
            "{mode:?}: {rounds} rounds, FLEETWRIGHT_SEED={seed}"
        ));
        let place = Place::new(mode);
        let mut campaign = Self {
            victim: place.victim(),
            clients: Clients::start(&mut dice),
            place,
            dice,
            tally: Tally::default(),
            main: None,
        };
        let began = Instant::now();
        while campaign.tally.rounds < rounds {
            campaign.round();
            if campaign.tally.rounds.is_multiple_of(AUDIT) {
                campaign.start();
                audit(&campaign.place, &mut campaign.victim, &campaign.clients);
            }
        }
        campaign.end(seed, began);
    }

    /// A round: perhaps kills while it starts, then a start that succeeds, work, and a kill.
    fn round(&mut self) {
        self.tally.rounds += 1;
        if self.dice.chance(30) {
            self.die_starting();
        } else {
            self.start();
            if self.dice.chance(50) {
                glance(&self.place, &self.victim.api());
            }
            self.work();
        }
        self.look();
    }

    /// Kills it before it answers, up to three times in a row.
    fn die_starting(&mut self) {
        let usual = self.tally.total / self.tally.starts.max(1);
        let usual = usual.max(Duration::from_millis(100));
        for _ in 0..=self.dice.below(3) {
            self.victim.launch();
            std::thread::sleep(self.dice.up_to(usual * 5 / 4));
            let kill = self.kind();
            self.victim.kill(kill);
            self.tally.during_start += 1;
        }
    }

    fn start(&mut self) {
        self.victim.launch();
        let took = self.victim.ready();
        self.tally.starts += 1;
        self.tally.total += took;
        self.tally.longest = self.tally.longest.max(took);
    }

    /// Lets the clients write, and kills it at some moment.
    fn work(&mut self) {
        let before = self.clients.ledger.count();
        self.clients.open(self.victim.api());
        self.wait(|this| this.clients.ledger.count() > before);
        match self.moment() {
            Moment::Work(delay) => {
                std::thread::sleep(delay);
                self.tally.during_work += 1;
            }
            Moment::Git(command, delay) => {
                self.wait(|this| this.victim.runs(command));
                std::thread::sleep(delay);
                self.tally.during_git += 1;
            }
            Moment::Stopping(delay) => {
                self.victim.ask_to_end();
                std::thread::sleep(delay);
                self.tally.while_stopping += 1;
            }
        }
        let kill = self.kind();
        self.victim.end(kill);
        self.clients.close();
        self.clients.live();
    }

    fn wait(&mut self, there: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !there(self) && began.elapsed() < PATIENCE {
            self.victim.lives();
            self.clients.live();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn moment(&mut self) -> Moment {
        let ms = Duration::from_millis;
        let roll = self.dice.below(100);
        let serve = self.place.mode == Mode::Serve;
        match roll {
            0..45 => Moment::Work(self.dice.up_to(ms(60))),
            45..70 => Moment::Work(self.dice.up_to(ms(400))),
            70..80 if serve => Moment::Git("push", self.dice.up_to(ms(150))),
            80..84 if serve => Moment::Git("fetch", self.dice.up_to(ms(30))),
            // Upkeep begins a second after the start.
            84..87 => Moment::Git("pack-objects", self.dice.up_to(ms(40))),
            87..90 => Moment::Git("commit-graph", self.dice.up_to(ms(40))),
            _ => Moment::Stopping(self.dice.up_to(ms(200))),
        }
    }

    fn kind(&mut self) -> Kill {
        if self.dice.chance(50) {
            self.tally.with_children += 1;
            Kill::WithChildren
        } else {
            Kill::Alone
        }
    }

    /// While nothing of ours runs: published main has grown at its end only, and the branches agree.
    fn look(&mut self) {
        let repo = &self.place.published;
        if !repo.exists() {
            return; // killed before it was made
        }
        let main = || {
            git(
                repo,
                &["for-each-ref", "--format=%(objectname)", "refs/heads/main"],
            )
        };
        let now = main();
        if let Some(before) = &self.main {
            git(repo, &["merge-base", "--is-ancestor", before, &now]);
        }
        self.main = Some(now).filter(|it| !it.is_empty());
        if self.main.is_some() {
            // The server may still be at a push whose sender is dead.
            eventually("main and the deploy branches agree", PATIENCE, || {
                in_step(repo)
            });
        }
    }

    /// The last audit, with and without the index.
    fn end(mut self, seed: u64, began: Instant) {
        self.start();
        let counted = audit(&self.place, &mut self.victim, &self.clients);
        self.start();
        let before = shown(&self.victim.api());
        self.victim.stop();
        std::fs::remove_file(self.place.data.join("index.redb")).unwrap();
        self.victim.launch();
        let rebuilt = self.victim.ready();
        let after = shown(&self.victim.api());
        assert_eq!(
            before.keys().collect::<Vec<_>>(),
            after.keys().collect::<Vec<_>>()
        );
        for (list, items) in &before {
            for (old, new) in items.iter().zip(&after[list]) {
                assert_eq!(old, new, "{list}");
            }
            assert_eq!(items.len(), after[list].len(), "{list}");
        }
        self.wait(|this| this.victim.runs("commit-graph"));
        // What upkeep cannot do makes health degraded, and the audit fail.
        std::thread::sleep(Duration::from_millis(500));
        audit(&self.place, &mut self.victim, &self.clients);
        self.clients.end();
        let (orphaned, lived) = self.victim.orphans();
        let ledger = &self.clients.ledger;
        tell(&format!(
            "{:?}, FLEETWRIGHT_SEED={seed}: {}; {orphaned} kills left children of git's, the last lived {} ms; \
             answered 202: {}, cut off: {} ({} sent again), refused: {:?}; commits on main: {}, on deploy branches: {}, pushes: {}; \
             index rebuilt in {} ms; {} s in all",
            self.place.mode,
            self.tally,
            lived.as_millis(),
            ledger.count(),
            ledger.cut.load(Ordering::Relaxed),
            ledger.repeated.load(Ordering::Relaxed),
            ledger.refusals(),
            counted.commits,
            counted.deploys,
            self.place.pushes(),
            rebuilt.as_millis(),
            began.elapsed().as_secs(),
        ));
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kills = self.during_start + self.during_work + self.during_git + self.while_stopping;
        write!(
            f,
            "{} rounds, {kills} kills ({} during a start, {} at work, {} while git ran, {} while stopping; {} with all \
             children), {} starts, {} ms each, the longest {} ms",
            self.rounds,
            self.during_start,
            self.during_work,
            self.during_git,
            self.while_stopping,
            self.with_children,
            self.starts,
            (self.total / self.starts.max(1)).as_millis(),
            self.longest.as_millis(),
        )
    }
}
