//! How a cluster was prepared: which bootstrap was applied, what is there of it, and with which flags Flux's controllers
//! run. Asked for every minute, in bounded requests; nothing is watched for it.
//!
//! Must not know: which bootstrap or flags are right.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use serde_json::Value;

use super::kinds::api_resource;
use super::{Cluster, ClusterError, Kind, REQUEST, SOURCE};
use crate::domain::installed::{Applied, Controller, Live};

/// The `ConfigMap` in which a bootstrap says what it is.
const BOOTSTRAP: &str = "fleetwright-bootstrap";
/// The label that `flux install` and the charts of Flux put on its controllers.
const PART_OF_FLUX: &str = "app.kubernetes.io/part-of=flux";
/// Objects that are asked for at once: of a cluster far away forty answers one after the other take too long.
const AT_ONCE: usize = 8;
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

    /// What is in the cluster in place of each rendered object, in their order: by API version, kind, namespace and name.
    /// Secrets are never asked for. All of it takes ten seconds at most.
    ///
    /// # Errors
    /// When the cluster does not answer. What this account may not read is [`Live::Unread`].
    pub async fn live(&self, rendered: &[Value]) -> Result<Vec<Live>, ClusterError> {
        let questions: Vec<_> = rendered.iter().map(|object| self.one(object)).collect();
        let all = stream::iter(questions).buffered(AT_ONCE).try_collect();
        let answered = tokio::time::timeout(REQUEST, all).await;
        answered.unwrap_or_else(|_| Err(ClusterError::silent()))
    }

    async fn one(&self, rendered: &Value) -> Result<Live, ClusterError> {
        let said = |pointer| text(rendered, pointer).unwrap_or_default();
        let (version, kind) = (said("/apiVersion"), said("/kind"));
        if kind == "Secret" {
            return Ok(Live::Unread);
        }
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        // The plural is guessed by English rules, which hold for every kind of the bootstrap.
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
        let api: Api<DynamicObject> = match text(rendered, "/metadata/namespace") {
            Some(namespace) => Api::namespaced_with(self.client()?, &namespace, &resource),
            None => Api::all_with(self.client()?, &resource),
        };
        let name = said("/metadata/name");
        match answer(&name, api.get_opt(&name)).await {
            Ok(Some(object)) => Ok(serde_json::to_value(object).map_or(Live::Unread, Live::Found)),
            Ok(None) => Ok(Live::Missing),
            Err(ClusterError::Unreadable { .. }) => Ok(Live::Unread),
            Err(error) => Err(error),
        }
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
        let list = answer("Deployments of Flux", api.list(&params)).await?;
        Ok(list.items.iter().map(controller).collect())
    }

    async fn get(
        &self,
        resource: &ApiResource,
        name: &str,
    ) -> Result<Option<DynamicObject>, ClusterError> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client()?, &self.target.namespace, resource);
        answer(name, api.get_opt(name)).await
    }
}

/// Waits for the answer to one question about `what`.
async fn answer<T>(
    what: &str,
    question: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, ClusterError> {
    match tokio::time::timeout(REQUEST, question).await {
        Ok(answer) => answer.map_err(|source| ClusterError::read(what, &source)),
        Err(_) => Err(ClusterError::silent()),
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
