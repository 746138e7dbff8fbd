//! `POST /webhooks/github`: hints from the forge, signed by a secret that it and we have.
//!
//! The signature is checked over the body as it came, before anything is read into it. A delivery is kept before it is
//! answered and worked off afterwards; one that came before does nothing. Must not know: what follows from a hint.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::domain::webhook::WebhookSecret;
use crate::http::app::App;
use crate::http::problem::Problem;
use crate::http::render::blocking;
use crate::http::{auth, body};
use crate::workflow::{Delivered, ForgeAccess};

mod payload;

use payload::{Heard, Ours};

/// Bytes of a delivery: GitHub sends none larger
/// (<https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap>).
const LARGE: usize = 25 * 1024 * 1024;
/// Deliveries beyond what other bodies may have that are held at once: anybody can send such, and they lie in memory.
static LARGE_ONES: Semaphore = Semaphore::const_new(4);
/// How long a large delivery waits for its turn. GitHub itself waits ten seconds.
const TURN: Duration = Duration::from_secs(9);
/// Characters of an id and of an event's name.
const WORD: usize = 64;

/// Whether deliveries are taken at all.
pub(in crate::http) fn wanted(app: &App) -> bool {
    let forge = app.fleet.forge();
    forge.is_some_and(|it| !it.webhook_secrets.is_empty())
}

/// What is answered to a delivery that was taken.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct Receipt {
    /// Whether something follows from it.
    stored: bool,
    /// The same in words, for whoever looks at the forge's list of deliveries.
    detail: String,
}

/// `POST /webhooks/github`
pub(in crate::http) async fn deliver(
    State(app): State<Arc<App>>,
    request: HttpRequest,
) -> Result<(StatusCode, Json<Receipt>), Problem> {
    let taken = take(&app, request).await;
    let outcome = taken.as_ref().map_or(Delivered::Refused, |(it, _)| *it);
    app.fleet.count_delivery(outcome);
    let (outcome, detail) = taken?;
    let stored = outcome == Delivered::Stored;
    Ok((StatusCode::ACCEPTED, Json(Receipt { stored, detail })))
}

/// What became of a delivery, and the same in words.
async fn take(app: &Arc<App>, request: HttpRequest) -> Result<(Delivered, String), Problem> {
    let (parts, body) = request.into_parts();
    let tag = tag(&parts.headers);
    let (bytes, turn) = match &tag {
        Ok(_) => read(body).await?,
        // Read, so that the sender is done and hears why it is refused.
        Err(_) => (body::read(body, body::LIMIT).await?, None),
    };
    let tag = tag?;
    let checking = (app.clone(), bytes.clone());
    let checked = move || signed(&secrets(&checking.0), &checking.1, &tag);
    let (_turn, signed) = match turn {
        None => (None, checked()),
        Some(turn) => (Some(turn), blocking(checked).await?),
    };
    if !signed {
        return Err(unsigned(
            "the signature is none of our secret over this body",
        ));
    }
    auth::note(&parts.extensions, "github");
    let (event, id) = names(&parts.headers)?;
    hear(app, event, id, bytes).await
}

/// What a signed delivery says, kept where something follows from it.
async fn hear(
    app: &Arc<App>,
    event: String,
    id: String,
    bytes: Bytes,
) -> Result<(Delivered, String), Problem> {
    let (ours, name, large) = (ours(app), event.clone(), bytes.len() > body::LIMIT);
    let reading = move || payload::hint(&name, &bytes, &ours);
    let heard = if large {
        blocking(reading).await?
    } else {
        reading()
    };
    let heard = heard.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let (outcome, detail) = match heard {
        Heard::Nothing(why) => (Delivered::Ignored, why),
        Heard::Hint(hint) => match app.fleet.hint(id.clone(), hint).await? {
            Delivered::Stored => (Delivered::Stored, "it is kept and worked off".to_owned()),
            other => (
                other,
                "this delivery came before; nothing was done".to_owned(),
            ),
        },
    };
    tracing::info!(event, delivery = id, "GitHub told of {event}: {detail}");
    Ok((outcome, detail))
}

/// A body of a size that GitHub may send, and the turn of a large one.
async fn read(body: Body) -> Result<(Bytes, Option<SemaphorePermit<'static>>), Problem> {
    let most = body.size_hint().upper();
    if most.is_some_and(|it| it <= body::LIMIT as u64) {
        return Ok((body::read(body, body::LIMIT).await?, None));
    }
    let busy = |_| {
        let detail = "other large deliveries are being read; deliver it again in a minute";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    };
    let turn = timeout(TURN, LARGE_ONES.acquire()).await.map_err(busy)?;
    let turn = turn.map_err(|_| Problem::internal())?;
    Ok((body::read(body, LARGE).await?, Some(turn)))
}

