//! How a cluster was prepared: which bootstrap was applied, and with which flags Flux's controllers run. Asked for every
//! few minutes, in bounded requests; nothing is watched for it.
//!
//! Must not know: which bootstrap or flags are right.

use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use serde_json::Value;

use super::kinds::api_resource;
use super::{Cluster, ClusterError, Kind, REQUEST, SOURCE};
use crate::domain::installed::{Applied, Controller};

/// The `ConfigMap` in which a bootstrap says what it is.
const BOOTSTRAP: &str = "fleetwright-bootstrap";
/// The label that `flux install` and the charts of Flux put on its controllers.
const PART_OF_FLUX: &str = "app.kubernetes.io/part-of=flux";
/// Controllers that are read at most; Flux has six.
const CONTROLLERS: u32 = 50;

impl Cluster {
    /// The bootstrap that was applied; none where there is none.
    ///
    /// # Errors
    /// When the cluster does not answer, or this account may not read it.
    pub async fn applied_bootstrap(&self) -> Result<Option<Applied>, ClusterError> {
        let said = self
            .get(
                &api_resource("", "v1", "ConfigMap", "configmaps"),
                BOOTSTRAP,
            )
            .await?;
        let source = self.get(&Kind::Source.resource(), SOURCE).await?;
        let url = source.and_then(|it| text(&it.data, "/spec/url"));
        Ok(said.map(|it| Applied {
            version: text(&it.data, "/data/version").unwrap_or_default(),
            digest: text(&it.data, "/data/digest").unwrap_or_default(),
            url,
        }))
    }

    /// Flux's controllers with their flags, wherever they are installed; empty where they run otherwise than as
    /// Deployments.
    ///
    /// # Errors
    /// As for [`applied_bootstrap`](Self::applied_bootstrap).
    pub async fn controllers(&self) -> Result<Vec<Controller>, ClusterError> {
        let api: Api<DynamicObject> = Api::all_with(
            self.client()?,
            &api_resource("apps", "v1", "Deployment", "deployments"),
        );
        let params = ListParams::default()
            .labels(PART_OF_FLUX)
            .limit(CONTROLLERS);
        match tokio::time::timeout(REQUEST, api.list(&params)).await {
            Ok(Ok(list)) => Ok(list.items.iter().map(controller).collect()),
            Ok(Err(source)) => Err(ClusterError::read("Deployments of Flux", &source)),
            Err(_) => Err(ClusterError::silent()),
        }
    }

    async fn get(
        &self,
        resource: &ApiResource,
        name: &str,
    ) -> Result<Option<DynamicObject>, ClusterError> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client()?, &self.target.namespace, resource);
        match tokio::time::timeout(REQUEST, api.get_opt(name)).await {
            Ok(found) => found.map_err(|source| ClusterError::read(name, &source)),
            Err(_) => Err(ClusterError::silent()),
        }
    }
}

fn controller(deployment: &DynamicObject) -> Controller {
    let containers = deployment.data.pointer("/spec/template/spec/containers");
    let containers = containers.and_then(Value::as_array).into_iter().flatten();
    let args = containers
        .filter_map(|it| it.get("args")?.as_array())
        .flatten();
    Controller {
        name: deployment.metadata.name.clone().unwrap_or_default(),
        args: args
            .filter_map(|it| Some(it.as_str()?.to_owned()))
            .collect(),
    }
}

fn text(data: &Value, pointer: &str) -> Option<String> {
    Some(data.pointer(pointer)?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn flags_are_read_off_a_deployment() {
        let deployment = json!({
            "metadata": {"name": "helm-controller"},
            "spec": {"template": {"spec": {"containers": [
                {"name": "manager", "args": ["--watch-all-namespaces=true", "--no-cross-namespace-refs=true"]},
                {"name": "proxy"},
            ]}}},
        });
        let read = controller(&serde_json::from_value(deployment).expect("an object"));
        assert_eq!(read.name, "helm-controller");
        assert_eq!(
            read.args,
            [
                "--watch-all-namespaces=true",
                "--no-cross-namespace-refs=true"
            ]
        );
    }
}
