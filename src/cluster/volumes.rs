//! The volumes that outlive their claims: asked for at the ends of deletions and now and then, never watched.
//!
//! `PersistentVolumes` belong to the whole cluster and there is no selector for who claimed one, so all are listed, in
//! pages and never more than a bound. Must not know: whose store claimed them, or why that matters.

use kube::api::{Api, DynamicObject, ListParams};
use serde_json::Value;

use super::kinds::api_resource;
use super::{Cluster, ClusterError, REQUEST};
use crate::domain::orphan::KeptVolume;

/// Volumes in one answer.
const PAGE: u32 = 500;
/// Pages that are read at most: enough for 30,000 stores with six volumes each.
const PAGES: u32 = 400;

impl Cluster {
    /// The volumes without their claims that nothing will remove: those with the reclaim policy Retain, and those that
    /// could not be reclaimed. In the order of names.
    ///
    /// # Errors
    /// When the cluster does not answer, has too many volumes, or this account may not list them.
    pub async fn kept_volumes(&self) -> Result<Vec<KeptVolume>, ClusterError> {
        let resource = api_resource("", "v1", "PersistentVolume", "persistentvolumes");
        let api: Api<DynamicObject> = Api::all_with(self.client()?, &resource);
        let (mut params, mut found) = (ListParams::default().limit(PAGE), Vec::new());
        for _ in 0..PAGES {
            let page = match tokio::time::timeout(REQUEST, api.list(&params)).await {
                Ok(page) => {
                    page.map_err(|source| ClusterError::read("PersistentVolumes", &source))?
                }
                Err(_) => return Err(ClusterError::silent()),
            };
            found.extend(page.items.iter().filter_map(kept));
            let Some(token) = page.metadata.continue_.filter(|it| !it.is_empty()) else {
                found.sort();
                return Ok(found);
            };
            params = params.continue_token(&token);
        }
        Err(ClusterError::Unreadable {
            what: "PersistentVolumes".to_owned(),
            why: format!("there are more than {}", PAGES * PAGE),
        })
    }
}

/// A volume that was claimed and stays.
fn kept(volume: &DynamicObject) -> Option<KeptVolume> {
    let text = |pointer: &str| volume.data.pointer(pointer).and_then(Value::as_str);
    let phase = text("/status/phase")?;
    let stays = match phase {
        "Released" => text("/spec/persistentVolumeReclaimPolicy") == Some("Retain"),
        "Failed" => true,
        _ => false,
    };
    let namespace = text("/spec/claimRef/namespace").filter(|_| stays)?;
    Some(KeptVolume {
        name: volume.metadata.name.clone()?,
        namespace: namespace.to_owned(),
        phase: phase.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn volumes_are_kept_that_nothing_will_remove() {
        for (phase, policy, claimed, found) in [
            ("Released", "Retain", true, true),
            ("Released", "Delete", true, false),
            ("Failed", "Delete", true, true),
            ("Bound", "Retain", true, false),
            ("Available", "Retain", false, false),
        ] {
            let claim = claimed.then(|| json!({"namespace": "store-shop"}));
            let volume = json!({
                "metadata": {"name": "pvc-1"},
                "spec": {"persistentVolumeReclaimPolicy": policy, "claimRef": claim},
                "status": {"phase": phase},
            });
            let volume: DynamicObject = serde_json::from_value(volume).expect("an object");
            let expected = found.then(|| KeptVolume {
                name: "pvc-1".to_owned(),
                namespace: "store-shop".to_owned(),
                phase: phase.to_owned(),
            });
            assert_eq!(kept(&volume), expected, "{phase} {policy}");
        }
    }
}
