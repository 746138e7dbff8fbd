//! The tasks against a small server of our own that can forget what a watch has missed. A real cluster is for the testbed's tests.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::cluster::{Cluster, ClusterError};
use crate::domain::StoreName;

/// What the server says: the names of the releases, which of them have a pod that fails, whether the kinds of
/// source-watcher exist, and which resources nobody may read. When it changes, every open watch is told that it came
/// too late to hear of it (410), as after a long absence.
#[derive(Clone, Default)]
struct Script {
    releases: Vec<&'static str>,
    failing_pods: Vec<&'static str>,
    no_source_watcher: bool,
    forbidden: Vec<&'static str>,
}

/// A server, until it is dropped.
struct Server {
    address: String,
    scripts: watch::Sender<Script>,
    _tasks: JoinSet<()>,
}

async fn serve(script: Script) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let (scripts, script) = watch::channel(script);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut answers = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            answers.spawn(answer(stream, script.clone()));
        }
    });
    Server {
        address,
        scripts,
        _tasks: tasks,
    }
}

/// A cluster whose kubeconfig points at an address, and the folder of that.
async fn cluster(address: &str) -> (Cluster, TempDir) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    point(&folder, address);
    let target = Target {
        kubeconfig: Some(folder.path().join("config")),
        context: None,
        namespace: "fleet".to_owned(),
        namespace_prefix: "store-".to_owned(),
    };
    let cluster = Cluster::connect(target).await.expect("a good file");
    (cluster, folder)
}

fn point(folder: &TempDir, address: &str) {
    let text = format!(
        "{{current-context: it, contexts: [{{name: it, context: {{cluster: it, user: it}}}}], \
        clusters: [{{name: it, cluster: {{server: 'http://{address}'}}}}], users: [{{name: it, user: {{}}}}]}}"
    );
    std::fs::write(folder.path().join("config"), text).expect("written");
}

async fn answer(mut stream: TcpStream, mut script: watch::Receiver<Script>) {
    let mut head = vec![0; 4096];
    let size = stream.read(&mut head).await.unwrap_or(0);
    let line = String::from_utf8_lossy(&head[..size])
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    let now = script.borrow_and_update().clone();
    let source_watcher = ["/externalartifacts", "/artifactgenerators"];
    let missing = line.contains("/gitrepositories/fleet")
        || now.no_source_watcher && source_watcher.iter().any(|it| line.contains(it));
    if now.forbidden.iter().any(|it| line.contains(it)) {
        reply(stream, "403 Forbidden", &failure(403, "it is forbidden")).await;
    } else if line.contains("watch=true") {
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        let _ = script.changed().await;
        let gone = json!({"type": "ERROR", "object": failure(410, "too old")});
        let line = format!("{gone}\n");
        let chunk = format!("{:x}\r\n{line}\r\n0\r\n\r\n", line.len());
        let _ = stream.write_all(chunk.as_bytes()).await;
    } else if missing {
        reply(stream, "404 Not Found", &failure(404, "not found")).await;
    } else {
        reply(stream, "200 OK", &body(&line, &now)).await;
    }
}

fn failure(code: u16, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message})
}

fn body(line: &str, script: &Script) -> Value {
    let release =
        |name: &&str| json!({"metadata": {"name": name, "labels": {"fleetwright.dev/uid": "U"}}});
    let pod = |name: &&str| {
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff"}});
        json!({"metadata": {"name": "web", "namespace": format!("store-{name}")},
            "status": {"phase": "Pending", "containerStatuses": [{"name": "web", "state": waiting}]}})
    };
    let items: Vec<Value> = match line {
        line if line.contains("/helmreleases") => script.releases.iter().map(release).collect(),
        line if line.contains("/pods") => script.failing_pods.iter().map(pod).collect(),
        _ => Vec::new(),
    };
    json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items})
}

async fn reply(mut stream: TcpStream, status: &str, body: &Value) {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all((head + &body).as_bytes()).await;
}

/// Takes changes until a condition holds; fails after some seconds.
async fn until(watcher: &mut Watcher, what: &str, holds: impl Fn(&View) -> bool) -> Changes {
    let view = watcher.view();
    let mut all = Changes::default();
    let wait = async {
        while !holds(&view) {
            all.merge(watcher.changed().await);
        }
    };
    soon(what, wait).await;
    all
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .unwrap_or_else(|_| panic!("waited for {what} in vain"))
}

fn names(names: &[&str]) -> BTreeSet<StoreName> {
    names
        .iter()
        .map(|name| name.parse().expect("a store name"))
        .collect()
}

fn failing_pods(view: &View, name: &str) -> usize {
    let seen = view.store(&name.parse().expect("a store name"));
    seen.map_or(0, |seen| seen.live.pods.len())
}

