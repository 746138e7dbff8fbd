//! Asks stores over HTTP whether they work, where the configuration has that, and keeps what they answered.
//!
//! Few at a time, each store every minute while it works and sooner after a failure. A restart begins anew, spread over a
//! minute; a store that did not answer before it does not until it is asked. Must not know: what an answer means for a store's phase (`domain::phase` says that).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::core::{Core, lock};
use super::observe::news;
use super::query;
use crate::domain::entry::StoreRow;
use crate::domain::observed::{ProbeSeen, StoreSeen};
use crate::domain::phase::words::NOT_ANSWERING;
use crate::domain::phase::{Phase, SILENT_ANSWERS};
use crate::domain::policy::FleetPolicy;
use crate::domain::probe::{Expected, WELL, pause};
use crate::domain::record_text::Recorded;
use crate::domain::{ClusterName, StoreName, Uid};
use crate::probe::Prober;

/// Requests under way at once.
const AT_ONCE: usize = 16;
/// How often is looked for what is due.
const TICK: Duration = Duration::from_millis(500);
/// How often is looked for new stores.
const REFRESH: Duration = Duration::from_secs(5);
/// When a store is looked at again that is not to be asked now.
const LATER: Duration = Duration::from_secs(15);

/// How stores answered last, with the uid that did.
pub(super) type Answers = HashMap<StoreName, (Uid, ProbeSeen)>;

/// What is seen of a store, with how it answered.
pub(super) fn with_answer<R: Recorded>(
    core: &Core,
    name: &StoreName,
    row: &StoreRow<R>,
    seen: Option<StoreSeen>,
) -> Option<StoreSeen> {
    let mut seen = seen?;
    seen.probe = answer(core, name, row).or_else(|| remembered(core, row));
    Some(seen)
}

/// How a store answered when it was last asked.
fn answer<R>(core: &Core, name: &StoreName, row: &StoreRow<R>) -> Option<ProbeSeen> {
    let answers = lock(&core.probes);
    let answer = answers.get(name).filter(|(whose, _)| *whose == row.uid);
    answer.map(|(_, answer)| answer.clone())
}

/// What stands in for an answer until there is one: a store that is to be asked and was last known not to answer.
fn remembered<R: Recorded>(core: &Core, row: &StoreRow<R>) -> Option<ProbeSeen> {
    let known = row.known.as_ref().filter(|it| it.reason == NOT_ANSWERING)?;
    core.settings.probe.as_ref()?;
    target(&core.in_force().policy, row)?;
    Some(ProbeSeen {
        well: false,
        message: "it is asked again since this server was started".to_owned(),
        since: known.at,
        times: SILENT_ANSWERS,
    })
}

/// Asks until the token is cancelled; ends at once where asking is not configured.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    let Some(allowed) = core.settings.probe.clone() else {
        return;
    };
    let prober = Prober::new(allowed);
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut due = Due::default();
    let (done, mut answered) = tokio::sync::mpsc::unbounded_channel::<(StoreName, Duration)>();
    let mut next_refresh = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
        let now = Instant::now();
        while let Ok((name, wait)) = answered.try_recv() {
            due.at(name, now + wait);
        }
        if now >= next_refresh {
            next_refresh = now + REFRESH;
            due.refresh(&stores(&core), now);
            let known = |name: &StoreName, _: &mut (Uid, ProbeSeen)| due.known.contains(name);
            lock(&core.probes).retain(known);
        }
        while let Ok(turn) = turns.clone().try_acquire_owned() {
            let Some(name) = due.take(now) else { break };
            let (core, prober, done) = (core.clone(), prober.clone(), done.clone());
            tokio::task::spawn_blocking(move || {
                let wait = one(&core, &prober, &name);
                // The loop is gone when the server stops.
                let _gone = done.send((name, wait));
                drop(turn);
            });
        }
    }
}

/// The stores on clusters that are watched: of others nothing is known that an answer would add to.
fn stores(core: &Core) -> BTreeSet<StoreName> {
    let clusters = core.watched.keys();
    clusters
        .flat_map(|it: &ClusterName| core.stores_of(it, &|_| true))
        .collect()
}

/// Asks one store where it is to be asked; answers when to look at it again.
fn one(core: &Core, prober: &Prober, name: &StoreName) -> Duration {
    let Ok(Some(row)) = core.index.store(name) else {
        return LATER;
    };
    let policy = core.in_force().policy;
    let target = target(&policy, &row).filter(|_| is_asked(query::phase(core, name, &row).phase));
    let Some((url, expected)) = target else {
        lock(&core.probes).remove(name);
        return LATER;
    };
    let judged = prober.ask(&url, &expected);
    let before = answer(core, name, &row).or_else(|| remembered(core, &row));
    let answer = after(before.as_ref(), judged, Core::now());
    lock(&core.probes).insert(name.clone(), (row.uid.clone(), answer.clone()));
    note(core, name);
    pause(if answer.well { 0 } else { answer.times })
}

