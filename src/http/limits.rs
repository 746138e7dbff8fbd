//! `GET /api/v1/limits`, and what answers tell about request limits.
//!
//! The `RateLimit` and `RateLimit-Policy` fields are those of draft-ietf-httpapi-ratelimit-headers-10: structured lists
//! (RFC 9651) with one item per limit that the request meets. `q` is the quota and `w` its window in seconds, `r` what
//! remains and `t` the seconds until there is more; where nothing counts there is no `t`. The windows slide, so the
//! quota comes back piece by piece, as the draft allows (its section on the reset parameter).

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::app::App;
use super::auth::Signed;
use super::client_address;
use super::params::Params;
use super::problem::Problem;
use crate::domain::limits::{ClientAddress, Exhausted, Standing};
use crate::domain::view::LimitsView;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Where a request comes from, as limits count it.
pub(super) struct Client(pub(super) Option<ClientAddress>);

impl FromRequestParts<Arc<App>> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        Ok(Self(client_address::of(parts, &app.front.trusted_proxies)))
    }
}

/// `GET /api/v1/limits`: the caller's and the fleet's, used and left.
pub(super) async fn limits(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    Client(client): Client,
    params: Params,
) -> Result<Json<LimitsView>, Problem> {
    params.finish()?;
    Ok(Json(app.fleet.limits(&caller, client)))
}

/// Tells a limited caller how its limits stand; others have none.
pub(super) fn tell(headers: &mut HeaderMap, standings: &[Standing]) {
    let fields = [
        (RATE_LIMIT_POLICY, policies(standings)),
        (RATE_LIMIT, left(standings)),
    ];
    for (name, text) in fields {
        if let Some(value) = text.and_then(|it| HeaderValue::try_from(it).ok()) {
            headers.insert(name, value);
        }
    }
}

/// 429: which limit, and when to try again. `RateLimit` lists only what is used up, so that no `t` is later than
/// `Retry-After`.
pub(super) fn exhausted(exhausted: &Exhausted) -> Problem {
    let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, exhausted.to_string());
    let used_up: Vec<Standing> = exhausted
        .standings
        .iter()
        .filter(|it| it.left == 0)
        .cloned()
        .collect();
    let fields = [
        (header::RETRY_AFTER, Some(exhausted.retry_after.to_string())),
        (RATE_LIMIT_POLICY, policies(&exhausted.standings)),
        (RATE_LIMIT, left(&used_up)),
    ];
    for (name, text) in fields {
        if let Some(value) = text.and_then(|it| HeaderValue::try_from(it).ok()) {
            problem = problem.with_value(name, value);
        }
    }
    problem
}

fn policies(standings: &[Standing]) -> Option<String> {
    let item = |it: &Standing| format!("\"{}\";q={};w={}", it.name, it.limit, it.window_seconds);
    list(standings.iter().map(item))
}

fn left(standings: &[Standing]) -> Option<String> {
    let item = |it: &Standing| {
        let reset = it.reset_seconds.map(|seconds| format!(";t={seconds}"));
        format!("\"{}\";r={}{}", it.name, it.left, reset.unwrap_or_default())
    };
    list(standings.iter().map(item))
}

fn list(items: impl Iterator<Item = String>) -> Option<String> {
    let text = items.collect::<Vec<_>>().join(", ");
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    fn standing(name: &'static str, left: u32, reset_seconds: Option<i64>) -> Standing {
        Standing {
            name,
            limit: 5,
            window_seconds: 60,
            used: 5 - left,
            left,
            resets_at: None,
            reset_seconds,
        }
    }

    #[test]
    fn fields_are_structured_lists() {
        let mut headers = HeaderMap::new();
        tell(&mut headers, &[]);
        assert!(headers.is_empty(), "who is not limited is told nothing");
        let standings = [
            standing("writes", 4, Some(30)),
            standing("creates", 5, None),
        ];
        tell(&mut headers, &standings);
        assert_eq!(
            headers[RATE_LIMIT_POLICY],
            "\"writes\";q=5;w=60, \"creates\";q=5;w=60"
        );
        assert_eq!(headers[RATE_LIMIT], "\"writes\";r=4;t=30, \"creates\";r=5");
    }

    #[test]
    fn a_429_says_when_to_come_again() {
        let standings = vec![
            standing("writes", 4, Some(50)),
            standing("creates", 0, Some(30)),
        ];
        let response = exhausted(&Exhausted {
            worst: Box::new(standings[1].clone()),
            standings,
            retry_after: 30,
        })
        .into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[header::RETRY_AFTER], "30");
        assert_eq!(response.headers()[RATE_LIMIT], "\"creates\";r=0;t=30");
    }
}
