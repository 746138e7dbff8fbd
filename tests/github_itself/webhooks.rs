//! Webhooks: signed, shaped, and delivered as the plan says.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use octocrab::models::webhook_events::{WebhookEvent, WebhookEventPayload};
use tokio::net::TcpListener;

use crate::client::{begin, proposal};
use crate::github::webhooks::{Plan, signature};
use crate::github::{GitHub, Method, Role};

/// A delivery as it came.
struct Received {
    event: String,
    id: String,
    signature: String,
    body: Vec<u8>,
}

/// Takes webhooks on a port of its own.
struct Listener {
    received: Receiver<Received>,
    url: String,
    _runtime: tokio::runtime::Runtime,
}

impl Listener {
    fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (sender, received) = channel();
        let taken = move |headers: axum::http::HeaderMap, body: axum::body::Bytes| {
            let header = |name: &str| headers[name].to_str().unwrap().to_owned();
            let it = Received {
                event: header("x-github-event"),
                id: header("x-github-delivery"),
                signature: header("x-hub-signature-256"),
                body: body.to_vec(),
            };
            sender.send(it).unwrap();
            async { axum::http::StatusCode::ACCEPTED }
        };
        let router = axum::Router::new().route("/hook", axum::routing::post(taken));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        runtime.spawn(async { axum::serve(listener, router).await });
        Self {
            received,
            url,
            _runtime: runtime,
        }
    }

    fn next(&self) -> Received {
        self.received.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    /// Takes that many, and says what they are.
    fn events(&self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.next().event).collect()
    }
}

/// A GitHub whose webhooks have said hello.
fn connected() -> (GitHub, Listener) {
    let github = begin();
    let listener = Listener::start();
    github.webhooks_to(&listener.url);
    assert_eq!(listener.next().event, "ping");
    (github, listener)
}

#[test]
fn webhooks_are_signed_and_octocrab_reads_them() {
    let (github, listener) = connected();
    let pull = proposal(&github, "feature").number;
    let ann = github.user("ann", Role::Write);
    ann.approves(pull);
    ann.comments(pull, "Well done");
    ann.merges(pull, Method::Merge).unwrap();
    let wanted = [
        "push",
        "check_suite",
        "pull_request",
        "pull_request_review",
        "issue_comment",
        "pull_request",
        "push",
        "check_suite",
    ];
    for event in wanted {
        let it = listener.next();
        assert_eq!(it.event, event);
        assert_eq!(
            it.signature,
            signature(&github.app().webhook_secret, &it.body)
        );
        let read = WebhookEvent::try_from_header_and_body(event, &it.body);
        let read = read.unwrap_or_else(|why| panic!("{event}: {why}"));
        assert!(
            !matches!(read.specific, WebhookEventPayload::Unknown(_)),
            "{event}"
        );
        assert!(*read.sender.unwrap().id > 0);
    }
    let made: Vec<u16> = github
        .deliveries()
        .iter()
        .flat_map(|it| it.attempts.clone())
        .collect();
    assert!(made.iter().all(|it| *it == 202), "{made:?}");
}

#[test]
fn deliveries_follow_the_plan() {
    let (github, listener) = connected();
    let ann = github.user("ann", Role::Write);
    github.deliver(Plan::Never);
    ann.opens_issue("A", "", &[]);
    github.deliver(Plan::Twice);
    let number = ann.opens_issue("B", "", &[]);
    let (first, second) = (listener.next(), listener.next());
    assert_eq!(
        (first.id.as_str(), first.body),
        (second.id.as_str(), second.body)
    );
    github.deliver(Plan::Shuffled);
    ann.comments(number, "1");
    ann.edits_issue(number, "2");
    assert_eq!(listener.events(2), ["issues", "issue_comment"]);
    github.deliver(Plan::Late(100));
    ann.comments(number, "3");
    let late = listener.next();
    assert_eq!(late.event, "issue_comment");
    github.redeliver(&late.id);
    assert_eq!(listener.next().id, late.id);
    let never = github
        .deliveries()
        .into_iter()
        .find(|it| it.event == "issues")
        .unwrap();
    assert!(never.attempts.is_empty());
}
