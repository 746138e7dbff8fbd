//! A server that answers as a test says, for what a faithful GitHub would never do.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use fleetwright::forge::{Access, Clock, Features, Forge, Identity, PUBLIC_API};
use serde_json::{Value, json};

/// What came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Method and path with its query.
    pub(crate) line: String,
    pub(crate) token: String,
    pub(crate) agent: String,
    /// The tag that the sender has.
    pub(crate) unless: String,
    pub(crate) body: Value,
}

/// What goes out.
pub(crate) enum Reply {
    Json(u16, Value),
    With(u16, Value, Vec<(&'static str, String)>),
    Html(u16, &'static str),
    /// The connection is closed without an answer.
    Nothing,
    /// The connection is closed in the middle of one.
    Half,
}

type Script = Box<dyn Fn(&Seen, usize) -> Reply + Send + Sync>;

struct Shared {
    script: Script,
    seen: Mutex<Vec<Seen>>,
}

/// The server.
pub(crate) struct Responder {
    address: String,
    shared: Arc<Shared>,
}

impl Responder {
    /// Starts it. The script gets each request, and how many of its line came before.
    pub(crate) async fn start(
        script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            script: Box::new(script),
            seen: Mutex::default(),
        });
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    /// The lines that came in, in their order.
    pub(crate) fn lines(&self) -> Vec<String> {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().map(|it| it.line.clone()).collect()
    }

    /// All that came in.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How to reach it with a token, below that path.
    pub(crate) fn access(&self, base: &str) -> Access {
        Access {
            api: format!("{}{base}", self.address),
            repository: "shop/fleet".to_owned(),
            identity: Identity::Token("ghp_good".into()),
            features: Features::default(),
            clock: Clock::default(),
        }
    }

    /// A forge with a token.
    pub(crate) fn forge(&self) -> Forge {
        assert_ne!(self.address, PUBLIC_API);
        Forge::connect(self.access("")).unwrap()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name| {
        let values = parts.headers.get_all(name).iter();
        let texts: Vec<&str> = values.map(|it| it.to_str().unwrap()).collect();
        texts.join(", ")
    };
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let seen = Seen {
        line: format!("{} {}", parts.method, parts.uri),
        token: header("authorization"),
        agent: header("user-agent"),
        unless: header("if-none-match"),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let before = {
        let mut all = shared.seen.lock().unwrap();
        let before = all.iter().filter(|it| it.line == seen.line).count();
        all.push(seen.clone());
        before
    };
    let (status, body, headers) = match (shared.script)(&seen, before) {
        Reply::Json(status, body) => (status, Body::from(body.to_string()), Vec::new()),
        Reply::With(status, body, headers) => (status, Body::from(body.to_string()), headers),
        Reply::Html(status, text) => (status, Body::from(text), Vec::new()),
        Reply::Nothing => panic!("as the script says: no answer"),
        Reply::Half => {
            let broken =
                futures::stream::iter([Ok("{\"number\":"), Err(std::io::Error::other("cut"))]);
            (200, Body::from_stream(broken), Vec::new())
        }
    };
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(body).unwrap()
}

/// A pull request, as short as it can be.
pub(crate) fn pull(number: u64, branch: &str) -> Value {
    let sha = "a".repeat(40);
    json!({
        "number": number, "node_id": format!("PR_{number}"), "html_url": "https://h/1", "state": "open", "title": "t",
        "user": {"id": 1, "login": "fleet[bot]", "type": "Bot"},
        "head": {"ref": branch, "sha": sha, "repo": {"id": 5}},
        "base": {"ref": "main", "sha": sha, "repo": {"id": 5}},
        "updated_at": "2026-11-22T01:02:03Z",
    })
}
