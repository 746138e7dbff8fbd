//! A Flux Receiver: the way to ask a cluster to fetch that needs no right in it.
//!
//! notification-controller takes a POST whose body is signed (`spec.type: generic-hmac`) and annotates the objects that
//! the Receiver names; it answers 200 once that is done. The path of its address is made of the token, so neither is
//! ever shown. The token is read anew for each request: one that was replaced counts at once.
//! Must not know: which commit is published, or how often to ask.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::json;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};

use crate::domain::record::{hex, sha256_hex};

/// Time for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The header that carries the signature, as notification-controller reads it.
const SIGNATURE: &str = "x-signature";
/// The Receiver that the bootstrap makes (`templates/cluster/bootstrap/receiver.yaml.j2`).
const NAME: &str = "fleetwright";

/// Where a cluster's Receiver is, and the file with the token that signs for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Receiver {
    url: Uri,
    token_file: PathBuf,
}

/// Why a Receiver is not used, or did not take a request. The text shows neither its path nor its token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiverError {
    /// The address is none.
    #[error(
        "the receiver's url is no address; write it like https://flux.example.com for the Receiver of the bootstrap, and \
         for another one with the path from its status.webhookPath behind it"
    )]
    BadUrl,
    /// The token cannot be read.
    #[error(
        "cannot read the receiver's token {path}: {why}; put there what its Secret has as `token`"
    )]
    TokenFile {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
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
    /// A Receiver of the type `generic-hmac`: http or https, without user information. An address without a path is that
    /// of the Receiver which the bootstrap makes.
    ///
    /// # Errors
    /// When the address cannot be one, or the file holds no token.
    pub fn new(url: &str, token_file: &Path) -> Result<Self, ReceiverError> {
        let url: Uri = url.parse().map_err(|_| ReceiverError::BadUrl)?;
        let web = matches!(url.scheme_str(), Some("http" | "https"));
        let named = url.authority().is_some_and(|it| !it.as_str().contains('@'));
        if !web || !named {
            return Err(ReceiverError::BadUrl);
        }
        let receiver = Self {
            url,
            token_file: token_file.to_owned(),
        };
        receiver.token()?;
        Ok(receiver)
    }

    /// Where it is, without the path, which is a secret.
    pub fn place(&self) -> String {
        let scheme = self.url.scheme_str().unwrap_or("http");
        format!("{scheme}://{}", self.host())
    }

    /// Whether it is the one that the bootstrap makes, and no other that people made.
    pub fn is_of_the_bootstrap(&self) -> bool {
        self.url.path().len() < 2
    }

    fn token(&self) -> Result<String, ReceiverError> {
        let read = std::fs::read_to_string(&self.token_file);
        let text = read.map_err(|error| ReceiverError::TokenFile {
            path: self.token_file.display().to_string(),
            why: error.to_string(),
        })?;
        match text.trim() {
            "" => Err(ReceiverError::NoToken),
            token => Ok(token.to_owned()),
        }
    }

    /// The whole address. Flux makes the path of the SHA-256 of the token, the Receiver's name and its namespace
    /// (notification-controller, `docs/spec/v1/receivers.md`, "Webhook path").
    fn address(&self, namespace: &str, token: &str) -> String {
        if !self.is_of_the_bootstrap() {
            return self.url.to_string();
        }
        let digest = sha256_hex(format!("{token}{NAME}{namespace}").as_bytes());
        format!("{}/hook/{digest}", self.place())
    }

    /// Asks for a fetch now. `namespace` is where the bootstrap put its Receiver; `commit` is what is published, which the
    /// Receiver does not read. Blocks, for [`PATIENCE`] at most. A redirect is not followed: the signature is for this one
    /// address.
    ///
    /// # Errors
    /// When it did not take the request, or there is no token.
    pub fn ask(&self, namespace: &str, commit: &str) -> Result<(), ReceiverError> {
        let token = self.token()?;
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
            .post(self.address(namespace, &token))
            .header("content-type", "application/json")
            .header(SIGNATURE, signature(&token, body.as_bytes()));
        let answer = request
            .send(&body)
            .map_err(|error| self.unreached(&error))?;
        match answer.status().as_u16() {
            200 => Ok(()),
            status => Err(ReceiverError::Refused {
                host: self.host(),
                status,
                advice: self.advice(status),
            }),
        }
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

    /// What each answer of notification-controller comes of.
    fn advice(&self, status: u16) -> &'static str {
        match status {
            400 | 401 | 403 => {
                "its signature is not taken: the token file must hold what the Receiver's Secret has as `token`, and its \
                 type must be generic-hmac"
            }
            404 if self.is_of_the_bootstrap() => {
                "no Receiver is at the path that this token makes: the token file must hold what the Secret \
                 fleetwright-receiver has as `token`, and the bootstrap must be applied"
            }
            404 => {
                "there is no such Receiver: take the path anew from its status.webhookPath, which changes with the token"
            }
            503 => "the Receiver is suspended or not ready",
            _ => "see the log of notification-controller",
        }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({}, path and token hidden)", self.place())
    }
}

