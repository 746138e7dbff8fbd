//! Asking a store over HTTP whether it works: when, which addresses may be asked at all, and what an answer means.
//!
//! Hosts are names that merchants choose and DNS that anybody controls, so a probe could be made to ask for anything that
//! this server can reach. It asks public addresses only, and others where the configuration lists their network. Must not
//! know: how a request is made.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::limits::Networks;

/// Time between two requests to a store that works.
pub const WELL: Duration = Duration::from_mins(1);
/// Time before a store that does not is asked again, doubled with every failure up to [`WELL`].
const FIRST: Duration = Duration::from_secs(5);
/// Bytes of a body that are read at most. Ten products of a shop's front page have some 50,000.
pub const BODY: u64 = 1024 * 1024;

/// What a working store answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The status, and no other.
    pub status: u16,
    /// Whether the body is JSON. A `WordPress` without `WooCommerce` answers the path of its API with a page and 200.
    pub json: bool,
}

/// What a store answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header Content-Type, empty where there is none.
    pub content_type: String,
    /// Whether the body could be read as JSON; none where nobody looked.
    pub json: Option<bool>,
}

impl Expected {
    /// For a policy's probe.
    pub fn of(path: &str, status: u16) -> Self {
        Self {
            status,
            json: path.contains("/wc/store"),
        }
    }

    /// What an answer means: a sentence either way.
    ///
    /// # Errors
    /// Why the store does not work.
    pub fn judge(&self, answer: &Answer) -> Result<String, String> {
        let Answer {
            status,
            content_type,
            json,
        } = answer;
        if *status != self.status {
            return Err(format!(
                "it answered {status} instead of {}{}",
                self.status,
                hint(*status)
            ));
        }
        if !self.json {
            return Ok(format!("it answered {status}"));
        }
        let media = content_type.split(';').next().unwrap_or("").trim();
        if !media.eq_ignore_ascii_case("application/json") {
            return Err(format!(
                "it answered {status} with a page instead of JSON: the shop's API is not there"
            ));
        }
        if *json == Some(false) {
            return Err(format!(
                "it answered {status} with something that is no JSON or has more than {BODY} bytes"
            ));
        }
        Ok(format!("it answered {status} with JSON"))
    }
}

fn hint(status: u16) -> &'static str {
    match status {
        300..=399 => {
            ", a redirect, which is not followed: see the shop's own address and its scheme"
        }
        401 | 403 => ": something before the shop keeps the request out",
        404 => ": the host leads to something else, or the shop's API is not there",
        502..=504 => ": what routes to the shop does not reach it",
        500..=599 => ": see the log of the shop's pods",
        _ => "",
    }
}

/// How long to wait after an answer; `failures` in a row, 0 where it was well.
pub fn pause(failures: u32) -> Duration {
    match failures {
        0 => WELL,
        _ => FIRST.saturating_mul(1 << (failures - 1).min(8)).min(WELL),
    }
}

/// Whether an address may be asked: it is public, or in one of the networks that the configuration lists.
pub fn may_ask(address: IpAddr, allowed: &Networks) -> bool {
    let address = address.to_canonical();
    let public = match address {
        IpAddr::V4(it) => public_v4(it),
        IpAddr::V6(it) => public_v6(it),
    };
    public || allowed.contain(address)
}

/// Not one of the special blocks of IANA's registry (RFC 6890 and its successors).
fn public_v4(it: Ipv4Addr) -> bool {
    let [a, b, c, _] = it.octets();
    let special = it.is_private()
        || it.is_loopback()
        || it.is_link_local()
        || it.is_multicast()
        || it.is_documentation()
        || a == 0
        // Shared address space of carriers (RFC 6598), where clouds keep services of their own, too.
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        // The former 6to4 relays (RFC 7526).
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        // Reserved, and broadcast.
        || a >= 240;
    !special
}

/// Global unicast alone (`2000::/3`), without what leads elsewhere.
fn public_v6(it: Ipv6Addr) -> bool {
    let [a, b, c, ..] = it.segments();
    let global = a & 0xe000 == 0x2000;
    // Teredo and other protocols of 2001::/23, documentation, a public NAT64; 6to4, which wraps an IPv4 address as well;
    // and 3fff::/20.
    let special = (a == 0x2001 && (b < 0x0200 || b == 0x0db8 || (b == 0x0067 && c == 0x0c4c)))
        || a == 0x2002
        || (a == 0x3fff && b < 0x1000);
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_asked_unless_a_network_is_listed() {
        let none = Networks::default();
        let table = [
            ("93.184.216.34", true),
            ("1.1.1.1", true),
            ("100.63.255.255", true),
            ("100.128.0.1", true),
            ("172.15.0.1", true),
            ("172.32.0.1", true),
            ("2606:4700::1111", true),
            ("2a00:1450::1", true),
            ("0.0.0.0", false),
            ("10.0.0.1", false),
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.168.1.1", false),
            ("100.64.0.1", false),
            ("100.100.100.200", false),
            ("192.0.0.1", false),
            ("192.0.2.1", false),
            ("198.18.0.1", false),
            ("198.51.100.1", false),
            ("203.0.113.1", false),
            ("192.88.99.1", false),
            ("224.0.0.1", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:1.1.1.1", true),
            ("::10.0.0.1", false),
            ("64:ff9b::a00:1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("ff02::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:a00:1::", false),
            ("3fff::1", false),
            ("4000::1", false),
        ];
        for (address, expected) in table {
            let parsed: IpAddr = address.parse().expect("an address");
            assert_eq!(may_ask(parsed, &none), expected, "{address}");
        }
        let listed = Networks::parse(&["10.1.0.0/16".to_owned(), "fd00::/8".to_owned()]).unwrap();
        for (address, expected) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("fd00::1", true),
            ("10.2.0.1", false),
            ("127.0.0.1", false),
            ("1.1.1.1", true),
        ] {
            let parsed: IpAddr = address.parse().unwrap();
            assert_eq!(may_ask(parsed, &listed), expected, "{address}");
        }
    }

    #[test]
    fn exactly_what_is_expected_is_well() {
        let shop = "/?rest_route=/wc/store/v1/products";
        for (path, status, kind, json, well) in [
            ("/health", 200, "text/plain", None, true),
            ("/health", 200, "", None, true),
            ("/health", 204, "", None, false),
            ("/health", 301, "", None, false),
            ("/health", 404, "text/html", None, false),
            ("/health", 503, "text/html", None, false),
            (
                shop,
                200,
                "application/json; charset=UTF-8",
                Some(true),
                true,
            ),
            (shop, 200, "Application/JSON", Some(true), true),
            (shop, 200, "text/html; charset=UTF-8", None, false),
            (shop, 200, "", None, false),
            (shop, 200, "application/json", Some(false), false),
            (shop, 404, "application/json", Some(true), false),
        ] {
            let answer = Answer {
                status,
                content_type: kind.to_owned(),
                json,
            };
            let judged = Expected::of(path, 200).judge(&answer);
            assert_eq!(judged.is_ok(), well, "{path} {answer:?}: {judged:?}");
        }
    }

    #[test]
    fn a_store_that_fails_is_asked_sooner_and_then_ever_less() {
        let seconds = [60, 5, 10, 20, 40, 60, 60];
        for (failures, expected) in (0..).zip(seconds) {
            assert_eq!(pause(failures), Duration::from_secs(expected), "{failures}");
        }
        assert_eq!(pause(u32::MAX), WELL);
    }
}
