//! The volumes that outlive a deleted store: asked for once, at the deletion's end.
//!
//! `PersistentVolumes` belong to the whole cluster and there is no selector for who claimed one, so all are listed, in
//! pages and never more than a bound. Must not know: which store was deleted, or why that matters.

use kube::api::{Api, DynamicObject, ListParams};
use serde_json::Value;

use super::kinds::api_resource;
use super::{Cluster, ClusterError, REQUEST};

/// Volumes in one answer.
const PAGE: u32 = 500;
/// Pages that are read at most.
const PAGES: usize = 20;

impl Cluster {
    /// The volumes claimed in a namespace that nothing will remove: those with the reclaim policy Retain, and those that
    /// could not be reclaimed. As `name (phase)`.
    ///
    /// # Errors
    /// When the cluster does not answer, or this account may not list volumes.
    pub async fn kept_volumes(&self, namespace: &str) -> Result<Vec<String>, ClusterError> {
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
            found.extend(page.items.iter().filter_map(|it| kept(it, namespace)));
            match page.metadata.continue_.filter(|it| !it.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => break,
            }
        }
        found.sort();
        Ok(found)
    }
}

/// A volume that was claimed in a namespace and stays, with its phase.
fn kept(volume: &DynamicObject, namespace: &str) -> Option<String> {
    let text = |pointer: &str| volume.data.pointer(pointer).and_then(Value::as_str);
    let phase = text("/status/phase").unwrap_or("");
    let stays = match phase {
        "Released" => text("/spec/persistentVolumeReclaimPolicy") == Some("Retain"),
        "Failed" => true,
        _ => false,
    };
    let claimed = text("/spec/claimRef/namespace") == Some(namespace);
    let name = volume.metadata.name.as_deref()?;
    (stays && claimed).then(|| format!("{name} ({phase})"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn volumes_are_kept_that_nothing_will_remove() {
        for (phase, policy, namespace, found) in [
            ("Released", "Retain", "store-shop", true),
            ("Released", "Delete", "store-shop", false),
            ("Failed", "Delete", "store-shop", true),
            ("Bound", "Retain", "store-shop", false),
            ("Available", "Retain", "", false),
            ("Released", "Retain", "store-other", false),
        ] {
            let volume = json!({
                "metadata": {"name": "pvc-1"},
                "spec": {"persistentVolumeReclaimPolicy": policy, "claimRef": {"namespace": namespace}},
                "status": {"phase": phase},
            });
            let volume: DynamicObject = serde_json::from_value(volume).expect("an object");
            let expected = found.then(|| format!("pvc-1 ({phase})"));
            assert_eq!(kept(&volume, "store-shop"), expected, "{phase} {policy}");
        }
    }
}
