//! Looks every minute at how a watched cluster was prepared, and at every fetch whether its deploy commits only go up.
//!
//! Must not know: what is right (`domain::installed` says that).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::core::{Core, InForce, Watched};
use super::deploy::sequence;
use super::{prepare, tended};
use crate::cluster::ClusterError;
use crate::domain::ClusterName;
use crate::domain::installed::{Compared, Live, lacking, outdated};
use crate::domain::observed::SourceSeen;
use crate::domain::policy::Source;
use crate::render::Rendered;

/// How often the cluster's source is looked at: it is in memory.
const LOOK: Duration = Duration::from_secs(2);
/// How often the cluster is asked how it was prepared: some forty small requests.
const ASK: Duration = Duration::from_mins(1);
/// The same while there is something to put right, so that it is seen soon when somebody has.
const ASK_SOON: Duration = Duration::from_secs(30);
/// How often the highest sequence number is brought to the disk at most.
const KEEP: Duration = Duration::from_mins(1);

/// Looks after one cluster until the token is cancelled.
pub(super) async fn run(core: Arc<Core>, cluster: ClusterName, stop: CancellationToken) {
    let mut climb = Climb::load(&core, &cluster);
    let mut next = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(LOOK) => {}
        }
        climb.look(&core, &cluster);
        if Instant::now() >= next {
            let well = tokio::select! {
                () = stop.cancelled() => break,
                well = ask(&core, &cluster) => well,
            };
            next = Instant::now() + if well { ASK } else { ASK_SOON };
        }
    }
    climb.keep(&core, &cluster);
}

/// Asks the cluster how it was prepared; whether all is well. What it does not let us read is no alarm.
async fn ask(core: &Core, cluster: &ClusterName) -> bool {
    let in_force = core.in_force();
    let (Some(watched), Some(policy)) = (
        core.watched.get(cluster),
        in_force.policy.clusters.get(cluster),
    ) else {
        return true;
    };
    let (begun, mut found) = match bootstrap(core, cluster, &in_force, watched).await {
        Ok(Bootstrapped::No) => (false, Vec::new()),
        Ok(Bootstrapped::Yes { wrong }) => (true, wrong.into_iter().collect()),
        Err(error @ ClusterError::Unreadable { .. }) => {
            tracing::debug!(%cluster, "which bootstrap was applied is not known: {error}");
            (true, Vec::new())
        }
        // What was found last stays until the cluster answers again.
        Err(error) => {
            tracing::debug!(%cluster, "how the cluster was prepared was not looked at: {error}");
            return true;
        }
    };
    match watched.cluster.controllers().await {
        Ok(controllers) => found.extend(lacking(&controllers, policy.source == Source::Artifact)),
        Err(error) => tracing::debug!(%cluster, "the flags of Flux are not known: {error}"),
    }
    let well = begun && found.is_empty();
    tended::note(core, cluster, |it| it.prepared = found);
    well
}

/// How far the bootstrap is.
enum Bootstrapped {
    /// Nothing of it is there; the missing `GitRepository` says so.
    No,
    /// It was applied.
    Yes {
        /// That it is another one, or was changed, as a sentence.
        wrong: Option<String>,
    },
}

/// Holds the bootstrap in a cluster against the one that this server would print for it.
async fn bootstrap(
    core: &Core,
    name: &ClusterName,
    in_force: &InForce,
    watched: &Watched,
) -> Result<Bootstrapped, ClusterError> {
    let applied = watched.cluster.applied_bootstrap().await?;
    if applied.is_none() && watched.view.cluster().source.is_none() {
        return Ok(Bootstrapped::No);
    }
    let url = applied.as_ref().and_then(|it| it.url.as_deref());
    let ours = prepare::render(core, in_force, name, url);
    let Some(ours) = ours.ok().and_then(|it| Rendered::read(&it)) else {
        return Ok(Bootstrapped::Yes { wrong: None });
    };
    let live = match watched.cluster.live(&ours.objects).await {
        Ok(live) => live,
        // That it is another one is said all the same, if not what differs.
        Err(_) if applied.as_ref().is_some_and(|it| it.digest != ours.digest) => {
            vec![Live::Unread; ours.objects.len()]
        }
        Err(error) => return Err(error),
    };
    let compared = Compared::of(&ours.objects, &live);
    let wrong = outdated(
        name.as_str(),
        applied.as_ref(),
        &ours.version,
        &ours.digest,
        &compared,
    );
    Ok(Bootstrapped::Yes { wrong })
}

/// The highest deploy commit that a cluster was seen to run, by its sequence number.
struct Climb {
    highest: u64,
    kept: u64,
    last_kept: Instant,
}

impl Climb {
    fn load(core: &Core, cluster: &ClusterName) -> Self {
        let known = core.journal.fact(&fact(cluster)).ok().flatten();
        let highest = known.and_then(|it| it.parse().ok()).unwrap_or(0);
        Self {
            highest,
            kept: highest,
            last_kept: Instant::now(),
        }
    }

    /// Takes in what the cluster runs now. A commit that is not ours is the business of its signature.
    fn look(&mut self, core: &Core, cluster: &ClusterName) {
        let Some(watched) = core.watched.get(cluster) else {
            return;
        };
        let seen = watched.view.cluster();
        let commit = seen.source.as_ref().and_then(SourceSeen::commit);
        let Some(commit) = commit.filter(|it| core.repo.contains(it).unwrap_or(false)) else {
            return;
        };
        let Ok(now) = sequence(&core.repo, &commit) else {
            return;
        };
        let fallen = self.fallen(now);
        let text = fallen.map(|highest| {
            format!(
                "the cluster went back from deploy commit number {highest} to number {now} ({commit}): somebody moved \
                 deploy/{cluster} or restored the cluster from a backup; see the history of that branch, and that its \
                 rules forbid force pushes"
            )
        });
        tended::note(core, cluster, |it| {
            if it.fallen.is_none()
                && let Some(text) = &text
            {
                tracing::error!(%cluster, "{text}");
            }
            it.fallen = text;
        });
        if self.highest > self.kept && self.last_kept.elapsed() >= KEEP {
            self.keep(core, cluster);
        }
    }

    /// The number that it was at, where it went back.
    fn fallen(&mut self, now: u64) -> Option<u64> {
        self.highest = self.highest.max(now);
        (now < self.highest).then_some(self.highest)
    }

    fn keep(&mut self, core: &Core, cluster: &ClusterName) {
        self.last_kept = Instant::now();
        if self.highest == self.kept {
            return;
        }
        match core
            .journal
            .remember(&fact(cluster), &self.highest.to_string())
        {
            Ok(()) => self.kept = self.highest,
            Err(error) => {
                tracing::warn!(%cluster, %error, "the deploy commit that runs was not noted");
            }
        }
    }
}

/// Where the journal keeps the highest number.
fn fact(cluster: &ClusterName) -> String {
    format!("sequence/{cluster}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_goes_back_is_noticed_until_it_is_up_again() {
        let mut climb = Climb {
            highest: 0,
            kept: 0,
            last_kept: Instant::now(),
        };
        for (now, fallen) in [
            (3, None),
            (4, None),
            (4, None),
            (2, Some(4)),
            (3, Some(4)),
            (4, None),
            (7, None),
            (0, Some(7)),
        ] {
            assert_eq!(climb.fallen(now), fallen, "{now}");
        }
    }
}
