//! What an answer says about the forge's limits.
//!
//! Facts: <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>. Pure. Must not know: what was asked for.

use hyper::StatusCode;
use hyper::header::HeaderMap;
use jiff::{SignedDuration, Timestamp};

use crate::domain::forge::Quota;

/// The longest time that an answer can make us wait for.
const LONGEST: i64 = 24 * 3600;

/// What was heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::forge) struct Heard {
    /// The primary limit, by our clock.
    pub(in crate::forge) quota: Option<Quota>,
    /// Set where the call was not taken because of a limit.
    pub(in crate::forge) limited: Option<Limited>,
}

/// Which limit a call ran into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::forge) enum Limited {
    /// The primary one: `quota` says until when.
    Primary,
    /// A secondary one, with how long to wait, if the answer said that, and the answer's words.
    Secondary(Option<SignedDuration>, String),
}

impl Heard {
    /// Reads an answer's status, headers and message. Times in it are by the server's clock, `server`; ours says `now`.
    pub(in crate::forge) fn read(
        status: StatusCode,
        headers: &HeaderMap,
        message: &str,
        now: Timestamp,
    ) -> Self {
        let server = server_time(headers).unwrap_or(now);
        let quota = quota(headers, now, server);
        let refused = [StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        let limited = refused
            .then(|| limited(status, headers, message, quota))
            .flatten();
        Self { quota, limited }
    }
}

fn limited(
    status: StatusCode,
    headers: &HeaderMap,
    message: &str,
    quota: Option<Quota>,
) -> Option<Limited> {
    let after =
        number(headers, "retry-after").map(|it| SignedDuration::from_secs(it.clamp(1, LONGEST)));
    let secondary = || Some(Limited::Secondary(after, message.to_owned()));
    if after.is_some() {
        return secondary();
    }
    if quota.is_some_and(|it| it.remaining == 0) {
        return Some(Limited::Primary);
    }
    // A plain 403 is a missing permission; only its words tell the limit from it.
    let words = message.to_ascii_lowercase();
    let named = ["rate limit", "abuse detection"]
        .iter()
        .any(|it| words.contains(it));
    if named || status == StatusCode::TOO_MANY_REQUESTS {
        return secondary();
    }
    None
}

fn quota(headers: &HeaderMap, now: Timestamp, server: Timestamp) -> Option<Quota> {
    let count = |name| u32::try_from(number(headers, name)?).ok();
    let reset = Timestamp::from_second(number(headers, "x-ratelimit-reset")?).ok()?;
    let wait = reset.duration_since(server);
    let wait = wait.clamp(SignedDuration::ZERO, SignedDuration::from_secs(LONGEST));
    Some(Quota {
        limit: count("x-ratelimit-limit")?,
        remaining: count("x-ratelimit-remaining")?,
        resets_at: now + wait,
    })
}

/// When the server sent it, by its own clock.
pub(in crate::forge) fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(hyper::header::DATE)?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::DateTimeParser::new();
    date.parse_timestamp(text).ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    type Headers<'a> = &'a [(&'static str, &'a str)];

    fn read(status: u16, headers: Headers, message: &str) -> Heard {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.parse().expect("a name"),
                    value.parse().expect("a value"),
                )
            })
            .collect();
        let status = StatusCode::from_u16(status).expect("a status");
        Heard::read(status, &headers, message, at(0))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(NOW + second).expect("a time")
    }

    fn secondary(seconds: Option<i64>, message: &str) -> Limited {
        let after = seconds.map(SignedDuration::from_secs);
        Limited::Secondary(after, message.to_owned())
    }

    #[test]
    fn a_limit_is_told_from_a_missing_permission() {
        let spent = [
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1800000600"),
        ];
        let some_left = [
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", "7"),
            ("x-ratelimit-reset", "1800000600"),
        ];
        let cases: [(u16, Headers, &str, Option<Limited>); 9] = [
            (200, &spent, "", None),
            (
                403,
                &spent,
                "API rate limit exceeded",
                Some(Limited::Primary),
            ),
            (
                429,
                &spent,
                "API rate limit exceeded",
                Some(Limited::Primary),
            ),
            (
                403,
                &some_left,
                "Resource not accessible by integration",
                None,
            ),
            (403, &[], "Resource not accessible by integration", None),
            (
                403,
                &[("retry-after", "30")],
                "wait",
                Some(secondary(Some(30), "wait")),
            ),
            (
                429,
                &[("retry-after", "0")],
                "wait",
                Some(secondary(Some(1), "wait")),
            ),
            (
                403,
                &some_left,
                "You have exceeded a secondary rate limit",
                Some(secondary(None, "You have exceeded a secondary rate limit")),
            ),
            (429, &[], "", Some(secondary(None, ""))),
        ];
        for (status, headers, message, limited) in cases {
            let heard = read(status, headers, message);
            assert_eq!(heard.limited, limited, "{status} {headers:?} {message:?}");
        }
    }

    #[test]
    fn times_are_moved_to_our_clock() {
        // given a server whose clock is an hour ahead of ours
        let server = at(3_600).to_zoned(jiff::tz::TimeZone::UTC);
        let date = server.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let reset = (NOW + 3_600 + 90).to_string();
        // when it says that its limit ends in 90 s
        let heard = read(
            200,
            &[
                ("date", &date),
                ("x-ratelimit-limit", "60"),
                ("x-ratelimit-remaining", "59"),
                ("x-ratelimit-reset", &reset),
            ],
            "",
        );
        // then it does so for us as well
        assert_eq!(heard.quota.expect("a quota").resets_at, at(90));
    }
}
