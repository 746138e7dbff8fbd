//! Volumes that outlive the claim of a store: data that somebody pays for, or must still remove by law.
//!
//! A volume carries nothing of ours, only the namespace that claimed it. So it is a store's when Git knows, or knew, a
//! store whose namespace that is; after a lost index the history tells that as before. Must not know: how volumes are read.

use std::collections::BTreeMap;

use super::{Orphan, OrphanReason, Place, Wanted};
use crate::domain::StoreName;

/// Volumes that a sentence names.
const SHOWN: usize = 10;

/// A volume without its claim that nothing will remove: its reclaim policy is Retain, or reclaiming it failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeptVolume {
    /// Its name.
    pub name: String,
    /// The namespace that claimed it.
    pub namespace: String,
    /// Its phase: `Released` or `Failed`.
    pub phase: String,
}

/// Kept volumes by the store whose namespace claimed them, each in the order given.
pub fn by_store<'a>(
    prefix: &str,
    kept: &'a [KeptVolume],
) -> BTreeMap<StoreName, Vec<&'a KeptVolume>> {
    let mut stores: BTreeMap<StoreName, Vec<&KeptVolume>> = BTreeMap::new();
    for volume in kept {
        let name = volume.namespace.strip_prefix(prefix);
        if let Some(name) = name.and_then(|it| it.parse().ok()) {
            stores.entry(name).or_default().push(volume);
        }
    }
    stores
}

/// What is to be said of the volumes that a store's namespace claimed once. None where Git never knew such a store, and
/// none while its deletion is under way.
pub fn volumes_kept(
    place: Place<'_>,
    store: &StoreName,
    kept: &[&KeptVolume],
    wanted: Option<Wanted<'_>>,
) -> Option<Orphan> {
    let wanted = wanted.filter(|_| !kept.is_empty())?;
    let here = wanted.cluster == place.cluster;
    if here && wanted.leaving && !wanted.gone {
        return None;
    }
    let why = match (wanted.gone, here) {
        (true, _) => format!("store {store} is deleted"),
        (false, false) => format!("store {store} runs on cluster {}", wanted.cluster),
        (false, true) => format!("no claim of store {store} holds them now"),
    };
    let shown = kept.iter().take(SHOWN);
    let told: Vec<String> = shown
        .map(|it| format!("{} ({})", it.name, it.phase))
        .collect();
    let objects: Vec<String> = kept
        .iter()
        .map(|it| format!("persistentvolume/{}", it.name))
        .collect();
    Some(Orphan {
        cluster: place.cluster.clone(),
        store: store.clone(),
        uid: None,
        reason: OrphanReason::VolumeKept,
        message: format!(
            "volumes that were claimed in namespace {}{store} are kept in the cluster, and {why}: {}{}",
            place.prefix,
            told.join(", "),
            more(kept.len(), " and", "more")
        ),
        next_step: format!(
            "when their data is not needed any more, remove them: kubectl delete {}{}; what lies behind them stays \
             where their storage keeps it, and is removed there",
            objects[..objects.len().min(SHOWN)].join(" "),
            more(kept.len(), ", and so the", "others")
        ),
        objects,
    })
}

/// How many are not named.
fn more(count: usize, before: &str, after: &str) -> String {
    match count.saturating_sub(SHOWN) {
        0 => String::new(),
        left => format!("{before} {left} {after}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ClusterName;

    fn volume(name: &str, namespace: &str) -> KeptVolume {
        KeptVolume {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            phase: "Released".to_owned(),
        }
    }

    #[test]
    fn volumes_are_a_store_s_by_the_namespace_that_claimed_them() {
        let kept = [
            volume("a", "store-shop"),
            volume("b", "store-shop"),
            volume("c", "shop"),
            volume("d", "store-Not a name"),
            volume("e", "store-other"),
        ];
        let found = by_store("store-", &kept);
        let told: Vec<(String, usize)> = found
            .iter()
            .map(|(store, it)| (store.to_string(), it.len()))
            .collect();
        assert_eq!(told, [("other".to_owned(), 1), ("shop".to_owned(), 2)]);
    }

    #[test]
    fn a_kept_volume_is_told_once_its_store_is_gone_or_claims_it_no_more() {
        let (eu, us): (ClusterName, ClusterName) = ("eu".parse().unwrap(), "us".parse().unwrap());
        let place = Place {
            cluster: &eu,
            namespace: "fleet",
            prefix: "store-",
        };
        let live = Wanted {
            uid: "A",
            cluster: &eu,
            leaving: false,
            gone: false,
            applied: true,
        };
        let leaving = Wanted {
            leaving: true,
            ..live
        };
        let gone = Wanted {
            gone: true,
            ..leaving
        };
        let elsewhere = Wanted {
            cluster: &us,
            ..leaving
        };
        let one = volume("pv-1", "store-shop");
        for (wanted, told) in [
            (None, None),
            (Some(leaving), None),
            (Some(gone), Some("store shop is deleted")),
            (Some(live), Some("no claim of store shop")),
            (Some(elsewhere), Some("runs on cluster us")),
        ] {
            let found = volumes_kept(place, &"shop".parse().unwrap(), &[&one], wanted);
            assert_eq!(found.is_some(), told.is_some(), "{wanted:?} {found:?}");
            if let (Some(found), Some(told)) = (found, told) {
                assert!(found.message.contains(told), "{found:?}");
                assert!(found.message.contains("pv-1 (Released)"), "{found:?}");
                assert_eq!(found.objects, ["persistentvolume/pv-1"]);
            }
        }
        let none = volumes_kept(place, &"shop".parse().unwrap(), &[], Some(gone));
        assert_eq!(none, None);
    }

    #[test]
    fn many_volumes_are_told_in_short() {
        let eu: ClusterName = "eu".parse().unwrap();
        let place = Place {
            cluster: &eu,
            namespace: "fleet",
            prefix: "store-",
        };
        let gone = Wanted {
            uid: "A",
            cluster: &eu,
            leaving: true,
            gone: true,
            applied: true,
        };
        let all: Vec<KeptVolume> = (0..500)
            .map(|n| volume(&format!("pvc-{n}"), "store-shop"))
            .collect();
        let all: Vec<&KeptVolume> = all.iter().collect();
        let found = volumes_kept(place, &"shop".parse().unwrap(), &all, Some(gone)).unwrap();
        assert_eq!(found.objects.len(), 500);
        assert!(found.message.ends_with("pvc-9 (Released) and 490 more"));
        assert!(found.message.len() < 500, "{}", found.message);
        assert!(
            found.next_step.contains("and so the 490 others"),
            "{}",
            found.next_step
        );
    }
}