/// The signature of a body, as notification-controller checks it.
fn signature(token: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
    format!("sha256={}", hex(hmac::sign(&key, body).as_ref()))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    const ELSEWHERE: &str = "https://flux.example.com:8443/hook/a1b2";

    /// A Receiver, and its token's file.
    fn receiver(url: &str, token: &str) -> (Receiver, tempfile::NamedTempFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), token).unwrap();
        (Receiver::new(url, file.path()).unwrap(), file)
    }

    #[test]
    fn bodies_are_signed_as_flux_checks_them() {
        // The well-known example of HMAC-SHA256.
        let signature = signature("key", b"The quick brown fox jumps over the lazy dog");
        let expected = "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        assert_eq!(signature, expected);
    }

    #[test]
    fn an_address_without_a_path_is_that_of_the_bootstrap_s_receiver() {
        for (url, bootstrapped) in [
            ("https://flux.example.com", true),
            ("https://flux.example.com/", true),
            (ELSEWHERE, false),
        ] {
            let (receiver, _file) = receiver(url, "s3cret\n");
            assert_eq!(receiver.is_of_the_bootstrap(), bootstrapped, "{url}");
            // printf s3cretfleetwrightfleet | sha256sum
            let made = "https://flux.example.com/hook/f8b52b05cbb62bcc5c08f18af1a27a1bff38cc733d208c69219aaebfcc85b89c";
            let expected = if bootstrapped { made } else { ELSEWHERE };
            assert_eq!(receiver.address("fleet", "s3cret"), expected, "{url}");
        }
    }

    #[test]
    fn neither_path_nor_token_is_shown() {
        let (receiver, file) = receiver(ELSEWHERE, "s3cret");
        let refused = ReceiverError::Refused {
            host: receiver.host(),
            status: 404,
            advice: receiver.advice(404),
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
        drop(file);
        let told = receiver.ask("fleet", "c0ffee").unwrap_err().to_string();
        assert!(
            told.starts_with("cannot read the receiver's token"),
            "{told}"
        );
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
        let (asking, file) = receiver(&url, "key");
        assert_eq!(asking.ask("fleet", "c0ffee"), Ok(()));
        let heard = serving.join().unwrap();
        let (top, body) = heard.split_once("\r\n\r\n").unwrap();
        assert!(top.starts_with("POST /hook/a1b2 HTTP/1.1"), "{top}");
        let signature = format!("x-signature: {}", signature("key", body.as_bytes()));
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
            let asking = Receiver::new(&url, file.path()).unwrap();
            let refused = asking.ask("fleet", "c0ffee");
            let found =
                matches!(refused, Err(ReceiverError::Refused { status: it, .. }) if it == status);
            assert!(found, "{refused:?}");
            serving.join().unwrap();
        }
        let (gone, _file) = receiver("http://127.0.0.1:1/hook/a1b2", "key");
        let unreachable = gone.ask("fleet", "c0ffee");
        assert!(
            matches!(unreachable, Err(ReceiverError::Unreachable { .. })),
            "{unreachable:?}"
        );
    }

    #[test]
    fn addresses_are_whole_and_tokens_are_not_empty() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for bad in [
            "",
            "flux.example.com/hook/1",
            "ftp://flux.example.com/hook/1",
            "https://user:word@flux.example.com/hook/1",
        ] {
            let said = Receiver::new(bad, file.path());
            assert_eq!(said, Err(ReceiverError::BadUrl), "{bad}");
        }
        std::fs::write(file.path(), " \n").unwrap();
        let no_token = Receiver::new("https://flux.example.com/hook/1", file.path());
        assert_eq!(no_token, Err(ReceiverError::NoToken));
    }
}
