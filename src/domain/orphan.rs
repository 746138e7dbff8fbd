//! What does not belong together: objects in a cluster that carry our labels and that no record stands for, records whose
//! objects are missing, and volumes that outlive their store.
//!
//! Must not know: how either is read. Nothing here is ever removed by Fleetwright: a cluster may be one that somebody
//! restored, and a record may be lost; so each finding says what a person can do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::observed::{Meta, StoreSeen};
use super::{ClusterName, StoreName};

mod volumes;

pub use volumes::{KeptVolume, by_store, volumes_kept};

/// What kind of finding it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum OrphanReason {
    /// No store of this name is in Git.
    NoRecord,
    /// The store of this name is another one: the objects are left from an earlier one.
    OtherUid,
    /// The store of this name runs on another cluster.
    OtherCluster,
    /// The store is in Git, the cluster had it, and something of it is not there.
    ObjectsMissing,
    /// Volumes that the store's namespace claimed are kept without a claim.
    VolumeKept,
}

/// One finding, with what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// The cluster that it was found in.
    pub cluster: ClusterName,
    /// The store's name.
    pub store: StoreName,
    /// The uid that the objects carry; of missing ones the record's, of volumes none: they carry nothing of ours.
    pub uid: Option<String>,
    /// What kind of finding it is.
    pub reason: OrphanReason,
    /// The objects, as `kind/name`.
    pub objects: Vec<String>,
    /// What is the case.
    pub message: String,
    /// What a person can do.
    pub next_step: String,
}

/// What Git says of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The uid of its store.
    pub uid: &'a str,
    /// The cluster that it runs on.
    pub cluster: &'a ClusterName,
    /// Whether it is being deleted, or was: then what is missing is meant to be.
    pub leaving: bool,
    /// Whether nothing of it is to be there any more.
    pub gone: bool,
    /// Whether the cluster was seen to have the state that Git wants.
    pub applied: bool,
}

/// Where a store's objects are.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The cluster.
    pub cluster: &'a ClusterName,
    /// The namespace of Flux's objects.
    pub namespace: &'a str,
    /// What a store's own namespace is called before its name.
    pub prefix: &'a str,
}

/// Compares what is seen of a name with what Git says of it. None where all is as it should be, or on its way there.
pub fn orphan(
    place: Place<'_>,
    store: &StoreName,
    seen: &StoreSeen,
    wanted: Option<Wanted<'_>>,
) -> Option<Orphan> {
    let objects = Objects::of(place, store, seen);
    let Some(wanted) = wanted.filter(|it| !it.gone) else {
        let message =
            format!("no store {store} is in Git, so nothing changes or removes these objects");
        return objects.found(place, store, OrphanReason::NoRecord, &|_| true, message);
    };
    if wanted.cluster != place.cluster {
        let message = format!("store {store} runs on cluster {}", wanted.cluster);
        return objects.found(place, store, OrphanReason::OtherCluster, &|_| true, message);
    }
    let foreign = |meta: &Meta| !meta.belongs_to(wanted.uid);
    let message = format!(
        "store {store} has the uid {}; these objects are left from an earlier store of that name, and in its way",
        wanted.uid
    );
    let left = objects.found(place, store, OrphanReason::OtherUid, &foreign, message);
    left.or_else(|| missing(place, store, &objects, wanted))
}

fn missing(
    place: Place<'_>,
    store: &StoreName,
    objects: &Objects<'_>,
    wanted: Wanted<'_>,
) -> Option<Orphan> {
    if wanted.leaving || !wanted.applied {
        return None;
    }
    let absent = objects.0.iter().filter(|(_, meta)| meta.is_none());
    let absent: Vec<String> = absent.map(|(name, _)| name.clone()).collect();
    if absent.is_empty() {
        return None;
    }
    Some(Orphan {
        cluster: place.cluster.clone(),
        store: store.clone(),
        uid: Some(wanted.uid.to_owned()),
        reason: OrphanReason::ObjectsMissing,
        message: format!(
            "store {store} was applied, and {} of it is not in the cluster",
            absent.join(", ")
        ),
        objects: absent,
        next_step: format!(
            "find out who removed it; Flux makes it again at its next interval, at once after: fleetwright store retry {store}"
        ),
    })
}

/// A store's own objects, those that are not there included.
struct Objects<'a>(Vec<(String, Option<&'a Meta>)>);

impl<'a> Objects<'a> {
    fn of(place: Place<'_>, store: &StoreName, seen: &'a StoreSeen) -> Self {
        let release = seen.release.as_ref().map(|it| &it.meta);
        let applier = seen.kustomization.as_ref().map(|it| &it.meta);
        let namespace = seen.namespace.as_ref().map(|it| &it.meta);
        Self(vec![
            (format!("helmrelease/{store}"), release),
            (format!("kustomization/store-{store}"), applier),
            (format!("namespace/{}{store}", place.prefix), namespace),
        ])
    }

