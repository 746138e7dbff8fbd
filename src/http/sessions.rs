//! Who is signed in to the dashboard.
//!
//! A session is kept in memory and holds the token, which is checked again with every page: a revoked token ends
//! the session at once, a restart ends all. The cookie holds a random id, never the token.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::app::Exposure;
use crate::domain::record::{hex, sha256_hex};

/// How long a session lasts.
const LIFETIME: Duration = Duration::from_hours(12);
/// Sessions at once. The oldest goes first.
const SESSIONS: usize = 10_000;
/// The cookie. Browsers take the prefix only over https or, all but Safari, on loopback.
const COOKIE: &str = "__Host-fleetwright";
/// What `dev` sets beside it, for clients that keep no `Secure` cookie from a plain loopback address.
const PLAIN_COOKIE: &str = "fleetwright-dev";

/// The sessions, by the hash of their id.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Session>>);

struct Session {
    token: String,
    since: Instant,
}

impl Sessions {
    /// Begins a session and returns its id. `None` when the system gives no random bytes.
    pub(super) fn begin(&self, token: &str) -> Option<String> {
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random).ok()?;
        let id = hex(&random);
        let mut sessions = self.lock();
        sessions.retain(|_, it| it.since.elapsed() < LIFETIME);
        if sessions.len() >= SESSIONS {
            let oldest = sessions
                .iter()
                .min_by_key(|(_, it)| it.since)
                .map(|(key, _)| key.clone());
            oldest.and_then(|key| sessions.remove(&key));
        }
        sessions.insert(
            sha256_hex(id.as_bytes()),
            Session {
                token: token.to_owned(),
                since: Instant::now(),
            },
        );
        Some(id)
    }

    /// The token of a session.
    pub(super) fn token(&self, id: &str) -> Option<String> {
        let sessions = self.lock();
        let session = sessions.get(&sha256_hex(id.as_bytes()))?;
        (session.since.elapsed() < LIFETIME).then(|| session.token.clone())
    }

    /// Ends a session.
    pub(super) fn end(&self, id: &str) {
        self.lock().remove(&sha256_hex(id.as_bytes()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token that a form of this session carries, so that no other site can post it.
pub(super) fn csrf(id: &str) -> String {
    hex(&Sha256::digest(format!("csrf {id}")))
}

/// Whether a form's token is the session's.
pub(super) fn csrf_holds(id: &str, offered: &str) -> bool {
    csrf(id).as_bytes().ct_eq(offered.as_bytes()).into()
}

/// The session id that a browser sends.
pub(super) fn session_id(headers: &HeaderMap) -> Option<&str> {
    let texts = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|it| it.to_str().ok());
    let mut pairs = texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| [COOKIE, PLAIN_COOKIE].contains(name))
        .map(|(_, value)| value)
}

/// The `Set-Cookie` values that begin a session, or end it when there is no id.
pub(super) fn cookies(exposure: Exposure, id: Option<&str>) -> Vec<String> {
    let age = if id.is_some() { LIFETIME.as_secs() } else { 0 };
    let rest = format!(
        "{}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax",
        id.unwrap_or("")
    );
    let mut cookies = vec![format!("{COOKIE}={rest}; Secure")];
    if exposure == Exposure::Loopback {
        cookies.push(format!("{PLAIN_COOKIE}={rest}"));
    }
    cookies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lives_from_sign_in_to_sign_out() {
        let sessions = Sessions::default();
        let id = sessions.begin("fwt_x").expect("random bytes");
        assert_eq!(sessions.token(&id).as_deref(), Some("fwt_x"));
        assert_eq!(sessions.token("other"), None);
        assert!(csrf_holds(&id, &csrf(&id)));
        assert!(!csrf_holds(&id, &csrf("other")));
        sessions.end(&id);
        assert_eq!(sessions.token(&id), None);
    }

    #[test]
    fn only_dev_sets_the_plain_cookie() {
        assert_eq!(cookies(Exposure::Loopback, Some("id")).len(), 2);
        let network = cookies(Exposure::Network, Some("id"));
        assert_eq!(
            network,
            ["__Host-fleetwright=id; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure"]
        );
    }

    #[test]
    fn the_id_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        assert_eq!(session_id(&headers), None);
        headers.insert(
            header::COOKIE,
            "a=b; __Host-fleetwright=id1; c"
                .parse()
                .expect("a header value"),
        );
        assert_eq!(session_id(&headers), Some("id1"));
    }
}
