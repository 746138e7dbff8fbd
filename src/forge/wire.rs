//! One request to the forge and its answer, by octocrab's client.
//!
//! Sent once: octocrab's own retries are not built in, since they would send a POST again as well. Must not know:
//! limits, tokens' lives, what is asked.

use std::error::Error as StdError;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::Method;
use hyper::header::{HeaderValue, IF_NONE_MATCH};
use hyper_util::client::legacy;
use octocrab::Octocrab;
use serde_json::Value;

use super::ForgeError;
use super::answer::Answer;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take, its body included. GitHub itself gives up after 10 s.
const ANSWER: Duration = Duration::from_secs(30);
/// The largest body that is read: a page of a hundred pull requests with the longest texts is about 10 MB.
const LARGEST: usize = 32 << 20;

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Path and query below the base.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// Only if it is not this any more.
    pub(super) unless: Option<String>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// It never left.
    Unsent(String),
    /// It left, perhaps, and what became of it is not known.
    Lost(String),
}

/// A client of one base, without a credential.
pub(super) fn client(base: &str) -> Result<Octocrab, ForgeError> {
    let builder = Octocrab::builder().set_connect_timeout(Some(CONNECT));
    let builder = builder.base_uri(base).map_err(|error| setup(&error))?;
    builder.build().map_err(|error| setup(&error))
}

/// A client that signs as an App.
pub(super) fn app_client(base: &str, id: u64, pem: &[u8]) -> Result<Octocrab, ForgeError> {
    let builder = Octocrab::builder().set_connect_timeout(Some(CONNECT));
    let builder = builder.base_uri(base).map_err(|error| setup(&error))?;
    // The library's error could quote the key.
    let builder = builder.app_from_rsa_pem(id.into(), pem).map_err(|_| {
        let why = "the App's private key is no RSA key in PEM; take the file that GitHub made for the App";
        ForgeError::Setup(why.to_owned())
    })?;
    builder.build().map_err(|error| setup(&error))
}

fn setup(error: &octocrab::Error) -> ForgeError {
    ForgeError::Setup(chain(error))
}

/// Sends a request and reads its whole answer.
pub(super) async fn send(client: &Octocrab, request: &Request) -> Result<Answer, Fault> {
    match tokio::time::timeout(ANSWER, exchange(client, request)).await {
        Ok(answered) => answered,
        Err(_) => Err(Fault::Lost(format!(
            "no answer within {} s",
            ANSWER.as_secs()
        ))),
    }
}

async fn exchange(client: &Octocrab, request: &Request) -> Result<Answer, Fault> {
    let mut builder = hyper::Request::builder()
        .method(request.method.clone())
        .uri(&request.path);
    if let Some(tag) = &request.unless
        && let Ok(tag) = HeaderValue::from_str(tag)
    {
        builder = builder.header(IF_NONE_MATCH, tag);
    }
    let built = client
        .build_request(builder, request.body.as_ref())
        .map_err(|error| Fault::Unsent(chain(&error)))?;
    let response = client.execute(built).await.map_err(|error| fault(&error))?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, LARGEST)
        .collect()
        .await
        .map_err(|error| Fault::Lost(format!("its answer broke off: {}", chain(&*error))))?;
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.to_bytes(),
    })
}

/// Only a connection that was never made is sure to have carried nothing.
fn fault(error: &octocrab::Error) -> Fault {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(it) = error.downcast_ref::<legacy::Error>()
            && it.is_connect()
        {
            return Fault::Unsent(chain(it));
        }
        next = error.source();
    }
    Fault::Lost(chain(error))
}

/// An error with its causes, each said once. octocrab's own text ends in a trace of the program; that is left out.
fn chain(error: &dyn StdError) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default().trim().to_owned();
        if !line.is_empty() && !parts.iter().any(|it| it.contains(&line)) {
            parts.push(line);
        }
        next = error.source();
    }
    parts.join(": ").chars().take(300).collect()
}
