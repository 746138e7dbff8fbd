//! What becomes of a call when the wire or the server fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fleetwright::domain::forge::{MergeMethod, MergeOutcome};
use fleetwright::forge::{Forge, ForgeError, NewPull};
use serde_json::json;

use crate::hands::Hands;
use crate::responder::{Reply, Responder, pull};

const BAD_GATEWAY: &str = "<html><body><h1>502 Bad Gateway</h1></body></html>";

fn new_pull() -> NewPull {
    NewPull {
        branch: "fleetwright/x".to_owned(),
        base: "main".to_owned(),
        title: "t".to_owned(),
        body: "b".to_owned(),
    }
}

#[tokio::test]
async fn a_read_is_tried_again_and_a_write_is_in_doubt() {
    // given a server that fails in all ways
    type Fail = fn() -> Reply;
    let fails: [Fail; 4] = [
        || Reply::Html(502, BAD_GATEWAY),
        || Reply::Json(500, json!({"message": "Server Error"})),
        || Reply::Nothing,
        || Reply::Half,
    ];
    for fail in fails {
        let server = Responder::start(move |_, _| fail()).await;
        let forge = server.forge();
        // when it is asked
        let read = forge.pull(7).await.unwrap_err();
        let written = forge.open(&new_pull()).await.unwrap_err();
        // then
        assert!(matches!(read, ForgeError::Unreachable(_)), "{read}");
        assert!(matches!(written, ForgeError::InDoubt(_)), "{written}");
        assert!(!written.to_string().contains('<'), "{written}");
        let count = |method: &str| {
            server
                .lines()
                .iter()
                .filter(|it| it.starts_with(method))
                .count()
        };
        assert_eq!((count("GET"), count("POST")), (3, 1));
    }
}

#[tokio::test]
async fn a_read_that_succeeds_at_last_is_good() {
    let server = Responder::start(|_, before| match before {
        0 => Reply::Html(502, BAD_GATEWAY),
        1 => Reply::Nothing,
        _ => Reply::Json(200, pull(7, "b")),
    })
    .await;
    assert_eq!(server.forge().pull(7).await.unwrap().branch, "b");
}

