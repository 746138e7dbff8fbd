//! Stores that somebody suspended in the cluster by hand: which object it is, and when it is put right.
//!
//! A person may suspend something for a moment, to look at it; so there is a grace. Whoever suspends it again and again
//! (another controller, say) is not answered by a commit each time: every repair waits twice as long as the one before.
//! Must not know: how a suspension is put right.

use super::observed::{Meta, StoreSeen};

/// Seconds of the least grace that doubling begins with.
const LEAST: i64 = 60;
/// Seconds after which a repair is tried again, however many there were.
const LONGEST: i64 = 6 * 3600;

/// An object of a store that is suspended in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspended {
    /// `HelmRelease` or `Kustomization`.
    pub kind: &'static str,
    /// Its `metadata.generation`, which moves whenever somebody suspends or resumes it: one suspension, one number.
    pub generation: i64,
}

/// What of a store is suspended, objects of another uid left out; none while nothing is.
pub fn suspended(seen: &StoreSeen, uid: &str) -> Option<Suspended> {
    let of = |kind: &'static str, meta: &Meta, held: bool| {
        (held && meta.belongs_to(uid) && meta.deleting_since.is_none()).then_some(Suspended {
            kind,
            generation: meta.generation,
        })
    };
    let release = seen.release.as_ref();
    let applier = seen.kustomization.as_ref();
    release
        .and_then(|it| of("HelmRelease", &it.meta, it.suspended))
        .or_else(|| applier.and_then(|it| of("Kustomization", &it.meta, it.suspended)))
}

/// Seconds that a suspension is let be, after `earlier` repairs of the same store within a day. `grace` is the policy's;
/// where a deletion waits for it, the first repair comes at once.
pub fn patience(grace: i64, earlier: u32, deletion_waits: bool) -> i64 {
    match earlier {
        0 if deletion_waits => 0,
        0 => grace,
        _ => {
            let doubled = grace.max(LEAST).saturating_mul(1 << earlier.min(20));
            doubled.min(LONGEST).max(grace)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::observed::{KustomizationSeen, ReleaseSeen};
    use jiff::Timestamp;

    fn seen(release: Option<Meta>, applier: Option<Meta>) -> StoreSeen {
        StoreSeen {
            release: release.map(|meta| ReleaseSeen {
                meta,
                suspended: true,
                ..ReleaseSeen::default()
            }),
            kustomization: applier.map(|meta| KustomizationSeen {
                meta,
                suspended: true,
                ..KustomizationSeen::default()
            }),
            ..StoreSeen::default()
        }
    }

    #[test]
    fn what_is_suspended_is_the_store_s_own_and_not_on_its_way_out() {
        let meta = |uid: &str, generation, leaving: bool| Meta {
            uid: Some(uid.to_owned()),
            generation,
            deleting_since: leaving.then_some(Timestamp::UNIX_EPOCH),
            ..Meta::default()
        };
        let own = || Some(meta("A", 3, false));
        let table = [
            (seen(None, None), None),
            (seen(own(), None), Some(("HelmRelease", 3))),
            (seen(None, own()), Some(("Kustomization", 3))),
            (seen(own(), own()), Some(("HelmRelease", 3))),
            (seen(Some(meta("B", 3, false)), None), None),
            (
                seen(Some(meta("A", 3, true)), own()),
                Some(("Kustomization", 3)),
            ),
        ];
        for (seen, expected) in table {
            let found = suspended(&seen, "A").map(|it| (it.kind, it.generation));
            assert_eq!(found, expected, "{seen:?}");
        }
        let mut running = seen(own(), own());
        running
            .release
            .iter_mut()
            .for_each(|it| it.suspended = false);
        running
            .kustomization
            .iter_mut()
            .for_each(|it| it.suspended = false);
        assert_eq!(suspended(&running, "A"), None);
    }

    #[test]
    fn patience_grows_with_every_repair() {
        for (grace, earlier, deletion, seconds) in [
            (60, 0, false, 60),
            (60, 0, true, 0),
            (0, 0, false, 0),
            (60, 1, false, 120),
            (60, 1, true, 120),
            (0, 1, false, 120),
            (60, 3, false, 480),
            (60, 30, false, LONGEST),
            (86_400, 0, false, 86_400),
            (86_400, 2, false, 86_400),
        ] {
            let found = patience(grace, earlier, deletion);
            assert_eq!(found, seconds, "{grace} {earlier} {deletion}");
        }
    }
}
