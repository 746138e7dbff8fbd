//! Headers as proxies and as attackers write them.

use super::*;

const PROXY: &str = "10.0.0.1";

fn trusted() -> Networks {
    Networks::parse(&["10.0.0.0/8".to_owned(), "2001:db8:ff::/48".to_owned()]).expect("networks")
}

/// The client that a request from a peer with these headers has.
fn seen(peer: &str, headers: &[(&'static str, &str)]) -> String {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().expect("a header value"));
    }
    client(peer.parse().expect("an address"), &map, &trusted()).to_string()
}

const X: &str = "x-forwarded-for";
const F: &str = "forwarded";

#[test]
fn only_trusted_proxies_are_believed() {
    for peer in ["192.0.2.9", "11.0.0.1", "2001:db8:fe::1"] {
        assert_eq!(seen(peer, &[(X, "198.51.100.1")]), peer);
        assert_eq!(seen(peer, &[(F, "for=198.51.100.1")]), peer);
    }
    assert_eq!(seen(PROXY, &[]), PROXY);
    assert_eq!(
        seen("::ffff:10.0.0.1", &[(X, "198.51.100.1")]),
        "198.51.100.1"
    );
    assert_eq!(
        seen("2001:db8:ff::1", &[(X, "198.51.100.1")]),
        "198.51.100.1"
    );
}

#[test]
fn lists_are_read_from_the_right() {
    let table: [(&[&str], &str); 17] = [
        (&["198.51.100.1"], "198.51.100.1"),
        (&["203.0.113.5, 198.51.100.1"], "198.51.100.1"),
        (&["203.0.113.5", "198.51.100.1"], "198.51.100.1"),
        (&["203.0.113.5, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        (
            &["203.0.113.5, 10.9.9.9", "198.51.100.1,10.0.0.2 , 10.0.0.3"],
            "198.51.100.1",
        ),
        (&["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
        (&["198.51.100.1:4711"], "198.51.100.1"),
        (&["2001:db8::7"], "2001:db8::7"),
        (&["[2001:db8::7]"], "2001:db8::7"),
        (&["[2001:db8::7]:443"], "2001:db8::7"),
        (&["::ffff:198.51.100.1"], "198.51.100.1"),
        // What cannot be read is nobody: the proxy that passed it on is counted.
        (&["203.0.113.5, unknown"], PROXY),
        (&["203.0.113.5, evil, 10.0.0.2"], "10.0.0.2"),
        (&["203.0.113.5,"], PROXY),
        (&[""], PROXY),
        (&["203.0.113.5, 198.51.100.1\u{e9}"], PROXY),
        (&["fe80::1%eth0"], PROXY),
    ];
    for (values, client) in table {
        let headers: Vec<_> = values.iter().map(|it| (X, *it)).collect();
        assert_eq!(seen(PROXY, &headers), client, "{values:?}");
    }
}

#[test]
fn forwarded_is_read_as_rfc_7239_writes_it() {
    let table: [(&[&str], &str); 16] = [
        (&["for=198.51.100.1"], "198.51.100.1"),
        (
            &["For=\"198.51.100.1:4711\";proto=https;by=10.0.0.1"],
            "198.51.100.1",
        ),
        (&["for=\"[2001:db8::7]:47011\""], "2001:db8::7"),
        (&["for=\"[2001:db8::7]\";host=\"a;b,c\""], "2001:db8::7"),
        (
            &["for=203.0.113.5, for=198.51.100.1, for=10.0.0.2"],
            "198.51.100.1",
        ),
        (
            &["for=203.0.113.5", "proto=http;for=198.51.100.1"],
            "198.51.100.1",
        ),
        (&["for=unknown"], PROXY),
        (&["for=_hidden, for=10.0.0.2"], "10.0.0.2"),
        (&["proto=https"], PROXY),
        (&["for=203.0.113.5;for=203.0.113.6"], PROXY),
        (&["for=\"203.0.113.5"], PROXY),
        // A quote that the client opened must not swallow what the proxy appended, nor turn it inside out.
        (&["for=203.0.113.5, x=\", for=198.51.100.1"], PROXY),
        (
            &["x=\"\\\", for=203.0.113.5\", for=198.51.100.1"],
            "198.51.100.1",
        ),
        (&["for=\"x, for=\"[2001:db8::7]\""], PROXY),
        (&["x=\"", "for=198.51.100.1"], "198.51.100.1"),
        (&["for=203.0.113.5;;"], PROXY),
    ];
    for (values, client) in table {
        let headers: Vec<_> = values.iter().map(|it| (F, *it)).collect();
        assert_eq!(seen(PROXY, &headers), client, "{values:?}");
    }
}

#[test]
fn of_two_headers_that_differ_neither_is_believed() {
    let both = |x, f| seen(PROXY, &[(X, x), (F, f)]);
    assert_eq!(both("198.51.100.1", "for=198.51.100.1"), "198.51.100.1");
    assert_eq!(
        both("203.0.113.5, 198.51.100.1", "for=198.51.100.1"),
        "198.51.100.1"
    );
    assert_eq!(both("203.0.113.5", "for=198.51.100.1"), PROXY);
    assert_eq!(both("198.51.100.1", "for=203.0.113.5"), PROXY);
    assert_eq!(both("198.51.100.1", "for=unknown"), PROXY);
}

#[test]
fn long_headers_are_no_trouble() {
    let long = format!("{}198.51.100.1", "10.0.0.2, \"[:;=, ".repeat(10_000));
    assert_eq!(seen(PROXY, &[(X, &long)]), "198.51.100.1");
    assert_eq!(seen(PROXY, &[(F, &long)]), PROXY);
}