#[tokio::test]
async fn a_write_that_never_left_is_no_doubt() {
    // given nobody who listens
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let server = Responder::start(|_, _| Reply::Nothing).await;
    let mut access = server.access("");
    access.api = format!("http://{address}");
    // when
    let error = Forge::connect(access)
        .unwrap()
        .open(&new_pull())
        .await
        .unwrap_err();
    // then
    assert!(matches!(error, ForgeError::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn an_enterprise_server_has_graphql_beside_rest() {
    let server = Responder::start(|seen, _| {
        if seen.line.ends_with("/graphql") {
            return Reply::Json(200, json!({"data": {"enablePullRequestAutoMerge": null}}));
        }
        Reply::Json(200, pull(7, "b"))
    })
    .await;
    let forge = Forge::connect(server.access("/api/v3")).unwrap();
    let pull = forge.pull(7).await.unwrap();
    let armed = forge
        .arm_auto_merge(&pull, MergeMethod::Squash)
        .await
        .unwrap();
    assert_eq!(armed, MergeOutcome::Queued);
    let wanted = ["GET /api/v3/repos/shop/fleet/pulls/7", "POST /api/graphql"];
    assert_eq!(server.lines(), wanted);
    let sent = server.seen().remove(1);
    let variables = json!({"pull": "PR_7", "head": "a".repeat(40), "method": "SQUASH"});
    assert_eq!(sent.body["variables"], variables);
    assert_eq!(
        (sent.token.as_str(), sent.agent.as_str()),
        ("Bearer ghp_good", "octocrab")
    );
}

#[tokio::test]
async fn a_short_limit_is_waited_out() {
    // given a server that is busy for ten seconds at first, and a clock that stands still
    let server = Responder::start(|_, before| {
        let wait = vec![("retry-after", "10".to_owned())];
        match before {
            0 => Reply::With(403, json!({"message": "secondary rate limit"}), wait),
            _ => Reply::Json(201, pull(7, "fleetwright/x")),
        }
    })
    .await;
    let hands = Hands::default();
    let mut access = server.access("");
    access.clock = hands.clock();
    let forge = Forge::connect(access).unwrap();
    // when somebody writes
    let writer = forge.clone();
    let writing = tokio::spawn(async move { writer.open(&new_pull()).await });
    while forge.budget().paused.is_none() {
        tokio::task::yield_now().await;
    }
    hands.advance(Duration::from_secs(9));
    assert!(forge.budget().paused.is_some());
    assert_eq!(server.lines().len(), 1);
    // then it goes again when the time has come: the first one was not done
    hands.advance(Duration::from_secs(1));
    assert_eq!(writing.await.unwrap().unwrap().number, 7);
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn a_long_limit_is_told() {
    // given one that is busy for an hour
    let server = Responder::start(|_, _| {
        Reply::With(
            429,
            json!({"message": "slow down"}),
            vec![("retry-after", "3600".to_owned())],
        )
    })
    .await;
    let forge = server.forge();
    for _ in 0..3 {
        let error = forge.open(&new_pull()).await.unwrap_err();
        assert!(matches!(error, ForgeError::Limited { .. }), "{error}");
    }
    // then it is asked once, and the budget says why nothing goes
    assert_eq!(server.lines().len(), 1);
    assert_eq!(forge.budget().paused.unwrap().why, "slow down");
}

#[tokio::test]
async fn a_missing_permission_is_no_limit() {
    let words = "Resource not accessible by personal access token";
    let server = Responder::start(move |_, _| Reply::Json(403, json!({"message": words}))).await;
    let error = server.forge().pull(7).await.unwrap_err();
    let text = format!("GitHub does not allow it: GET /repos/shop/fleet/pulls/7: {words}");
    assert_eq!(error.to_string(), text);
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn a_list_is_unchanged_only_when_all_its_pages_are() {
    // given two pages, of which the second changes once
    let moved = Arc::new(AtomicBool::new(false));
    let changed = Arc::clone(&moved);
    let server = Responder::start(move |seen, _| {
        let first = seen.line.ends_with("page=1");
        let moved = !first && changed.load(Ordering::SeqCst);
        let tag = if moved { "\"new\"" } else { "\"old\"" };
        if seen.unless == tag {
            return Reply::Json(304, json!(null));
        }
        let mut headers = vec![("etag", tag.to_owned())];
        if first {
            let next = "<https://elsewhere.example/pulls?page=2>; rel=\"next\"";
            headers.push(("link", next.to_owned()));
        }
        let number = if first { 1 } else { 2 + u64::from(moved) };
        Reply::With(200, json!([pull(number, "b")]), headers)
    })
    .await;
    let forge = server.forge();
    let read = async || {
        let found = forge.open_pulls("main").await.unwrap();
        found.map(|it| it.iter().map(|it| it.number).collect::<Vec<u64>>())
    };
    assert_eq!(read().await, Some(vec![1, 2]));
    assert_eq!(read().await, None);
    // when only the second page is another
    moved.store(true, Ordering::SeqCst);
    // then all is read again
    assert_eq!(read().await, Some(vec![1, 3]));
    assert_eq!(read().await, None);
    forge.forget_lists();
    assert_eq!(read().await, Some(vec![1, 3]));
}

#[tokio::test]
async fn a_token_that_cannot_stand_in_a_header_is_refused_at_once() {
    let server = Responder::start(|_, _| Reply::Nothing).await;
    for token in ["", "ghp_x\n", "ghp x", "ghp_ä"] {
        let mut access = server.access("");
        access.identity = fleetwright::forge::Identity::Token(token.into());
        let error = Forge::connect(access).unwrap_err();
        assert!(matches!(&error, ForgeError::Setup(_)), "{error}");
        assert!(!error.to_string().contains("ghp"), "{error}");
    }
}