#[tokio::test]
async fn a_deletion_missed_while_a_watch_was_broken_is_found() {
    let server = serve(Script {
        releases: vec!["a", "b"],
        failing_pods: vec!["a", "b"],
        ..Script::default()
    })
    .await;
    let (cluster, _folder) = cluster(&server.address).await;
    let mut watcher = cluster.watch();
    until(&mut watcher, "the first lists", |view| {
        view.cluster().is_current()
    })
    .await;
    assert_eq!(watcher.view().stores(), names(&["a", "b"]));
    assert_eq!(failing_pods(&watcher.view(), "b"), 1);
    soon("quiet", async {
        while tokio::time::timeout(Duration::from_millis(300), watcher.changed())
            .await
            .is_ok()
        {}
    })
    .await;
    server.scripts.send_modify(|script| {
        script.releases = vec!["a"];
        script.failing_pods = vec!["a"];
    });
    let stays = |view: &View| {
        assert!(
            view.stores().is_superset(&names(&["a"])),
            "a store flashes away"
        );
        assert_eq!(failing_pods(view, "a"), 1, "a pod flashes away");
    };
    until(&mut watcher, "the failure", |view| {
        stays(view);
        !view.cluster().is_current()
    })
    .await;
    let changes = until(&mut watcher, "the next lists", |view| {
        stays(view);
        view.cluster().is_current() && failing_pods(view, "b") == 0
    })
    .await;
    assert_eq!(watcher.view().stores(), names(&["a"]));
    assert_eq!(changes.stores, names(&["b"]));
}

#[tokio::test]
async fn a_cluster_without_source_watcher_is_watched_as_well() {
    let server = serve(Script {
        no_source_watcher: true,
        ..Script::default()
    })
    .await;
    let (cluster, _folder) = cluster(&server.address).await;
    let mut watcher = cluster.watch();
    until(&mut watcher, "the first lists", |view| {
        view.cluster().is_current()
    })
    .await;
    let seen = watcher.view().cluster();
    assert_eq!(seen.blind, Vec::<String>::new());
    assert_eq!(seen.unserved, ["ExternalArtifact", "ArtifactGenerator"]);
}

#[tokio::test]
async fn what_may_not_be_read_is_named_and_the_rest_goes_on() {
    let server = serve(Script {
        releases: vec!["a"],
        failing_pods: vec!["a"],
        forbidden: vec!["/pods", "/helmcharts"],
        ..Script::default()
    })
    .await;
    let (cluster, folder) = cluster(&server.address).await;
    let mut watcher = cluster.watch();
    until(&mut watcher, "the lists of the rest", |view| {
        view.cluster().is_current()
    })
    .await;
    let seen = watcher.view().cluster();
    assert_eq!(seen.blind.len(), 2);
    assert!(
        seen.blind[0].contains("resources: [helmcharts], verbs: [get, list, watch]"),
        "{}",
        seen.blind[0]
    );
    assert_eq!(failing_pods(&watcher.view(), "a"), 0);

    // The right is given. A changed way is looked at at once; without that it takes half a minute.
    server
        .scripts
        .send_modify(|script| script.forbidden.clear());
    point(&folder, &format!("{}/elsewhere", server.address));
    until(&mut watcher, "the pods", |view| {
        view.cluster().blind.is_empty()
    })
    .await;
    assert_eq!(failing_pods(&watcher.view(), "a"), 1);
}

#[tokio::test]
async fn a_kubeconfig_that_points_elsewhere_is_followed_and_nothing_flashes() {
    let script = Script {
        releases: vec!["a"],
        failing_pods: vec!["a"],
        ..Script::default()
    };
    let first = serve(script.clone()).await;
    let second = serve(Script {
        releases: vec!["a", "b"],
        ..script
    })
    .await;
    let (cluster, folder) = cluster(&first.address).await;
    let mut watcher = cluster.watch();
    until(&mut watcher, "the first lists", |view| {
        view.cluster().is_current()
    })
    .await;

    // Half written, then whole. The first server goes away, so that it is seen at once.
    std::fs::write(folder.path().join("config"), "contexts: 7").expect("written");
    drop(first);
    until(&mut watcher, "the failure", |view| {
        view.cluster().stale_since.is_some()
    })
    .await;
    point(&folder, &second.address);
    until(&mut watcher, "the other server", |view| {
        assert!(view.stores().is_superset(&names(&["a"])));
        assert_eq!(failing_pods(view, "a"), 1);
        view.cluster().is_current()
    })
    .await;
    assert_eq!(watcher.view().stores(), names(&["a", "b"]));
    assert_eq!(watcher.view().cluster().trouble, None);
}

#[tokio::test]
async fn an_unreachable_cluster_is_a_state_and_not_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    drop(listener);
    let (cluster, _folder) = cluster(&address).await;
    let mut watcher = cluster.watch();
    until(&mut watcher, "the failure", |view| {
        let trouble = view.cluster().trouble.clone();
        trouble.is_some_and(|trouble| trouble.contains("Connection refused"))
    })
    .await;
    let seen = watcher.view().cluster();
    assert!(!seen.synced && seen.blind.is_empty());
    assert!(matches!(
        cluster.request_fetch("t").await,
        Err(ClusterError::Unreachable { .. })
    ));
}

#[tokio::test]
async fn a_fetch_of_what_is_not_there_says_so() {
    let server = serve(Script::default()).await;
    let (cluster, _folder) = cluster(&server.address).await;
    let before = cluster.request_fetch("token").await;
    assert!(matches!(before, Err(ClusterError::Unreachable { .. })));
    let mut watcher = cluster.watch();
    until(&mut watcher, "the first lists", |view| {
        view.cluster().is_current()
    })
    .await;
    let error = cluster
        .request_fetch("token")
        .await
        .expect_err("the server has no GitRepository");
    assert_eq!(
        error.to_string(),
        "the cluster has no GitRepository fleet/fleet: apply the cluster's bootstrap"
    );
}
