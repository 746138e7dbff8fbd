//! The tasks against a small server of our own that can forget what a watch has missed. A real cluster is for the testbed's tests.

use std::collections::BTreeSet;
use std::future::Future;

use kube::Config;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::cluster::{Cluster, ClusterError};

/// What the server says: the names of the releases, and whether the kinds of source-watcher exist. When it changes,
/// every open watch is told that it came too late to hear of it (410), as after a long absence.
#[derive(Clone, Default)]
struct Script {
    releases: Vec<&'static str>,
    no_source_watcher: bool,
}

async fn serve(script: Script) -> (Cluster, watch::Sender<Script>) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (scripts, script) = watch::channel(script);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, script.clone()));
        }
    });
    let uri = format!("http://{address}").parse().expect("an address");
    let client = Client::try_from(Config::new(uri)).expect("a plain client");
    let (namespace, namespace_prefix) = ("fleet".to_owned(), "store-".to_owned());
    (
        Cluster {
            client,
            namespace,
            namespace_prefix,
        },
        scripts,
    )
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
    let missing = now.no_source_watcher
        && (line.contains("/externalartifacts") || line.contains("/artifactgenerators"));
    if line.contains("watch=true") {
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        let _ = script.changed().await;
        let gone = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410, "message": "too old"}});
        let line = format!("{gone}\n");
        let chunk = format!("{:x}\r\n{line}\r\n0\r\n\r\n", line.len());
        let _ = stream.write_all(chunk.as_bytes()).await;
    } else if missing || line.starts_with("PATCH") {
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "message": "not found"});
        reply(stream, "404 Not Found", &status).await;
    } else {
        reply(stream, "200 OK", &body(&line, &now)).await;
    }
}

fn body(line: &str, script: &Script) -> Value {
    if line.contains("/version") {
        let fields = [
            "major",
            "minor",
            "gitVersion",
            "gitCommit",
            "gitTreeState",
            "buildDate",
            "goVersion",
            "compiler",
            "platform",
        ];
        return fields
            .iter()
            .map(|field| ((*field).to_owned(), json!("")))
            .collect::<serde_json::Map<_, _>>()
            .into();
    }
    let release =
        |name: &&str| json!({"metadata": {"name": name, "labels": {"fleetwright.dev/uid": "U"}}});
    let items: Vec<Value> = script.releases.iter().map(release).collect();
    let items = if line.contains("/helmreleases") {
        items
    } else {
        Vec::new()
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

#[tokio::test]
async fn a_deletion_missed_while_a_watch_was_broken_is_found() {
    let (cluster, scripts) = serve(Script {
        releases: vec!["a", "b"],
        ..Script::default()
    })
    .await;
    let mut watcher = cluster.watch();
    until(&mut watcher, "the first lists", |view| {
        view.cluster().is_current()
    })
    .await;
    assert_eq!(watcher.view().stores(), names(&["a", "b"]));
    soon("quiet", async {
        while tokio::time::timeout(Duration::from_millis(300), watcher.changed())
            .await
            .is_ok()
        {}
    })
    .await;
    scripts.send_modify(|script| script.releases = vec!["a"]);
    until(&mut watcher, "the failure", |view| {
        !view.cluster().is_current()
    })
    .await;
    assert!(
        watcher
            .view()
            .stores()
            .contains(&"a".parse().expect("a store name")),
        "nothing flashes away"
    );
    let changes = until(&mut watcher, "the next lists", |view| {
        view.cluster().is_current()
    })
    .await;
    assert_eq!(watcher.view().stores(), names(&["a"]));
    assert_eq!(changes.stores, names(&["b"]));
}

#[tokio::test]
async fn a_cluster_without_source_watcher_is_watched_as_well() {
    let (cluster, _scripts) = serve(Script {
        no_source_watcher: true,
        ..Script::default()
    })
    .await;
    let mut watcher = cluster.watch();
    until(&mut watcher, "the first lists", |view| {
        view.cluster().is_current()
    })
    .await;
}

#[tokio::test]
async fn an_unreachable_cluster_is_a_state_and_not_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let uri = format!("http://{}", listener.local_addr().expect("it is bound"))
        .parse()
        .expect("an address");
    drop(listener);
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::try_from(Config::new(uri)).expect("a plain client");
    let cluster = Cluster {
        client,
        namespace: "fleet".into(),
        namespace_prefix: "store-".into(),
    };
    let mut watcher = cluster.watch();
    until(&mut watcher, "the failure", |view| {
        view.cluster().trouble.is_some()
    })
    .await;
    let seen = watcher.view().cluster();
    assert!(
        !seen.synced
            && seen
                .trouble
                .is_some_and(|trouble| trouble.contains("Connection refused"))
    );
    assert!(matches!(
        cluster.request_fetch("t").await,
        Err(ClusterError::Unreachable { .. })
    ));
}

#[tokio::test]
async fn a_fetch_of_what_is_not_there_says_so() {
    let (cluster, _scripts) = serve(Script::default()).await;
    let error = cluster
        .request_fetch("token")
        .await
        .expect_err("the server has no GitRepository");
    assert_eq!(
        error.to_string(),
        "the cluster has no GitRepository fleet/fleet: apply the cluster's bootstrap"
    );
}
