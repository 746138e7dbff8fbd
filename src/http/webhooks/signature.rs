//! Signatures of Standard Webhooks 1.0.0: `v1`, HMAC-SHA256 over id, timestamp and body, in base64.
//!
//! Every secret of every source is tried whatever the outcome, and signatures are compared in constant time. Must not
//! know: what a message says.

use aws_lc_rs::hmac;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use subtle::ConstantTimeEq;

use crate::domain::webhook::WebhookSource;
use crate::http::problem::Problem;

/// Seconds that a message's time may be away from ours, in both directions.
const WINDOW: i64 = 5 * 60;
/// Characters of a delivery id: it is kept.
const ID_LENGTH: usize = 255;
/// Signatures that are looked at: one for each secret that the sender rotates through.
const SIGNATURES: usize = 16;

/// The headers of one delivery.
#[derive(Debug)]
pub(super) struct Delivery<'a> {
    id: &'a str,
    timestamp: &'a str,
    signatures: Vec<Vec<u8>>,
}

impl<'a> Delivery<'a> {
    /// Reads the three headers, each there once.
    pub(super) fn read(headers: &'a HeaderMap) -> Result<Self, Problem> {
        let header = |name: &str| {
            let mut all = headers.get_all(name).iter();
            let text = all.next().and_then(|it| it.to_str().ok());
            text.filter(|it| !it.is_empty() && all.next().is_none())
        };
        let all = (
            header("webhook-id"),
            header("webhook-timestamp"),
            header("webhook-signature"),
        );
        let (Some(id), Some(timestamp), Some(signature)) = all else {
            return Err(unsigned(
                "webhook-id, webhook-timestamp and webhook-signature must each be there once",
            ));
        };
        if id.len() > ID_LENGTH || !id.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(unsigned(
                "webhook-id must have 1 to 255 visible ASCII characters",
            ));
        }
        let v1 = signature.split(' ').filter_map(|it| it.strip_prefix("v1,"));
        let signatures = v1
            .take(SIGNATURES)
            .filter_map(|it| STANDARD.decode(it).ok());
        Ok(Self {
            id,
            timestamp,
            signatures: signatures.collect(),
        })
    }

    /// The id, which a sender keeps when it tries again.
    pub(super) fn id(&self) -> &'a str {
        self.id
    }

    /// The source whose secret signed the body.
    pub(super) fn signed_by<'b>(
        &self,
        sources: &'b [WebhookSource],
        body: &[u8],
    ) -> Result<&'b WebhookSource, Problem> {
        let mut found = None;
        for source in sources {
            for secret in &source.secrets {
                let signed = self.sign(secret.key(), body);
                for signature in &self.signatures {
                    if bool::from(signature.as_slice().ct_eq(signed.as_ref())) {
                        found = Some(source);
                    }
                }
            }
        }
        found.ok_or_else(|| {
            unsigned("the signature is none of a known secret over this id, timestamp and body")
        })
    }

    fn sign(&self, key: &[u8], body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        for part in [self.id, ".", self.timestamp, "."] {
            context.update(part.as_bytes());
        }
        context.update(body);
        context.sign()
    }

    /// Whether it was sent about now; an old one may be somebody else's copy.
    pub(super) fn check_time(&self, now: Timestamp) -> Result<(), Problem> {
        let near = |seconds: i64| now.as_second().abs_diff(seconds) <= WINDOW.unsigned_abs();
        if self.timestamp.parse().is_ok_and(near) {
            return Ok(());
        }
        let detail = format!(
            "webhook-timestamp must be Unix seconds within {WINDOW} of this server's time, which is {}; send it again \
             with the time of sending",
            now.as_second()
        );
        Err(Problem::new(StatusCode::BAD_REQUEST, detail))
    }
}

