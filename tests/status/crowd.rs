//! Objects of other people in the cluster, as many as wanted: written over connections that stay open, many at once.

use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

/// Where most of them lie.
pub(crate) const NAMESPACE: &str = "unrelated";
/// Requests under way at once: more do not make the API server faster.
const AT_ONCE: usize = 64;

/// Creates so many objects, of so many bytes each. Nearly a quarter comes to our reader: every fifth is an event of type
/// Warning, and of a hundred each one is a release, a Kustomization beside those of the fleet, and a volume.
pub(crate) fn gathers(kubeconfig: &Path, number: usize, bytes: usize) {
    let filling = "x".repeat(bytes);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let done = runtime.block_on(async {
        let client = client(kubeconfig).await?;
        let (client, filling) = (&client, filling.as_str());
        let each = |n| async move { create(client, n, filling).await };
        let writes = futures::stream::iter(0..number).map(each);
        writes.buffer_unordered(AT_ONCE).try_collect::<()>().await
    });
    done.expect("the administrator may create them");
}

async fn client(kubeconfig: &Path) -> Result<Client, kube::Error> {
    let file = Kubeconfig::read_from(kubeconfig).expect("the testbed's kubeconfig");
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("the testbed's kubeconfig"))
}

async fn create(client: &Client, n: usize, filling: &str) -> Result<(), kube::Error> {
    let (path, object) = object(n, filling);
    let request = axum::http::Request::post(path)
        .header("content-type", "application/json")
        .body(object.to_string().into_bytes())
        .expect("a request");
    client.request_text(request).await.map(drop)
}

/// Where an object is created, and the object. Nothing acts on any of them: only its being there counts.
fn object(n: usize, filling: &str) -> (String, Value) {
    let core = |kind: &str| format!("/api/v1/namespaces/{NAMESPACE}/{kind}");
    let flux = |api: &str| format!("/apis/{api}.toolkit.fluxcd.io/{}", flux_version(api));
    let name = format!("object-{n}");
    let here = json!({"name": name, "namespace": NAMESPACE});
    let fleet = json!({"name": name, "namespace": "fleet"});
    match n % 100 {
        // without our label, so never sent to us
        it if it % 10 == 0 => (core("pods"), pod(&here, filling)),
        // all of them are sent to us, as events carry no labels
        it if it % 5 == 1 => (core("events"), event(&here, filling)),
        2 => (
            flux("helm") + "/namespaces/fleet/helmreleases",
            release(&fleet, filling),
        ),
        3 => (
            flux("kustomize") + "/namespaces/fleet/kustomizations",
            kustomization(&fleet, filling),
        ),
        4 => (
            "/api/v1/persistentvolumes".to_owned(),
            volume(&name, filling),
        ),
        _ => {
            let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": here, "data": {"x": filling}});
            (core("configmaps"), map)
        }
    }
}

fn flux_version(api: &str) -> &'static str {
    if api == "helm" { "v2" } else { "v1" }
}

fn pod(metadata: &Value, filling: &str) -> Value {
    let containers = json!([{"name": "x", "image": "x", "env": [{"name": "X", "value": filling}]}]);
    let spec = json!({"schedulerName": "nobody", "containers": containers});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

fn event(metadata: &Value, filling: &str) -> Value {
    let about = json!({"kind": "Pod", "name": "object-0", "namespace": NAMESPACE});
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata,
        "involvedObject": about,
        "type": "Warning",
        "reason": "FailedCreate",
        "message": filling,
    })
}

/// Its name could be a store's.
fn release(metadata: &Value, filling: &str) -> Value {
    let chart = json!({"kind": "HelmChart", "name": "nowhere"});
    let spec =
        json!({"interval": "1h", "suspend": true, "chartRef": chart, "values": {"x": filling}});
    json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": metadata, "spec": spec})
}

fn kustomization(metadata: &Value, filling: &str) -> Value {
    let source = json!({"kind": "GitRepository", "name": "nowhere"});
    let mut metadata = metadata.clone();
    metadata["annotations"] = json!({"example.com/x": filling});
    let spec = json!({"interval": "1h", "suspend": true, "prune": false, "sourceRef": source});
    json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata, "spec": spec})
}

fn volume(name: &str, filling: &str) -> Value {
    let metadata = json!({"name": name, "annotations": {"example.com/x": filling}});
    let spec = json!({
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": "/x"},
    });
    json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec})
}