fn secrets(app: &App) -> Vec<WebhookSecret> {
    let forge = app.fleet.forge();
    forge.map_or_else(Vec::new, |it| it.webhook_secrets.clone())
}

fn ours(app: &App) -> Ours {
    let forge = app.fleet.forge();
    Ours {
        repository: forge.map_or_else(String::new, ForgeAccess::full_name),
        app: forge.and_then(ForgeAccess::app),
    }
}

/// The signature that came along: `sha256=` and 64 hex digits
/// (<https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>).
fn tag(headers: &HeaderMap) -> Result<[u8; 32], Problem> {
    let text = one(headers, "x-hub-signature-256")
        .ok_or_else(|| unsigned("X-Hub-Signature-256 must be there once"))?;
    let digits = text.strip_prefix("sha256=").unwrap_or_default();
    let mut tag = [0; 32];
    let plain = digits.len() == 64 && digits.bytes().all(|it| it.is_ascii_hexdigit());
    if !plain {
        return Err(unsigned(
            "X-Hub-Signature-256 must be sha256= and 64 hex digits",
        ));
    }
    for (byte, pair) in tag.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let pair = pair.iter().fold(0, |sum, it| {
            sum * 16 + char::from(*it).to_digit(16).unwrap_or(0)
        });
        *byte = u8::try_from(pair).unwrap_or(0);
    }
    Ok(tag)
}

/// Whether one of the secrets signed a body. Each is tried, and compared in constant time.
fn signed(secrets: &[WebhookSecret], body: &[u8], tag: &[u8]) -> bool {
    secrets.iter().fold(false, |found, secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.key());
        hmac::verify(&key, body, tag).is_ok() | found
    })
}

/// The event and the delivery's id.
fn names(headers: &HeaderMap) -> Result<(String, String), Problem> {
    let form = one(headers, header::CONTENT_TYPE.as_str())
        .is_some_and(|it| it.starts_with("application/x-www-form-urlencoded"));
    if form {
        let detail = "set the webhook's content type to application/json";
        let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
        return Err(problem.with(header::ACCEPT, "application/json"));
    }
    let word = |name| {
        let text = one(headers, name)?;
        let plain = text.len() <= WORD && text.bytes().all(|it| it.is_ascii_graphic());
        plain.then(|| text.to_owned())
    };
    match (word("x-github-event"), word("x-github-delivery")) {
        (Some(event), Some(id)) => Ok((event, id)),
        _ => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "X-GitHub-Event and X-GitHub-Delivery must each be there once, as one word",
        )),
    }
}

/// The text of a header that is there once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let text = all.next().and_then(|it| it.to_str().ok());
    text.filter(|it| !it.is_empty() && all.next().is_none())
}

fn unsigned(detail: &str) -> Problem {
    let advice = "set the secret of the webhook to the one in forge.github.webhookSecret";
    Problem::new(StatusCode::UNAUTHORIZED, format!("{detail}; {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().expect("a header value"));
        }
        map
    }

    #[test]
    fn the_example_that_github_publishes_holds() {
        // From "Testing the webhook payload validation" of the page that `tag` names.
        let secret = WebhookSecret::of_forge("It's a Secret to Everybody");
        let other = WebhookSecret::of_forge("another");
        let text = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let tag = tag(&headers(&[("x-hub-signature-256", text)])).ok();
        let tag = tag.expect("well formed");
        let body = b"Hello, World!";
        assert!(signed(std::slice::from_ref(&secret), body, &tag));
        assert!(signed(&[other.clone(), secret.clone()], body, &tag));
        assert!(signed(&[secret.clone(), other.clone()], body, &tag));
        assert!(!signed(&[other], body, &tag));
        assert!(!signed(&[], body, &tag));
        assert!(!signed(&[secret], b"Hello, World", &tag));
    }

    #[test]
    fn a_signature_has_one_form() {
        let good = format!("sha256={}", "aB".repeat(32));
        let read = |pairs: &[(&'static str, &str)]| tag(&headers(pairs)).ok();
        let name = "x-hub-signature-256";
        assert_eq!(read(&[(name, &good)]), Some([0xab; 32]));
        assert_eq!(read(&[(name, &good), (name, &good)]), None);
        assert_eq!(read(&[("x-hub-signature", &good)]), None);
        for bad in [
            "",
            "sha256=",
            &good[7..],
            &good[..70],
            &good.replace("256", "1"),
            &good.replace('a', "g"),
            &format!("{good}0"),
        ] {
            assert_eq!(read(&[(name, bad)]), None, "{bad}");
        }
    }
}
