//! Asking an issuer for its keys: the discovery document, then the JWK set that it names (`OpenID` Connect Discovery 1.0 §4).

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};

use super::OidcError;
use super::keys::Keys;

/// Time for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of one answer; those of large issuers have a few thousand.
const ANSWER: u64 = 512 * 1024;

/// The client of one issuer.
pub(super) struct Fetcher {
    agent: Agent,
    issuer: String,
    /// Whether the issuer is on this machine, where http will do.
    here: bool,
}

impl Fetcher {
    /// The client of an issuer that is reached over https, or on this machine.
    pub(super) fn new(issuer: &str) -> Result<Self, OidcError> {
        let bad = || OidcError::BadIssuer(issuer.to_owned());
        let uri: Uri = issuer.parse().map_err(|_| bad())?;
        let here = uri.scheme_str() == Some("http") && is_loopback(&uri);
        let whole = uri.query().is_none() && !issuer.contains(['#', '@', ' ']);
        if !whole || !safe(&uri, here) {
            return Err(bad());
        }
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let agent = Agent::config_builder()
            .https_only(!here)
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .max_redirects_will_error(true)
            .tls_config(tls);
        // A proxy has no business between us and this machine.
        let agent = if here { agent.proxy(None) } else { agent };
        let agent = agent.build().new_agent();
        Ok(Self {
            agent,
            issuer: issuer.to_owned(),
            here,
        })
    }

    /// Fetches the keys. Blocks, for [`PATIENCE`] twice at most.
    ///
    /// # Errors
    /// One sentence.
    pub(super) fn keys(&self) -> Result<Keys, String> {
        let base = self.issuer.trim_end_matches('/');
        let place = format!("{base}/.well-known/openid-configuration");
        let about = self.get(&place)?;
        // Else one issuer could speak for another (§4.3).
        if about["issuer"].as_str() != Some(&self.issuer) {
            let said = &about["issuer"];
            return Err(format!(
                "{place} speaks for the issuer {said}, not for {:?}; write auth.oidc.issuer exactly so",
                self.issuer
            ));
        }
        let place = about["jwks_uri"].as_str().unwrap_or("");
        let uri = place.parse::<Uri>().ok();
        if !uri.is_some_and(|it| safe(&it, self.here)) {
            return Err(format!(
                "the issuer's jwks_uri {place:?} is no https address"
            ));
        }
        let keys = Keys::read(&self.get(place)?).filter(|it| it.len() > 0);
        keys.ok_or_else(|| format!("{place} holds no key for RS256 or ES256"))
    }

    fn get(&self, place: &str) -> Result<Value, String> {
        let unread = |error: ureq::Error| format!("{place} cannot be read: {error}");
        let request = self.agent.get(place).header("accept", "application/json");
        let mut answer = request.call().map_err(unread)?;
        let text = answer.body_mut().with_config().limit(ANSWER);
        let text = text.read_to_string().map_err(unread)?;
        serde_json::from_str(&text).map_err(|error| format!("{place} is no JSON: {error}"))
    }
}

/// Whether nobody on the way can change the answers of an address.
fn safe(uri: &Uri, here: bool) -> bool {
    match uri.scheme_str() {
        Some("https") => uri.host().is_some_and(|it| !it.is_empty()),
        Some("http") => here && is_loopback(uri),
        _ => false,
    }
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or("");
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_https_or_on_this_machine() {
        for good in [
            "https://id.example.com",
            "https://id.example.com:8443/realms/fleet/",
            "http://127.0.0.1:9000",
            "http://[::1]:9000/x",
            "http://localhost:1",
        ] {
            assert!(Fetcher::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "id.example.com",
            "http://id.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "https://id.example.com?x=1",
            "https://id.example.com#x",
            "https://user@id.example.com",
            "https://",
        ] {
            assert!(Fetcher::new(bad).is_err(), "{bad}");
        }
    }
}
