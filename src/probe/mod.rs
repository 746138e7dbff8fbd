//! Asks one store over HTTP, once: the address is checked between its resolution and the connection, and the connection
//! goes to just that address.
//!
//! Must not know: which stores there are, when they are asked, or what their answers lead to. No redirect is followed and
//! no proxy is used: either would ask for something that was not checked.

use std::time::Duration;

use serde::de::IgnoredAny;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use crate::domain::limits::Networks;
use crate::domain::probe::{Answer, BODY, Expected, may_ask};

/// Time for one answer, from the look-up of the name to the end of the body.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks stores. Cheap to clone; connections are not kept, so every request looks its name up again and checks it.
#[derive(Debug, Clone)]
pub struct Prober(Agent);

impl Prober {
    /// A prober that asks public addresses, and those in the networks listed.
    pub fn new(allowed: Networks) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .proxy(None)
            .user_agent("fleetwright-probe")
            .tls_config(tls)
            .build();
        let checked = Checked {
            names: DefaultResolver::default(),
            allowed,
        };
        Self(Agent::with_parts(
            config,
            DefaultConnector::default(),
            checked,
        ))
    }

    /// Asks for a URL and judges the answer: a sentence either way. Blocks, for [`PATIENCE`] at most.
    ///
    /// # Errors
    /// Why the store does not work, or could not be asked.
    pub fn ask(&self, url: &str, expected: &Expected) -> Result<String, String> {
        let request = self.0.get(url).header("accept", "application/json, */*");
        let mut answer = request.call().map_err(|error| unreached(&error))?;
        let content_type = answer.headers().get("content-type");
        let content_type = content_type.and_then(|it| it.to_str().ok()).unwrap_or("");
        let mut seen = Answer {
            status: answer.status().as_u16(),
            content_type: content_type.to_owned(),
            json: None,
        };
        if expected.json && seen.status == expected.status {
            let body = answer.body_mut().with_config().limit(BODY).read_to_vec();
            let read = |body: Vec<u8>| serde_json::from_slice::<IgnoredAny>(&body).is_ok();
            seen.json = Some(body.is_ok_and(read));
        }
        expected.judge(&seen)
    }
}

/// Resolves names, and lets through what may be asked.
#[derive(Debug)]
struct Checked {
    names: DefaultResolver,
    allowed: Networks,
}

/// What [`Checked`] says when a name leads to nothing that may be asked.
#[derive(Debug, thiserror::Error)]
#[error(
    "its host leads to an address that is not public; list its network under probe.allow of the configuration where \
     that is meant"
)]
struct Forbidden;

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        let mut passed = self.empty();
        for address in found.iter().filter(|it| may_ask(it.ip(), &self.allowed)) {
            passed.push(*address);
        }
        if passed.is_empty() {
            return Err(Error::Other(Box::new(Forbidden)));
        }
        Ok(passed)
    }
}

fn unreached(error: &Error) -> String {
    match error {
        Error::Timeout(_) => format!("it gave no answer within {} s", PATIENCE.as_secs()),
        Error::HostNotFound => "its host has no address in DNS".to_owned(),
        Error::Other(why) if why.is::<Forbidden>() => why.to_string(),
        other => format!("it cannot be reached: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    fn serving(answer: String) -> (String, JoinHandle<()>) {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a request");
            let mut head = [0; 4096];
            let _read = stream.read(&mut head).expect("its head");
            // Who asked may have gone away before the end of a long answer.
            let _written = stream.write_all(answer.as_bytes());
        });
        (format!("http://localhost:{port}/health"), serving)
    }

    fn here() -> Networks {
        Networks::parse(&["127.0.0.0/8".to_owned(), "::1/128".to_owned()]).expect("networks")
    }

    fn page(status: &str, kind: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
    }

    #[test]
    fn a_store_on_an_address_that_is_not_public_is_not_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("it can be");
        let port = listener.local_addr().expect("an address").port();
        let prober = Prober::new(Networks::default());
        for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
            let url = format!("http://{host}:{port}/");
            let refused = prober.ask(&url, &Expected::of("/", 200)).unwrap_err();
            assert!(refused.contains("not public"), "{host}: {refused}");
        }
        assert!(listener.accept().is_err(), "nobody connected");
    }

    #[test]
    fn an_answer_is_judged_and_a_redirect_is_not_followed() {
        let json = Expected {
            status: 200,
            json: true,
        };
        let plain = Expected::of("/health", 200);
        let long = format!("\"{}\"", "x".repeat(usize::try_from(BODY).expect("small")));
        let location =
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        let table = [
            (
                page("200 OK", "text/plain", "ok"),
                &plain,
                true,
                "answered 200",
            ),
            (
                page("200 OK", "application/json", "[]"),
                &json,
                true,
                "with JSON",
            ),
            (
                page("200 OK", "application/json", "<p>"),
                &json,
                false,
                "no JSON",
            ),
            (
                page("200 OK", "application/json", &long),
                &json,
                false,
                "no JSON",
            ),
            (page("200 OK", "text/html", "[]"), &json, false, "a page"),
            (
                page("500 Oh", "text/html", ""),
                &plain,
                false,
                "500 instead of 200",
            ),
            (location.to_owned(), &plain, false, "not followed"),
        ];
        for (answer, expected, well, told) in table {
            let (url, serving) = serving(answer);
            let judged = Prober::new(here()).ask(&url, expected);
            assert_eq!(judged.is_ok(), well, "{judged:?}");
            let (Ok(text) | Err(text)) = judged;
            assert!(text.contains(told), "{text}");
            serving.join().expect("it served");
        }
    }
}
