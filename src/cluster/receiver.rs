//! A Flux Receiver: the way to ask a cluster to fetch that needs no right in it.
//!
//! notification-controller takes a POST whose body is signed (`spec.type: generic-hmac`) and annotates the objects that
//! the Receiver names; it answers 200 once that is done. The path of its address is made of the token, so neither is
//! ever shown. Must not know: which commit is published, or how often to ask.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::json;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};

use crate::domain::record::hex;

/// Time for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The header that carries the signature, as notification-controller reads it.
const SIGNATURE: &str = "x-signature";

/// Where a cluster's Receiver is, and what signs for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Receiver {
    url: Uri,
    token: Vec<u8>,
}

/// Why a Receiver is not used, or did not take a request. The text shows neither its path nor its token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiverError {
    /// The address is none.
    #[error(
        "the receiver's url is no address; write it like https://flux.example.com/hook/<path>, with the path from the \
         Receiver's status.webhookPath"
    )]
    BadUrl,
    /// The token is empty.
    #[error(
        "the receiver's token is empty; it is the field `token` of the Secret that the Receiver names"
    )]
    NoToken,
    /// It answered something else than 200.
    #[error("the Flux Receiver at {host} answered {status}; {advice}")]
    Refused {
        /// Where.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What to do about it.
        advice: &'static str,
    },
    /// It did not answer.
    #[error("the Flux Receiver at {host} cannot be reached: {why}")]
    Unreachable {
        /// Where.
        host: String,
        /// What the connection failed with.
        why: &'static str,
    },
}

impl Receiver {
    /// A Receiver of the type `generic-hmac`. The address is http or https, without user information.
    ///
    /// # Errors
    /// When the address or the token cannot be one.
    pub fn new(url: &str, token: &str) -> Result<Self, ReceiverError> {
        let url: Uri = url.parse().map_err(|_| ReceiverError::BadUrl)?;
        let web = matches!(url.scheme_str(), Some("http" | "https"));
        let named = url.authority().is_some_and(|it| !it.as_str().contains('@'));
        if !web || !named || url.path().len() < 2 {
            return Err(ReceiverError::BadUrl);
        }
        let token = token.trim().as_bytes().to_vec();
        if token.is_empty() {
            return Err(ReceiverError::NoToken);
        }
        Ok(Self { url, token })
    }

    /// Where it is, without the path, which is a secret.
    pub fn place(&self) -> String {
        let scheme = self.url.scheme_str().unwrap_or("http");
        format!("{scheme}://{}", self.host())
    }

    /// Asks for a fetch now. `commit` is what is published; the Receiver does not read it. Blocks, for [`PATIENCE`] at
    /// most. A redirect is not followed: the signature is for this one address.
    ///
    /// # Errors
    /// When it did not take the request.
    pub fn ask(&self, commit: &str) -> Result<(), ReceiverError> {
        let body = json!({ "commit": commit }).to_string();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .tls_config(tls)
            .build()
            .new_agent();
        let request = agent
            .post(&self.url)
            .header("content-type", "application/json")
            .header(SIGNATURE, self.signature(body.as_bytes()));
        let answer = request
            .send(&body)
            .map_err(|error| self.unreached(&error))?;
        match answer.status().as_u16() {
            200 => Ok(()),
            status => Err(ReceiverError::Refused {
                host: self.host(),
                status,
                advice: advice(status),
            }),
        }
    }

    fn signature(&self, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.token);
        format!("sha256={}", hex(hmac::sign(&key, body).as_ref()))
    }

    fn host(&self) -> String {
        self.url
            .authority()
            .map_or_else(String::new, ToString::to_string)
    }

    /// ureq's own texts may quote the address, so they are not passed on.
    fn unreached(&self, error: &ureq::Error) -> ReceiverError {
        let why = match error {
            ureq::Error::Timeout(_) => "no answer within 10 s",
            ureq::Error::HostNotFound => "its name cannot be resolved",
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => "its certificate is not trusted",
            _ => {
                "the connection failed; see whether notification-controller runs and its Service or Ingress leads to it"
            }
        };
        ReceiverError::Unreachable {
            host: self.host(),
            why,
        }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({}, path and token hidden)", self.place())
    }
}

