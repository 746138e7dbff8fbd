//! API tokens: what is known of one beside its hash, what may be asked for, and whom it stands for.
//!
//! Pure. Must not know: the token itself, its hash, or where either is kept.

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::request::{Caller, Refusal, Role, Violation};
use super::{Owner, TokenId, TokenName};

/// How long a token is good for when its request does not say.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The longest that may be asked for.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);
/// The shortest; anything below has run out before it is used.
pub const SHORTEST: SignedDuration = SignedDuration::from_secs(1);

/// What everybody who may list tokens may know of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Its identity; `DELETE /api/v1/tokens/{id}` revokes it.
    pub id: TokenId,
    /// Its name, unique among the tokens that are good.
    pub name: TokenName,
    /// What its bearer may do.
    pub role: Role,
    /// The owner it stands for.
    pub owner: Owner,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who had it made.
    pub created_by: String,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

impl Token {
    /// Whom the token stands for.
    pub fn caller(&self) -> Caller {
        Caller {
            subject: format!("token:{}", self.name),
            role: self.role,
            owner: self.owner.clone(),
        }
    }

    /// Whether its time is over.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }
}

/// Why the bearer of a token is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The token is none of ours, has run out, or was revoked (401).
    #[error("{0}")]
    Unknown(String),
    /// The token is good and gives its bearer nothing here (403).
    #[error("{0}")]
    Roleless(String),
    /// The token cannot be judged now (503).
    #[error("{0}")]
    Unavailable(String),
}

/// A new token, as asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TokenRequest {
    /// The name.
    #[schemars(with = "TokenName")]
    pub name: String,
    /// The role.
    pub role: Role,
    /// The owner. A merchant's token needs one; any other's is its name when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Owner>")]
    pub owner: Option<String>,
    /// How long it is good for (`90d`, `12h`, `P30D`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<String>,
    /// Until when it is good; instead of `expiresIn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl TokenRequest {
    /// The token that is asked for.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every field that is wrong.
    pub fn accept(&self, id: TokenId, by: &Caller, now: Timestamp) -> Result<Token, Refusal> {
        let mut found = Vec::new();
        let name = noted(&mut found, "/name", self.name.parse::<TokenName>());
        let owner = noted(&mut found, "/owner", self.owner());
        let expires_at = match self.lifetime(now) {
            Ok(lifetime) => now.saturating_add(lifetime).ok(),
            Err(wrong) => {
                found.push(wrong);
                None
            }
        };
        match (name, owner, expires_at) {
            (Some(name), Some(owner), Some(expires_at)) if found.is_empty() => Ok(Token {
                id,
                name,
                role: self.role,
                owner,
                created_at: now,
                created_by: by.subject.clone(),
                expires_at,
            }),
            _ => Err(Refusal::Invalid(found)),
        }
    }

    fn owner(&self) -> Result<Owner, String> {
        match &self.owner {
            Some(owner) => owner
                .parse()
                .map_err(|error: super::BadId| error.to_string()),
            None if self.role == Role::Merchant => {
                Err("a merchant's token needs the owner whose stores it opens".to_owned())
            }
            None => self.name.parse().map_err(|_| "name one".to_owned()),
        }
    }

    fn lifetime(&self, now: Timestamp) -> Result<SignedDuration, Violation> {
        let (pointer, asked) = match (&self.expires_in, self.expires_at) {
            (Some(_), Some(_)) => {
                let detail = "give either expiresIn or expiresAt";
                return Err(Violation::new("/expiresAt", detail));
            }
            (None, None) => return Ok(LIFETIME),
            (None, Some(at)) => ("/expiresAt", Some(at.duration_since(now))),
            (Some(text), None) => ("/expiresIn", duration(text)),
        };
        let fits = asked.filter(|it| (SHORTEST..=LONGEST).contains(it));
        fits.ok_or_else(|| {
            let days = LONGEST.as_hours() / 24;
            let detail = format!("must be a time to come within {days} days, as in 90d or 12h");
            Violation::new(pointer, detail)
        })
    }
}

