//! Request bodies: the right media type, a bounded size, a bounded time, strict JSON.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::json::{self, JsonError};
use super::problem::Problem;

/// Bytes that a body may have.
pub(super) const LIMIT: usize = 256 * 1024;
/// Bytes beyond its limit of which a body is still read, so that the client is done sending and reads the answer.
const DRAIN: usize = 8 * 1024 * 1024;
/// Time a client has for its body.
const PATIENCE: Duration = Duration::from_secs(30);

/// A JSON body: the value, and the bytes it was read from.
pub(super) struct JsonBody {
    /// What it says.
    pub(super) value: Value,
    /// What was sent.
    pub(super) bytes: Bytes,
}

impl JsonBody {
    /// The body as a type.
    pub(super) fn decode<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        Ok(json::decode(self.value.clone())?)
    }
}

/// A JSON body that may be left out: then it is an empty object, of whatever media type.
pub(super) struct MaybeBody(pub(super) JsonBody);

impl<S: Sync> FromRequest<S> for MaybeBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, LIMIT).await?;
        let value = if bytes.is_empty() {
            Value::Object(serde_json::Map::new())
        } else {
            check_media_type(&parts.method, &parts.headers)?;
            json::read(&bytes)?
        };
        Ok(Self(JsonBody { value, bytes }))
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Malformed(_) => Self::new(StatusCode::BAD_REQUEST, error.to_string()),
            JsonError::Invalid(found) => Self::invalid(found),
        }
    }
}

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        check_media_type(request.method(), request.headers())?;
        let bytes = read(request.into_body(), LIMIT).await?;
        if bytes.is_empty() {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "the body is empty; send a JSON object",
            ));
        }
        Ok(Self {
            value: json::read(&bytes)?,
            bytes,
        })
    }
}

/// `PATCH` takes merge patches (RFC 7396) under their own media type, too.
fn check_media_type(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|it| it.to_str().ok())
            .unwrap_or("")
    };
    let media = text(header::CONTENT_TYPE)
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    let merge_patch = *method == Method::PATCH && media == "application/merge-patch+json";
    let plain = matches!(text(header::CONTENT_ENCODING), "" | "identity");
    if plain && (media == "application/json" || merge_patch) {
        return Ok(());
    }
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    if *method == Method::PATCH {
        let detail = "send the merge patch uncompressed, as application/merge-patch+json or application/json";
        return Err(Problem::new(status, detail).with(
            header::ACCEPT,
            "application/merge-patch+json, application/json",
        ));
    }
    let detail = "send the body uncompressed, with Content-Type: application/json";
    Err(Problem::new(status, detail).with(header::ACCEPT, "application/json"))
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let late = |_| {
        Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time; send it again",
        )
    };
    timeout(PATIENCE, collect(body, limit))
        .await
        .map_err(late)?
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let most = limit + DRAIN;
    let mut kept = Vec::new();
    let mut size = 0;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let broken = |_| Problem::new(StatusCode::BAD_REQUEST, "the body broke off; send it again");
        let chunk = chunk.map_err(broken)?;
        size += chunk.len();
        if size > most || declared > most {
            break;
        }
        if size <= limit {
            kept.extend_from_slice(&chunk);
        }
    }
    if size > limit || declared > limit {
        let detail = format!("the body is larger than {limit} bytes; send less");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    Ok(kept.into())
}