/// Notes what a store is to be told as now. Where it moved while it was asked, the next look says what it is.
fn note(core: &Core, name: &StoreName) {
    let Ok(Some(row)) = core.index.store(name) else {
        return;
    };
    let status = query::phase(core, name, &row);
    if !is_asked(status.phase) {
        return;
    }
    core.note_phase(name, &row.uid, &status);
    if let Some(known) = news(&row, &status, Core::now()) {
        core.index.know(name, &row.uid, known);
    }
}

/// Only a store whose release is there can answer.
fn is_asked(phase: Phase) -> bool {
    matches!(phase, Phase::Ready | Phase::Degraded | Phase::Applying)
}

/// Where a store is asked, and for what; none where its engine has no probe, or nothing shall answer.
fn target<R: Recorded>(policy: &FleetPolicy, row: &StoreRow<R>) -> Option<(String, Expected)> {
    let record = &row.record;
    if row.removed_at.is_some() || record.is_being_deleted() || record.is_suspended() {
        return None;
    }
    let probe = policy.engines.get(record.engine())?.probe.as_ref()?;
    let scheme = &policy.clusters.get(record.cluster())?.scheme;
    let slash = if probe.path.starts_with('/') { "" } else { "/" };
    let url = format!("{scheme}://{}{slash}{}", record.host(), probe.path);
    Some((url, Expected::of(&probe.path, probe.expect)))
}

/// What is known of a store after an answer.
fn after(before: Option<&ProbeSeen>, judged: Result<String, String>, now: Timestamp) -> ProbeSeen {
    let well = judged.is_ok();
    let (Ok(message) | Err(message)) = judged;
    let same = before.filter(|it| it.well == well);
    ProbeSeen {
        well,
        message,
        since: same.map_or(now, |it| it.since),
        times: same.map_or(1, |it| it.times.saturating_add(1)),
    }
}

/// When each store is due. One that is being asked is in no queue.
#[derive(Debug, Default)]
struct Due {
    known: BTreeSet<StoreName>,
    queue: BTreeMap<Instant, Vec<StoreName>>,
    begun: bool,
}

impl Due {
    fn at(&mut self, name: StoreName, when: Instant) {
        if self.known.contains(&name) {
            self.queue.entry(when).or_default().push(name);
        }
    }

    /// The stores that there are now. At the start they are spread over a minute, later ones are asked at once.
    fn refresh(&mut self, stores: &BTreeSet<StoreName>, now: Instant) {
        let fresh: Vec<StoreName> = stores.difference(&self.known).cloned().collect();
        self.known.clone_from(stores);
        let count = u32::try_from(fresh.len()).unwrap_or(u32::MAX).max(1);
        for (place, name) in (0_u32..).zip(fresh) {
            let wait = if self.begun {
                Duration::ZERO
            } else {
                WELL / count * place
            };
            self.at(name, now + wait);
        }
        self.begun = true;
    }

    fn take(&mut self, now: Instant) -> Option<StoreName> {
        loop {
            let mut first = self.queue.first_entry().filter(|it| *it.key() <= now)?;
            let name = first.get_mut().pop();
            if first.get().is_empty() {
                first.remove();
            }
            if let Some(name) = name.filter(|it| self.known.contains(it)) {
                return Some(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> BTreeSet<StoreName> {
        let parse = |it: &str| it.parse().expect("a name");
        text.split_whitespace().map(parse).collect()
    }

    #[test]
    fn a_start_is_spread_and_later_stores_are_asked_at_once() {
        let (mut due, start) = (Due::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        due.refresh(&names("a b c"), at(0));
        let mut taken = Vec::new();
        for second in [0, 19, 20, 39, 40, 60] {
            taken.extend(due.take(at(second)).map(|it| format!("{second} {it}")));
        }
        assert_eq!(taken, ["0 a", "20 b", "40 c"]);
        due.refresh(&names("a c d"), at(61));
        assert_eq!(due.take(at(61)), names("d").pop_first());
        due.at("a".parse().unwrap(), at(70));
        due.at("b".parse().unwrap(), at(65));
        assert_eq!(due.take(at(69)), None, "b is gone");
        assert_eq!(due.take(at(70)), names("a").pop_first());
    }

    #[test]
    fn answers_of_a_sort_are_counted() {
        let at = |second| Timestamp::from_second(second).expect("a small number");
        let first = after(None, Err("no".into()), at(1));
        let second = after(Some(&first), Err("still no".into()), at(6));
        assert_eq!((second.times, second.since), (2, at(1)));
        assert_eq!(second.message, "still no");
        let third = after(Some(&second), Ok("yes".into()), at(16));
        assert_eq!((third.well, third.times, third.since), (true, 1, at(16)));
    }
}
