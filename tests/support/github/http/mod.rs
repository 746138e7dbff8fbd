//! The server: connections in, answers out.

pub(crate) mod answer;
pub(crate) mod api;
pub(crate) mod auth;
pub(crate) mod fields;
pub(crate) mod git;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::faults::Effect;
use super::state::World;
use super::{control, pages};

/// The world, as all connections share it.
pub(crate) type Shared = Arc<Mutex<World>>;

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the plan says to close the connection")]
pub(crate) struct Closed;

/// Takes connections until the runtime ends.
pub(crate) async fn serve(listener: TcpListener, world: Shared) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&world), request));
            // how a connection ends is the client's business
            let _ended = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The world, also after a test's thread panicked with it.
pub(crate) fn locked(world: &Shared) -> MutexGuard<'_, World> {
    world
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn answer(world: Shared, request: Request<Incoming>) -> Result<Response<Body>, Closed> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), usize::MAX).await;
    let Ok(body) = body else { return Err(Closed) };
    let request = Request::from_parts(head, body);
    let path = request.uri().path().to_owned();
    if path.starts_with("/_stand-in/") {
        return Ok(blocking(world, request, control::answer).await);
    }
    if path.contains(".git/") {
        return with_faults(world, request, git::answer).await;
    }
    if api::is_api(&locked(&world), &path) {
        return with_faults(world, request, async |world, request, pause| {
            let run =
                move |world: &Shared, request: &Request<Bytes>| api::answer(world, request, pause);
            blocking(world, request, run).await
        })
        .await;
    }
    Ok(blocking(world, request, pages::answer).await)
}

/// Runs what takes the world, away from the threads that serve connections.
async fn blocking(
    world: Shared,
    request: Request<Bytes>,
    run: impl FnOnce(&Shared, &Request<Bytes>) -> Response<Body> + Send + 'static,
) -> Response<Body> {
    let done = tokio::task::spawn_blocking(move || run(&world, &request)).await;
    done.unwrap_or_else(|failed| {
        let text = format!("the stand-in failed: {failed}");
        let mut answer = Response::new(Body::from(text));
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        answer
    })
}

/// Lets the fault plan have its way with a request.
async fn with_faults<F>(
    world: Shared,
    request: Request<Bytes>,
    run: impl Fn(Shared, Request<Bytes>, Duration) -> F,
) -> Result<Response<Body>, Closed>
where
    F: Future<Output = Response<Body>>,
{
    let path = api::path_below_base(&locked(&world), request.uri().path());
    let effect = locked(&world).faults.meet(request.method().as_str(), &path);
    let Some(effect) = effect else {
        return Ok(run(world, request, Duration::ZERO).await);
    };
    match effect {
        Effect::Status(status) => Ok(logged(&world, &request, &path, api::failed(status))),
        Effect::Html => Ok(logged(&world, &request, &path, html())),
        Effect::Hang => {
            logged(&world, &request, &path, Response::default());
            never().await
        }
        Effect::Close => Err(Closed),
        Effect::SecondaryLimit => Ok(api::limited(&world, &request)),
        Effect::Slow(milliseconds) => {
            let pause = Duration::from_millis(milliseconds);
            Ok(run(world, request, pause).await)
        }
        Effect::TokensRanOut => {
            locked(&world).run_out_of_tokens();
            Ok(run(world, request, Duration::ZERO).await)
        }
        Effect::Unseen(reads) => {
            let answer = run(Arc::clone(&world), request, Duration::ZERO).await;
            Ok(api::hide_what_it_made(&world, answer, reads).await)
        }
        Effect::StatusAfter(status) => {
            run(world, request, Duration::ZERO).await;
            Ok(api::failed(status))
        }
        Effect::HtmlAfter => {
            run(world, request, Duration::ZERO).await;
            Ok(html())
        }
        Effect::HangAfter => {
            run(world, request, Duration::ZERO).await;
            never().await
        }
        Effect::CloseAfter => {
            run(world, request, Duration::ZERO).await;
            Err(Closed)
        }
    }
}

async fn never() -> Result<Response<Body>, Closed> {
    match std::future::pending::<Infallible>().await {}
}

/// What a proxy in front says when there is nothing behind it.
fn html() -> Response<Body> {
    let page = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body>\n<center><h1>502 Bad Gateway</h1></center>\n\
                </body>\n</html>\n";
    let mut answer = Response::new(Body::from(page));
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    let kind = axum::http::HeaderValue::from_static("text/html");
    answer.headers_mut().insert("content-type", kind);
    answer
}

/// Notes a request that got its answer from the plan.
fn logged(
    world: &Shared,
    request: &Request<Bytes>,
    path: &str,
    answer: Response<Body>,
) -> Response<Body> {
    let mut world = locked(world);
    let sent = serde_json::from_slice(request.body()).unwrap_or_default();
    let query = request.uri().query().unwrap_or_default();
    let method = request.method().as_str();
    let number = world.log.begin(method, path, query, sent);
    let identity = auth::identity(&world, request);
    world.log.identify(number, &identity);
    world.log.end(number, answer.status().as_u16(), b"");
    answer
}
