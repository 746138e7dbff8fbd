//! Has each cluster's Flux fetch a published deploy commit now instead of at its interval.
//!
//! Debounced: one request per published head, and heads that follow each other fast share one. Where a Flux Receiver is
//! configured it is asked, and nothing is ever written in the cluster. A request that fails is made again; until then
//! Flux's own interval finds the commit. Must not know: what a fetch leads to.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::core::{Core, Watched};
use super::tended;
use crate::domain::{ClusterName, CommitId};

/// The least time between two requests.
const SPACING: Duration = Duration::from_secs(1);
/// The longest wait before a failed request is made again.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// How often the head is looked at without news.
const LOOK: Duration = Duration::from_secs(2);

/// Asks one cluster whenever its head moves, until the token is cancelled.
pub(super) async fn run(core: Arc<Core>, cluster: ClusterName, stop: CancellationToken) {
    let mut published = core.published.subscribe();
    let mut pace = Pace::default();
    loop {
        let rest = turn(&core, &cluster, &mut pace).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(rest) => {}
            _ = published.changed(), if rest >= LOOK => {}
        }
    }
}

/// Asks when there is something to ask for and it is time; answers how long to rest.
async fn turn(core: &Core, cluster: &ClusterName, pace: &mut Pace) -> Duration {
    let Some(watched) = core.watched.get(cluster) else {
        return LONGEST_WAIT;
    };
    let Ok(Some(head)) = core.published_deploy(cluster) else {
        return LOOK;
    };
    let there = watched.view.cluster().source.and_then(|it| it.commit());
    if there.as_ref() == Some(&head) {
        pace.arrived(&head);
        tended::note(core, cluster, |it| it.fetch = None);
    }
    let now = Instant::now();
    match pace.due(&head, now) {
        Due::Nothing => return LOOK,
        Due::In(wait) => return wait,
        Due::Now => {}
    }
    let asked = ask(watched, &head).await;
    pace.asked(&head, asked.is_ok(), Instant::now());
    match asked {
        Ok(()) => tended::note(core, cluster, |it| it.fetch = None),
        Err(why) if watched.receiver.is_some() => {
            tracing::warn!(%cluster, "{why}");
            let text = format!("{why}; until then Flux fetches at its own interval");
            tended::note(core, cluster, |it| it.fetch = Some(text));
        }
        // A reader may well go without that right, and the watch itself tells of a cluster that is away.
        Err(why) => {
            tracing::debug!(%cluster, "{why}; Flux fetches at its own interval");
        }
    }
    SPACING
}

async fn ask(watched: &Watched, head: &CommitId) -> Result<(), String> {
    let Some(receiver) = watched.receiver.clone() else {
        let asked = watched.cluster.request_fetch(head.as_str()).await;
        return asked.map_err(|error| error.to_string());
    };
    let head = head.clone();
    let namespace = watched.cluster.namespace().to_owned();
    let asking = tokio::task::spawn_blocking(move || receiver.ask(&namespace, head.as_str()));
    let asked = asking.await.map_err(|error| error.to_string())?;
    asked.map_err(|error| error.to_string())
}

/// When a head is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    /// It was asked for, or is there.
    Nothing,
    /// Not yet: another request has just been made, or failed.
    In(Duration),
    /// At once.
    Now,
}

/// What was asked for, and when the next request may follow.
#[derive(Debug, Default)]
struct Pace {
    done: Option<CommitId>,
    failures: u32,
    not_before: Option<Instant>,
}

impl Pace {
    fn due(&self, head: &CommitId, now: Instant) -> Due {
        if self.done.as_ref() == Some(head) {
            return Due::Nothing;
        }
        match self.not_before.filter(|it| *it > now) {
            Some(at) => Due::In(at - now),
            None => Due::Now,
        }
    }

    fn asked(&mut self, head: &CommitId, well: bool, now: Instant) {
        let wait = if well {
            self.done = Some(head.clone());
            self.failures = 0;
            SPACING
        } else {
            self.failures += 1;
            SPACING
                .saturating_mul(1 << self.failures.min(6))
                .min(LONGEST_WAIT)
        };
        self.not_before = Some(now + wait);
    }

    /// The cluster has it, whoever asked.
    fn arrived(&mut self, head: &CommitId) {
        self.done = Some(head.clone());
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(digit: char) -> CommitId {
        digit.to_string().repeat(40).parse().expect("a commit id")
    }

    #[test]
    fn a_head_is_asked_for_once_and_heads_in_a_row_share_a_request() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(pace.due(&commit('a'), at(0)), Due::Now);
        pace.asked(&commit('a'), true, at(0));
        assert_eq!(pace.due(&commit('a'), at(5000)), Due::Nothing);
        // Three heads within the second come to one request, for the last of them.
        for (digit, moment) in [('b', 100), ('c', 400), ('d', 900)] {
            let wait = Duration::from_millis(1000 - moment);
            assert_eq!(pace.due(&commit(digit), at(moment)), Due::In(wait));
        }
        assert_eq!(pace.due(&commit('d'), at(1000)), Due::Now);
    }

    #[test]
    fn a_failed_request_is_made_again_ever_later_until_the_cluster_has_the_head() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let head = commit('a');
        for seconds in [2, 4, 8, 16, 32, 60, 60] {
            pace.asked(&head, false, start);
            assert_eq!(
                pace.due(&head, start),
                Due::In(Duration::from_secs(seconds))
            );
        }
        pace.arrived(&head);
        assert_eq!(pace.due(&head, start), Due::Nothing);
        pace.asked(&commit('b'), false, start);
        assert_eq!(
            pace.due(&commit('b'), start),
            Due::In(Duration::from_secs(2))
        );
    }
}