    /// Those with our uid label that `which` is true of.
    fn found(
        &self,
        place: Place<'_>,
        store: &StoreName,
        reason: OrphanReason,
        which: &dyn Fn(&Meta) -> bool,
        message: String,
    ) -> Option<Orphan> {
        let there = |(name, meta): &(String, Option<&'a Meta>)| {
            let meta = meta.filter(|meta| meta.uid.is_some() && which(meta))?;
            Some((name.clone(), meta.uid.clone()))
        };
        let (objects, uids): (Vec<String>, Vec<Option<String>>) =
            self.0.iter().filter_map(there).unzip();
        if objects.is_empty() {
            return None;
        }
        Some(Orphan {
            cluster: place.cluster.clone(),
            store: store.clone(),
            uid: uids.into_iter().flatten().next(),
            reason,
            next_step: removal(place, store, &objects),
            objects,
            message,
        })
    }
}

/// How a person removes orphans: the release first, so that Helm uninstalls it, and the namespace with the mark that the
/// cluster's admission asks for.
fn removal(place: Place<'_>, store: &StoreName, objects: &[String]) -> String {
    let (fleet, own) = (place.namespace, format!("{}{store}", place.prefix));
    let steps = objects.iter().map(|it| match it.split_once('/') {
        Some(("namespace", _)) => format!(
            "kubectl annotate namespace {own} fleetwright.dev/deleting=by-hand && kubectl delete namespace {own}"
        ),
        _ => format!("kubectl -n {fleet} delete {it}"),
    });
    let steps: Vec<String> = steps.collect();
    format!(
        "if its record was lost, bring it back from Git's history; else save its data and remove them, one after the other: {}",
        steps.join("; ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::observed::{KustomizationSeen, NamespaceSeen, ReleaseSeen};

    fn seen(release: Option<&str>, applier: Option<&str>, namespace: Option<&str>) -> StoreSeen {
        let meta = |uid: &str| Meta {
            uid: (!uid.is_empty()).then(|| uid.to_owned()),
            ..Meta::default()
        };
        StoreSeen {
            release: release.map(|uid| ReleaseSeen {
                meta: meta(uid),
                ..ReleaseSeen::default()
            }),
            kustomization: applier.map(|uid| KustomizationSeen {
                meta: meta(uid),
                ..KustomizationSeen::default()
            }),
            namespace: namespace.map(|uid| NamespaceSeen {
                meta: meta(uid),
                deleting_mark: None,
            }),
            ..StoreSeen::default()
        }
    }

    #[test]
    fn what_does_not_belong_together_is_found() {
        use OrphanReason::{NoRecord, ObjectsMissing, OtherCluster, OtherUid};
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
        let whole = || seen(Some("A"), Some("A"), Some("A"));
        let leaving = Wanted {
            leaving: true,
            ..live
        };
        let gone = Wanted { gone: true, ..live };
        let fresh = Wanted {
            applied: false,
            ..live
        };
        let elsewhere = Wanted {
            cluster: &us,
            ..live
        };
        let table = vec![
            (whole(), Some(live), None),
            (whole(), Some(leaving), None),
            (whole(), None, Some((NoRecord, 3))),
            (whole(), Some(gone), Some((NoRecord, 3))),
            (whole(), Some(elsewhere), Some((OtherCluster, 3))),
            (seen(None, None, None), None, None),
            (seen(None, None, None), Some(gone), None),
            (seen(None, None, Some("A")), Some(leaving), None),
            (seen(None, None, None), Some(fresh), None),
            (
                seen(None, None, None),
                Some(live),
                Some((ObjectsMissing, 3)),
            ),
            (
                seen(Some("A"), None, Some("A")),
                Some(live),
                Some((ObjectsMissing, 1)),
            ),
            (
                seen(Some("B"), Some("A"), Some("A")),
                Some(live),
                Some((OtherUid, 1)),
            ),
            // a stripped label makes nobody's object an orphan
            (seen(Some(""), Some("A"), Some("A")), Some(live), None),
            (seen(Some(""), None, None), None, None),
        ];
        for (seen, wanted, expected) in table {
            let found = orphan(place, &"shop".parse().unwrap(), &seen, wanted);
            let short = found.as_ref().map(|it| (it.reason, it.objects.len()));
            assert_eq!(short, expected, "{seen:?} {wanted:?}");
        }
    }

    #[test]
    fn the_way_to_remove_them_is_told_in_order() {
        let eu: ClusterName = "eu".parse().unwrap();
        let place = Place {
            cluster: &eu,
            namespace: "fleet",
            prefix: "store-",
        };
        let seen = seen(Some("A"), None, Some("A"));
        let found = orphan(place, &"shop".parse().unwrap(), &seen, None).unwrap();
        let told = found.next_step;
        let release = told
            .find("kubectl -n fleet delete helmrelease/shop")
            .unwrap();
        let namespace = told.find("kubectl delete namespace store-shop").unwrap();
        assert!(release < namespace, "{told}");
        assert_eq!(found.uid.as_deref(), Some("A"));
    }
}