/// What each answer of notification-controller comes of.
fn advice(status: u16) -> &'static str {
    match status {
        400 | 401 | 403 => {
            "its signature is not taken: the token file must hold what the Receiver's Secret has as `token`, and its type \
             must be generic-hmac"
        }
        404 => {
            "there is no such Receiver: take the path anew from its status.webhookPath, which changes with the token"
        }
        503 => "the Receiver is suspended or not ready",
        _ => "see the log of notification-controller",
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn bodies_are_signed_as_flux_checks_them() {
        let receiver = Receiver::new("http://127.0.0.1/hook/1", "key\n").expect("an address");
        // The well-known example of HMAC-SHA256.
        let signature = receiver.signature(b"The quick brown fox jumps over the lazy dog");
        let expected = "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        assert_eq!(signature, expected);
    }

    #[test]
    fn neither_path_nor_token_is_shown() {
        let receiver = Receiver::new("https://flux.example.com:8443/hook/a1b2", "s3cret").unwrap();
        let refused = ReceiverError::Refused {
            host: receiver.host(),
            status: 404,
            advice: advice(404),
        };
        for shown in [
            format!("{receiver:?}"),
            receiver.place(),
            refused.to_string(),
            receiver.unreached(&ureq::Error::HostNotFound).to_string(),
        ] {
            assert!(shown.contains("flux.example.com:8443"), "{shown}");
            assert!(
                !shown.contains("a1b2") && !shown.contains("s3cret"),
                "{shown}"
            );
        }
    }

    /// Takes one request and answers it; gives its head and body.
    fn answering(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook/a1b2", listener.local_addr().unwrap());
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut heard, mut part) = (Vec::new(), [0; 4096]);
            while !heard.ends_with(b"}") {
                let count = stream.read(&mut part).unwrap();
                heard.extend_from_slice(&part[..count]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(heard).unwrap()
        });
        (url, serving)
    }

    #[test]
    fn a_receiver_gets_a_signed_body_and_only_200_counts() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let well = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let (url, serving) = answering(well);
        let receiver = Receiver::new(&url, "key").unwrap();
        assert_eq!(receiver.ask("c0ffee"), Ok(()));
        let heard = serving.join().unwrap();
        let (top, body) = heard.split_once("\r\n\r\n").unwrap();
        assert!(top.starts_with("POST /hook/a1b2 HTTP/1.1"), "{top}");
        let signature = format!("x-signature: {}", receiver.signature(body.as_bytes()));
        assert!(top.to_lowercase().contains(&signature), "{top}");
        assert_eq!(body, r#"{"commit":"c0ffee"}"#);

        for (answer, status) in [
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 404),
            ("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", 202),
            (
                "HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
                307,
            ),
        ] {
            let (url, serving) = answering(answer);
            let refused = Receiver::new(&url, "key").unwrap().ask("c0ffee");
            let found =
                matches!(refused, Err(ReceiverError::Refused { status: it, .. }) if it == status);
            assert!(found, "{refused:?}");
            serving.join().unwrap();
        }
        let gone = Receiver::new("http://127.0.0.1:1/hook/a1b2", "key").unwrap();
        let unreachable = gone.ask("c0ffee");
        assert!(
            matches!(unreachable, Err(ReceiverError::Unreachable { .. })),
            "{unreachable:?}"
        );
    }

    #[test]
    fn addresses_are_whole_and_tokens_are_not_empty() {
        for bad in [
            "",
            "flux.example.com/hook/1",
            "ftp://flux.example.com/hook/1",
            "https://flux.example.com",
            "https://flux.example.com/",
            "https://user:word@flux.example.com/hook/1",
        ] {
            assert_eq!(Receiver::new(bad, "x"), Err(ReceiverError::BadUrl), "{bad}");
        }
        let no_token = Receiver::new("https://flux.example.com/hook/1", " \n");
        assert_eq!(no_token, Err(ReceiverError::NoToken));
    }
}