/// A span of time in which a day has 24 hours.
fn duration(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()
}

fn noted<T, E: ToString>(found: &mut Vec<Violation>, pointer: &str, it: Result<T, E>) -> Option<T> {
    it.map_err(|error| found.push(Violation::new(pointer, error.to_string())))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(json: &str) -> Result<Token, Vec<String>> {
        let request: TokenRequest = serde_json::from_str(json).expect("well-formed");
        let by = Caller {
            subject: "token:admin".to_owned(),
            role: Role::Admin,
            owner: "admin".parse().expect("an owner"),
        };
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("a ULID");
        let now = Timestamp::from_second(1_000_000).expect("a time");
        request
            .accept(id, &by, now)
            .map_err(|refusal| match refusal {
                Refusal::Invalid(found) => found.into_iter().map(|it| it.pointer).collect(),
                other => panic!("{other}"),
            })
    }

    #[test]
    fn a_token_has_an_owner_and_an_end() {
        let day = 24 * 60 * 60;
        let table = [
            (r#"{"name": "ci", "role": "operator"}"#, "ci", 90 * day),
            (
                r#"{"name": "a", "role": "merchant", "owner": "Ann B", "expiresIn": "2d"}"#,
                "Ann B",
                2 * day,
            ),
            (
                r#"{"name": "a", "role": "viewer", "expiresIn": "P1W"}"#,
                "a",
                7 * day,
            ),
            (
                r#"{"name": "a", "role": "admin", "expiresAt": "1970-01-12T13:46:50Z"}"#,
                "a",
                10,
            ),
        ];
        for (json, owner, seconds) in table {
            let token = asked(json).expect(json);
            assert_eq!(token.owner.as_str(), owner, "{json}");
            assert_eq!(token.expires_at.as_second() - 1_000_000, seconds, "{json}");
            assert_eq!(token.created_by, "token:admin");
            assert_eq!(token.caller().subject, format!("token:{}", token.name));
        }
    }

    #[test]
    fn what_is_wrong_is_found_at_once() {
        let table: [(&str, &[&str]); 8] = [
            (
                r#"{"name": "A B", "role": "merchant", "expiresIn": "soon"}"#,
                &["/name", "/owner", "/expiresIn"],
            ),
            (
                r#"{"name": "a", "role": "viewer", "owner": ""}"#,
                &["/owner"],
            ),
            (
                r#"{"name": "a", "role": "viewer", "expiresIn": "0s"}"#,
                &["/expiresIn"],
            ),
            (
                r#"{"name": "a", "role": "viewer", "expiresIn": "-1h"}"#,
                &["/expiresIn"],
            ),
            (
                r#"{"name": "a", "role": "viewer", "expiresIn": "367d"}"#,
                &["/expiresIn"],
            ),
            (
                r#"{"name": "a", "role": "viewer", "expiresIn": "2mo"}"#,
                &["/expiresIn"],
            ),
            (
                r#"{"name": "a", "role": "viewer", "expiresAt": "1970-01-01T00:00:00Z"}"#,
                &["/expiresAt"],
            ),
            (
                r#"{"name": "a", "role": "viewer", "expiresIn": "1d", "expiresAt": "1970-01-12T14:00:00Z"}"#,
                &["/expiresAt"],
            ),
        ];
        for (json, pointers) in table {
            let found = asked(json).expect_err(json);
            assert_eq!(found, pointers, "{json}");
        }
    }

    #[test]
    fn the_last_moment_is_the_one_before() {
        let token = asked(r#"{"name": "a", "role": "viewer", "expiresIn": "1s"}"#).expect("good");
        assert!(!token.has_expired(Timestamp::from_second(1_000_000).expect("a time")));
        assert!(token.has_expired(token.expires_at));
    }
}
