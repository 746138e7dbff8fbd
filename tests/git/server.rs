//! A Git server for tests: smart HTTP in front of a bare repository, which takes pushes as a forge does.
//!
//! It runs `git http-backend` itself, so that Fleetwright's own read-only serving is never what it is tested against.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use tokio::io::AsyncWriteExt as _;

/// What is wrong with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each test program uses its own part of it")]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It answers every request with this status.
    Status(u16),
    /// It takes requests and never answers.
    Hangs,
    /// It takes pushes, and the connection breaks before it says so.
    BreaksAfterPush,
    /// It takes pushes and never says so.
    HangsAfterPush,
}

/// A running server. It stops when it is dropped.
pub(crate) struct GitServer {
    /// The address of the served repository.
    pub(crate) url: String,
    state: Arc<Served>,
    _runtime: tokio::runtime::Runtime,
}

struct Served {
    repo: PathBuf,
    /// `user:password` that a request must bring.
    login: Option<String>,
    fault: Mutex<Fault>,
}

impl GitServer {
    /// Serves the bare repository `repo` on a free port.
    pub(crate) fn start(repo: &Path, login: Option<&str>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
        let fault = Mutex::new(Fault::None);
        let login = login.map(str::to_owned);
        let state = Arc::new(Served {
            repo: repo.to_owned(),
            login,
            fault,
        });
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&state));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind(address))
            .unwrap();
        let url = format!("http://{}/fleet.git", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            state,
            _runtime: runtime,
        }
    }

    /// From now on the server has this fault.
    pub(crate) fn set_fault(&self, fault: Fault) {
        *self.state.fault.lock().unwrap() = fault;
    }
}

async fn answer(State(served): State<Arc<Served>>, request: Request) -> Response {
    let fault = *served.fault.lock().unwrap();
    match fault {
        Fault::Status(status) => return StatusCode::from_u16(status).unwrap().into_response(),
        Fault::Hangs => std::future::pending().await,
        Fault::None | Fault::BreaksAfterPush | Fault::HangsAfterPush => {}
    }
    if !served.lets_in(&request) {
        let challenge = [("WWW-Authenticate", "Basic realm=\"test\"")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    let push = request.uri().path().ends_with("/git-receive-pack");
    let answer = served.run_git(request).await;
    if push && fault == Fault::HangsAfterPush {
        return std::future::pending().await;
    }
    if push && fault == Fault::BreaksAfterPush {
        let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        return Body::from_stream(futures::stream::iter([Err::<Bytes, _>(error)])).into_response();
    }
    answer
}

impl Served {
    fn lets_in(&self, request: &Request) -> bool {
        let Some(login) = &self.login else {
            return true;
        };
        let wanted = base64::engine::general_purpose::STANDARD.encode(login);
        let sent = request
            .headers()
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        sent == Some(&format!("Basic {wanted}"))
    }

    async fn run_git(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let Some(path_info) = head.uri.path().strip_prefix("/fleet.git") else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let header = |name| {
            head.headers
                .get(name)
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default()
        };
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let mut child = tokio::process::Command::new("git")
            .args(["-c", "http.receivepack=true", "http-backend"])
            .env("GIT_PROJECT_ROOT", &self.repo)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("PATH_INFO", path_info)
            .env("REQUEST_METHOD", head.method.as_str())
            .env("QUERY_STRING", head.uri.query().unwrap_or_default())
            .env("CONTENT_TYPE", header("content-type"))
            .env("CONTENT_LENGTH", body.len().to_string())
            .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
            .env("GIT_PROTOCOL", header("git-protocol"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        tokio::spawn(async move { stdin.write_all(&body).await });
        cgi_answer(&child.wait_with_output().await.unwrap().stdout)
    }
}

fn cgi_answer(said: &[u8]) -> Response {
    let end = said
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .expect("an answer has a header");
    let mut answer = Response::builder();
    for line in std::str::from_utf8(&said[..end]).unwrap().lines() {
        let (name, value) = line.split_once(": ").unwrap();
        answer = match name {
            "Status" => answer.status(value[..3].parse::<u16>().unwrap()),
            _ => answer.header(name, value),
        };
    }
    answer.body(Body::from(said[end + 4..].to_vec())).unwrap()
}
