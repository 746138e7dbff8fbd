//! Where a request comes from: the connection's peer, or what proxies say that we trust.
//!
//! Anybody can write `X-Forwarded-For` and `Forwarded` (RFC 7239); each proxy appends what it saw. So they are read
//! from the right, as long as the address that wrote an entry is a trusted proxy's: the first one that is not is the
//! client. What cannot be read ends the walk, and the proxy that passed it on is counted. A proxy keeps one of the
//! headers and passes the other on as the client sent it: when both are there and differ, neither is believed.

use std::net::{IpAddr, SocketAddr};

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};

use crate::domain::limits::{ClientAddress, Networks};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// One entry of a header: an address, or what is none.
type Hop = Option<IpAddr>;

/// The client of a request, as limits count it.
pub(super) fn of(parts: &Parts, trusted: &Networks) -> Option<ClientAddress> {
    let Peer(peer) = parts.extensions.get::<Peer>()?;
    Some(client(peer.ip(), &parts.headers, trusted).into())
}

fn client(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    if !trusted.contain(peer) {
        return peer;
    }
    let listed = hops(headers, &X_FORWARDED_FOR, listed);
    let forwarded = hops(headers, &header::FORWARDED, forwarded);
    match (listed.as_slice(), forwarded.as_slice()) {
        (hops, []) | ([], hops) => walk(peer, hops, trusted),
        (listed, forwarded) => {
            let said = walk(peer, listed, trusted);
            if said == walk(peer, forwarded, trusted) {
                said
            } else {
                peer
            }
        }
    }
}

/// The entries of all lines of a header.
fn hops(headers: &HeaderMap, name: &HeaderName, read: fn(&str) -> Vec<Hop>) -> Vec<Hop> {
    let values = headers.get_all(name).iter();
    // What is no text is an entry that cannot be read.
    let lines = values.map(|it| it.to_str().unwrap_or("?"));
    lines.flat_map(read).collect()
}

/// From the right, past trusted proxies.
fn walk(peer: IpAddr, hops: &[Hop], trusted: &Networks) -> IpAddr {
    let mut last = peer;
    for hop in hops.iter().rev() {
        let Some(address) = hop else { break };
        last = address.to_canonical();
        if !trusted.contain(last) {
            break;
        }
    }
    last
}

/// The entries of one `X-Forwarded-For`.
fn listed(line: &str) -> Vec<Hop> {
    line.split(',').map(|it| address(it.trim())).collect()
}

/// The entries of one `Forwarded` (RFC 7239 §4). A line whose quotes do not end is one entry that cannot be read:
/// nobody can tell what of it a proxy has appended.
fn forwarded(line: &str) -> Vec<Hop> {
    let Some(elements) = split(line, ',') else {
        return vec![None];
    };
    elements.into_iter().map(element).collect()
}

/// The address of an element's one `for`.
fn element(text: &str) -> Hop {
    let mut found = None;
    for pair in split(text, ';')? {
        let (name, value) = pair.trim().split_once('=')?;
        if name.eq_ignore_ascii_case("for") && found.replace(unquoted(value)?).is_some() {
            return None;
        }
    }
    address(&found?)
}

/// Splits outside quoted strings (RFC 9110 §5.6.4).
fn split(text: &str, at: char) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped) = (false, false);
    let mut parts = Vec::new();
    let mut start = 0;
    for (place, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if letter == at && !quoted => {
                parts.push(&text[start..place]);
                start = place + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}

/// A token, or a quoted string without its quotes. Addresses need no escapes, so a string with one is none.
fn unquoted(value: &str) -> Option<String> {
    let inner = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => value,
    };
    (!inner.contains(['"', '\\'])).then(|| inner.to_owned())
}

/// An address with or without a port, IPv6 with or without brackets. Names (`unknown`, `_hidden`) are none.
fn address(text: &str) -> Hop {
    let bare = text
        .strip_prefix('[')
        .and_then(|it| it.strip_suffix(']'))
        .and_then(|it| it.parse().ok().map(IpAddr::V6));
    let plain = || text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|it| it.ip());
    bare.or_else(plain).or_else(with_port)
}

#[cfg(test)]
mod tests;
