//! Serving the repository read-only: git itself is the client.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use fleetwright::git::{BackendRequest, serve};

use crate::bench::{Bench, edits, git, try_git};

/// Whether a client sent a compressed request.
static COMPRESSED: AtomicBool = AtomicBool::new(false);

/// The thinnest HTTP server around [`serve`].
async fn answer(State(repo): State<Arc<PathBuf>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let header = |name| {
        head.headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    COMPRESSED.fetch_or(header("content-encoding").is_some(), Ordering::Relaxed);
    let request = BackendRequest {
        method: head.method.to_string(),
        path_info: head
            .uri
            .path()
            .strip_prefix("/fleet.git")
            .unwrap_or_default()
            .to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        content_type: header("content-type"),
        content_encoding: header("content-encoding"),
        git_protocol: header("git-protocol"),
        body: to_bytes(body, usize::MAX).await.unwrap(),
    };
    let served = serve(&repo, request).await.unwrap();
    let mut response = Response::builder().status(served.status);
    for (name, value) in served.headers {
        response = response.header(name, value);
    }
    response.body(Body::from_stream(served.body)).unwrap()
}

/// How many git processes serve this repository.
fn processes(bench: &Bench) -> usize {
    let served = format!("GIT_PROJECT_ROOT={}", bench.repo.path().display());
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let environments = all.filter_map(|process| std::fs::read(process.path().join("environ")).ok());
    environments
        .filter(|line| String::from_utf8_lossy(line).contains(&served))
        .count()
}

#[test]
fn git_clones_and_follows_and_cannot_push() {
    let bench = Bench::new();
    let first = bench.land("main", &edits(&[("a/b", "1"), ("c", "2")]));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let router = Router::new()
        .fallback(answer)
        .with_state(Arc::new(bench.repo.path().to_owned()));
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move { axum::serve(listener, router).await });
    let url = format!("http://{address}/fleet.git");

    let here = bench.dir.path();
    git(here, &["clone", "-q", &url, "clone"]);
    let clone = bench.path("clone");
    assert_eq!(git(&clone, &["rev-parse", "HEAD"]), first.as_str());
    git(
        here,
        &[
            "clone",
            "-q",
            "--depth=1",
            "--filter=blob:none",
            "--no-checkout",
            &url,
            "slim",
        ],
    );
    // Protocol version 0 is what go-git speaks, and with it Flux.
    assert!(git(here, &["-c", "protocol.version=0", "ls-remote", &url]).contains(first.as_str()));

    // A big fetch: it wants so many commits that its request is compressed, and its answer comes in many chunks.
    let big = "0123456789abcdef".repeat(100_000);
    for branch in 0..30 {
        let name = format!("deploy/c{branch}");
        let text = format!("{branch}{}", if branch == 29 { big.as_str() } else { "" });
        bench.land(&name, &edits(&[("a", &text)]));
    }
    git(&clone, &["fetch", "-q"]);
    assert!(
        COMPRESSED.load(Ordering::Relaxed),
        "git compressed its request"
    );
    let ours = bench.git(&["for-each-ref", "--format=%(objectname)", "refs/heads"]);
    let theirs = git(
        &clone,
        &[
            "for-each-ref",
            "--format=%(objectname)",
            "refs/remotes/origin/main",
            "refs/remotes/origin/deploy",
        ],
    );
    assert_eq!(theirs, ours);
    assert_eq!(git(&clone, &["fsck", "--strict"]), "");

    let (pushed, said) = try_git(&clone, &["push", "origin", "HEAD:refs/heads/evil"]);
    assert!(!pushed && said.contains("403"), "{said}");
    assert_eq!(bench.repo.branch("evil").unwrap(), None);
    // The bot's own notes of its remote are not shown.
    bench.git(&["update-ref", "refs/remotes/origin/main", first.as_str()]);
    assert!(!git(here, &["ls-remote", &url]).contains("remotes"));
}

#[test]
fn a_client_that_goes_away_takes_its_process_along() {
    let bench = Bench::new();
    // More than fits into the pipes between git and us, and hard to compress.
    let mut noise = 1_u32;
    let text: String = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        format!("{noise:x}")
    })
    .take(300_000)
    .collect();
    let tip = bench.land("main", &edits(&[("noise", &text)]));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let want = format!("want {tip} no-progress\n");
        let body = format!("{:04x}{want}00000009done\n", want.len() + 4);
        let request = BackendRequest {
            method: "POST".to_owned(),
            path_info: "/git-upload-pack".to_owned(),
            content_type: Some("application/x-git-upload-pack-request".to_owned()),
            body: body.into(),
            ..BackendRequest::default()
        };
        let answer = serve(bench.repo.path(), request).await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(processes(&bench) > 0, "git is at work");
        drop(answer);
        let deadline = Instant::now() + Duration::from_secs(5);
        while processes(&bench) > 0 {
            assert!(Instant::now() < deadline, "git goes on for nobody");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}