fn unsigned(detail: &str) -> Problem {
    let advice = "sign the message after Standard Webhooks";
    Problem::new(StatusCode::UNAUTHORIZED, format!("{detail}; {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::Role;
    use crate::domain::webhook::WebhookSecret;
    use axum::response::IntoResponse;
    use standardwebhooks::Webhook;

    const OLD: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
    const NEW: &str = "whsec_enp6enp6enp6enp6enp6enp6enp6enp6";
    const BODY: &[u8] = b"{\"action\": \"delete\", \"store\": {\"name\": \"shop\"}}";

    fn source(name: &str, secrets: &[&str]) -> WebhookSource {
        let secrets = secrets.iter().map(|it| WebhookSecret::parse(it));
        WebhookSource {
            name: name.to_owned(),
            secrets: secrets.collect::<Result<_, _>>().expect("secrets"),
            role: Role::Operator,
            owners: Vec::new(),
            actions: Vec::new(),
        }
    }

    fn signed(secret: &str, id: &str, time: i64, body: &[u8]) -> String {
        let webhook = Webhook::new(secret).expect("a secret");
        webhook.sign(id, time, body).expect("text")
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().expect("a header value"));
        }
        map
    }

    /// Whose message it is: the source's name, or the status of the refusal.
    fn judged(headers: &HeaderMap, sources: &[WebhookSource], body: &[u8]) -> String {
        let judged = Delivery::read(headers).and_then(|it| {
            let source = it.signed_by(sources, body)?;
            it.check_time(Timestamp::from_second(1000).expect("a time"))?;
            Ok(source.name.clone())
        });
        judged.unwrap_or_else(|it| it.into_response().status().as_str().to_owned())
    }

    #[test]
    fn the_published_library_and_we_agree() {
        let sources = [
            source("erp", &[OLD, NEW]),
            source("shop", &["whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"]),
        ];
        let (old, new) = (
            signed(OLD, "msg_1", 1000, BODY),
            signed(NEW, "msg_1", 1000, BODY),
        );
        let strange = signed(
            "whsec_eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4",
            "msg_1",
            1000,
            BODY,
        );
        let table = [
            (old.clone(), "erp"),
            (new.clone(), "erp"),
            (format!("{strange} {new}"), "erp"),
            (format!("v1a,c29tZXRoaW5n v1,%%% {old}"), "erp"),
            (strange, "401"),
            (old.replace("v1,", "v2,"), "401"),
            (old.replace("v1,", ""), "401"),
            (old[..old.len() - 4].to_owned(), "401"),
            ("v1,".to_owned(), "401"),
        ];
        for (signature, name) in table {
            let headers = headers(&[
                ("webhook-id", "msg_1"),
                ("webhook-timestamp", "1000"),
                ("webhook-signature", &signature),
            ]);
            assert_eq!(judged(&headers, &sources, BODY), name, "{signature}");
        }
    }

    #[test]
    fn every_signed_part_counts() {
        let sources = [source("erp", &[OLD])];
        let good = signed(OLD, "msg_1", 1000, BODY);
        let case = |id: &str, time: &str, body: &[u8]| {
            let headers = headers(&[
                ("webhook-id", id),
                ("webhook-timestamp", time),
                ("webhook-signature", &good),
            ]);
            judged(&headers, &sources, body)
        };
        assert_eq!(case("msg_1", "1000", BODY), "erp");
        assert_eq!(case("msg_2", "1000", BODY), "401");
        assert_eq!(case("msg_1", "1001", BODY), "401");
        assert_eq!(case("msg_1", "01000", BODY), "401");
        assert_eq!(case("msg_1", "1000", b"{}"), "401");
    }

    #[test]
    fn the_window_is_five_minutes_to_both_sides() {
        let sources = [source("erp", &[OLD])];
        for (time, name) in [
            (700, "erp"),
            (699, "400"),
            (1300, "erp"),
            (1301, "400"),
            (i64::MIN, "400"),
            (i64::MAX, "400"),
        ] {
            let signature = signed(OLD, "msg_1", time, BODY);
            let headers = headers(&[
                ("webhook-id", "msg_1"),
                ("webhook-timestamp", &time.to_string()),
                ("webhook-signature", &signature),
            ]);
            assert_eq!(judged(&headers, &sources, BODY), name, "{time}");
        }
    }

    #[test]
    fn headers_are_there_once() {
        let sources = [source("erp", &[OLD])];
        let good = signed(OLD, "msg_1", 1000, BODY);
        let all = [
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", "1000"),
            ("webhook-signature", good.as_str()),
        ];
        for missing in 0..all.len() {
            let mut some = all.to_vec();
            some.remove(missing);
            assert_eq!(judged(&headers(&some), &sources, BODY), "401", "{missing}");
            let twice: Vec<_> = all.iter().chain([&all[missing]]).copied().collect();
            assert_eq!(judged(&headers(&twice), &sources, BODY), "401", "{missing}");
        }
        let long = "m".repeat(256);
        let signature = signed(OLD, &long, 1000, BODY);
        let long = [
            ("webhook-id", long.as_str()),
            all[1],
            ("webhook-signature", signature.as_str()),
        ];
        assert_eq!(judged(&headers(&long), &sources, BODY), "401");
        assert_eq!(judged(&headers(&all), &[], BODY), "401");
    }
}
