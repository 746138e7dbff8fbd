//! Server-sent events (WHATWG HTML, "Server-sent events"): `/api/v1/events` and `/api/v1/changes/{id}/events`.
//!
//! A stream begins with its place, so that a client that saw nothing can come back as well, and ends by itself: with
//! the server, with the token that it was asked for with, and after a quarter of an hour, when the client comes back with
//! its place. Must not know: how events come about.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::app::App;
use super::auth::{Signed, bearer};
use super::params::Params;
use super::problem::Problem;
use super::shares::Share;
use super::unread::holder;
use crate::domain::ChangeId;
use crate::domain::request::{Caller, Role};
use crate::workflow::{Event, EventFilter, News, Subscription};

/// Streams at once.
pub(super) const STREAMS: usize = 2048;
/// Streams of one caller at once.
const EACH: usize = STREAMS / 2;
/// Streams of one owner's merchants at once.
const OWNER: usize = 64;
/// How long a stream may be silent.
const BEAT: Duration = Duration::from_secs(15);
/// How long a stream lasts at most. What a token may see is looked at again when the client comes back.
const LIFE: Duration = Duration::from_mins(15);
/// How often at most it is asked whether the token is still good, before an event is sent.
const DOUBT: Duration = Duration::from_secs(1);
/// Milliseconds after which a client shall come back when its stream ended.
const RETRY: u32 = 2000;
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// `GET /api/v1/events`. The header `Last-Event-ID` wins over the query's `lastEventId`, which is for a page's first
/// connection: a browser's `EventSource` can set no header.
pub(super) async fn all(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = EventFilter {
        store: params.id("store"),
        owner: params.id("owner"),
    };
    let asked = params.text("lastEventId");
    params.finish()?;
    let given = headers
        .get(LAST_EVENT_ID)
        .map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
    let since = given.or(asked).filter(|it| !it.is_empty());
    let slot = slot(&app, &caller)?;
    let subscription = app.fleet.listen(&caller, filter, since.as_deref());
    Ok(answer(&app, subscription, &headers, slot))
}

/// `GET /api/v1/changes/{id}/events`: the change as it is, then every step, until nothing follows.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let missing = || Problem::missing("change", &id);
    let known: ChangeId = id.parse().map_err(|_| missing())?;
    let slot = slot(&app, &caller)?;
    let subscription = app.fleet.follow(&caller, &known).ok_or_else(missing)?;
    Ok(answer(&app, subscription, &headers, slot))
}

/// The right to one stream.
type Slot = (OwnedSemaphorePermit, Share<String>);

fn slot(app: &App, caller: &Caller) -> Result<Slot, Problem> {
    let most = match caller.role {
        _ if app.fleet.limits_lifted() => STREAMS,
        Role::Merchant => OWNER,
        _ => EACH,
    };
    let refused = |detail: &str| {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        problem.with(header::RETRY_AFTER, "15")
    };
    let share = app.listeners.take(holder(caller), most);
    let share = share.ok_or_else(|| {
        let detail = format!(
            "{most} streams of events are open for you, as many as one caller may have; close some, or listen to all by one"
        );
        refused(&detail)
    })?;
    let taken = |_| {
        let detail = "there are as many streams of events as this server takes; try again later";
        refused(detail)
    };
    let permit = Arc::clone(&app.streams).try_acquire_owned();
    Ok((permit.map_err(taken)?, share))
}

/// One stream on its way to a client.
struct Stream {
    app: Arc<App>,
    token: String,
    /// When the token was last known to be good.
    good: Instant,
    subscription: Subscription,
    closing: CancellationToken,
    ends: Instant,
    begun: bool,
    _slot: Slot,
}

fn answer(app: &Arc<App>, subscription: Subscription, headers: &HeaderMap, slot: Slot) -> Response {
    let stream = Stream {
        app: Arc::clone(app),
        token: bearer(headers).unwrap_or_default().to_owned(),
        good: Instant::now(),
        subscription,
        closing: app.closing.clone(),
        ends: Instant::now() + LIFE,
        begun: false,
        _slot: slot,
    };
    let frames = futures::stream::unfold(stream, |mut stream| async move {
        let frame = stream.next().await?;
        Some((Ok::<_, Infallible>(frame), stream))
    });
    let mut response = Response::new(Body::from_stream(frames));
    let fixed = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // Proxies that gather answers would hold events back.
        (ACCEL_BUFFERING, "no"),
    ];
    for (name, value) in fixed {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

impl Stream {
    /// What is sent next; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.begun {
            self.begun = true;
            let id = self.subscription.position();
            return Some(format!("retry: {RETRY}\nid: {id}\n\n").into());
        }
        let heard = tokio::select! {
            () = self.closing.cancelled() => return None,
            () = sleep_until(self.ends) => return None,
            heard = timeout(BEAT, self.subscription.next()) => heard,
        };
        if self.good.elapsed() >= DOUBT {
            // Revoked or expired: what happens from now on is not theirs to see.
            self.app.fleet.authenticate(&self.token).await.ok()?;
            self.good = Instant::now();
        }
        match heard {
            Ok(news) => news.map(frame),
            // With its place: what a quiet listener may not hear of goes on, and its old place is forgotten one day.
            Err(_) => {
                Some(format!(": still here\nid: {}\n\n", self.subscription.position()).into())
            }
        }
    }
}

/// News as it is sent. An event that many hear of is written once.
fn frame(news: News) -> Bytes {
    match news {
        News::Event(event) => event.wire(|it: &Event| write(&it.id, it.word(), &it.data)),
        News::Now { id, change } => {
            let data = serde_json::to_string(&change).expect("views have string keys");
            write(&id, "change", &data)
        }
        News::Reset { id } => write(
            &id,
            "reset",
            r#"{"message":"events were missed; read again what you show"}"#,
        ),
    }
}

/// JSON on one line has no line breaks, so one `data` field holds it.
fn write(id: &str, event: &str, data: &str) -> Bytes {
    format!("id: {id}\nevent: {event}\ndata: {data}\n\n").into()
}
