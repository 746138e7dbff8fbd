//! Objects of other people in the cluster, as many as wanted: written over connections that stay open, many at once.

use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

/// Where they lie.
pub(crate) const NAMESPACE: &str = "unrelated";
/// Requests under way at once: more do not make the API server faster.
const AT_ONCE: usize = 64;

/// Fills the namespace with `ConfigMaps` and, every tenth, a Pod, of so many bytes each.
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
    let (kind, object) = object(n, filling);
    let request = axum::http::Request::post(format!("/api/v1/namespaces/{NAMESPACE}/{kind}"))
        .header("content-type", "application/json")
        .body(object.to_string().into_bytes())
        .expect("a request");
    client.request_text(request).await.map(drop)
}

fn object(n: usize, filling: &str) -> (&'static str, Value) {
    let metadata = json!({"name": format!("object-{n}"), "namespace": NAMESPACE});
    if n.is_multiple_of(10) {
        // Nobody schedules it, so that only its being there counts.
        let containers =
            json!([{"name": "x", "image": "x", "env": [{"name": "X", "value": filling}]}]);
        let spec = json!({"schedulerName": "nobody", "containers": containers});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
        return ("pods", pod);
    }
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"x": filling}});
    ("configmaps", map)
}
