//! Names and hosts: what may be had by whom, as tables, and what no text gets past, as properties.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::domain::book::{Book, Held};
use crate::domain::policy::FleetPolicy;
use crate::domain::record::Spec;
use crate::domain::request::Caller;

const UID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn policy() -> FleetPolicy {
    serde_yaml::from_str(include_str!("../../../fleet/fleetwright.yaml"))
        .expect("the skeleton's policy")
}

fn caller(role: Role) -> Caller {
    Caller {
        subject: "token:ann".to_owned(),
        role,
        owner: "ann".parse().expect("an owner"),
    }
}

fn spec(host: &str, extra: &[&str]) -> Spec {
    let extra: Vec<&str> = extra.to_vec();
    serde_json::from_value(serde_json::json!({
        "engine": "woocommerce", "plan": "small", "owner": "ann", "cluster": "local", "version": "1.0.0",
        "host": host, "extraHosts": extra,
    }))
    .expect("a spec")
}

/// What is said of a spec of the store `shop`.
fn said(
    role: Role,
    old: Option<&Spec>,
    new: &Spec,
    proven: &[&str],
    book: &Book,
) -> Vec<Violation> {
    let (policy, caller) = (policy(), caller(role));
    let proven: Vec<Host> = proven
        .iter()
        .map(|it| it.parse().expect("a host"))
        .collect();
    let (name, uid) = ("shop".parse().expect("a name"), UID.parse().expect("a uid"));
    let asked = Asked {
        policy: &policy,
        book,
        caller: &caller,
        name: &name,
        uid: Some(&uid),
        proven: &proven,
        old,
        new,
        now: Timestamp::UNIX_EPOCH,
        lifted: false,
        may_downgrade: false,
    };
    let mut found = Vec::new();
    hosts(&asked, &mut found);
    found
}

#[test]
fn hosts_are_the_store_s_own_or_an_operator_s_or_proved() {
    let own = spec("shop.localtest.me", &[]);
    let table: [(Role, &str, &[&str], Option<&str>); 15] = [
        (Role::Merchant, "shop.localtest.me", &[], None),
        (
            Role::Operator,
            "other.localtest.me",
            &[],
            Some("under a cluster's base domain; use shop.localtest.me"),
        ),
        (
            Role::Operator,
            "a.shop.localtest.me",
            &[],
            Some("under a cluster's base domain"),
        ),
        (
            Role::Operator,
            "shop.shops.example.com",
            &[],
            Some("under a cluster's base domain"),
        ),
        (
            Role::Operator,
            "localtest.me",
            &[],
            Some("under a cluster's base domain"),
        ),
        (
            Role::Admin,
            "example.com",
            &[],
            Some("above shops.example.com"),
        ),
        (Role::Operator, "shop.example.org", &[], None),
        (Role::Operator, "co.uk", &[], Some("public suffix")),
        (Role::Operator, "github.io", &[], Some("public suffix")),
        (Role::Operator, "shop.github.io", &[], None),
        (Role::Operator, "shop.internal", &[], None),
        (
            Role::Merchant,
            "shop.example.org",
            &[],
            Some(
                "TXT record _fleetwright.shop.example.org with the text 01ARZ3NDEKTSV4RRFFQ69G5FAV",
            ),
        ),
        (
            Role::Merchant,
            "shop.example.org",
            &["shop.example.org"],
            None,
        ),
        (
            Role::Merchant,
            "shop.example.org",
            &["example.org"],
            Some("TXT record"),
        ),
        (Role::Merchant, "co.uk", &["co.uk"], Some("public suffix")),
    ];
    for (role, host, proven, says) in table {
        for new in [spec(host, &[]), spec("shop.localtest.me", &[host])] {
            if says.is_none() && new.extra_hosts.contains(&new.host) {
                continue;
            }
            let found = said(role, Some(&own), &new, proven, &Book::default());
            // What the store has already is never asked about.
            let kept = found.is_empty() && host == own.host.as_str();
            let fits = match says {
                None => found.is_empty(),
                Some(says) => found.len() == 1 && found[0].detail.contains(says),
            };
            assert!(fits || kept, "{role:?} {host} {proven:?}: {found:?}");
        }
    }
    let created = said(
        Role::Merchant,
        None,
        &spec("shop.example.org", &[]),
        &[],
        &Book::default(),
    );
    assert!(
        created[0].detail.contains("then add the host with PATCH"),
        "{created:?}"
    );
}

#[test]
fn a_host_is_had_once_and_one_that_was_had_is_kept() {
    let mut book = Book::default();
    let other = Held {
        uid: UID.parse().expect("a uid"),
        owner: "eve".parse().expect("an owner"),
        cluster: "local".parse().expect("a cluster"),
        plan: "small".into(),
        hosts: vec!["taken.example.org".parse().expect("a host")],
        life: Life::Live,
    };
    book.put("other".parse().expect("a name"), other);
    let own = spec("shop.localtest.me", &[]);
    let found = said(
        Role::Operator,
        Some(&own),
        &spec("shop.localtest.me", &["taken.example.org"]),
        &[],
        &book,
    );
    assert_eq!(found[0].pointer, "/extraHosts/0");
    assert!(found[0].detail.contains("taken"), "{found:?}");
    let twice = spec("shop.localtest.me", &["a.example.org", "a.example.org"]);
    let found = said(Role::Operator, Some(&own), &twice, &[], &book);
    assert_eq!(found[0].pointer, "/extraHosts/1");
    // An operator gave it once; the merchant's next change of something else leaves it alone.
    let given = spec("shop.localtest.me", &["a.example.org"]);
    assert_eq!(said(Role::Merchant, Some(&given), &given, &[], &book), []);
    let many: Vec<String> = (0..HOSTS_LIMIT)
        .map(|n| format!("h{n}.example.org"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let found = said(
        Role::Operator,
        Some(&own),
        &spec("shop.localtest.me", &many),
        &[],
        &book,
    );
    assert_eq!((found.len(), found[0].pointer.as_str()), (1, "/extraHosts"));
}

#[test]
fn names_of_the_platform_are_an_operator_s_to_give() {
    let refused = |name: &str, role| name_refused(&name.parse().expect("a name"), role);
    for name in [
        "www",
        "api",
        "admin",
        "mail",
        "autodiscover",
        "wpad",
        "fleetwright",
    ] {
        assert!(
            refused(name, Role::Merchant).is_some_and(|it| it.contains("operator")),
            "{name}"
        );
        assert_eq!(refused(name, Role::Operator), None, "{name}");
    }
    for name in ["shop", "www2", "a", "ab-c", "apiary", "kustomization"] {
        assert_eq!(refused(name, Role::Merchant), None, "{name}");
    }
    for name in ["xn--pypal-4ve", "ab--c"] {
        assert!(refused(name, Role::Admin).is_some(), "{name}");
    }
}

/// A label as RFC 1123 §2.1 has it.
fn is_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.chars().all(|c| plain(c) || c == '-')
        && text.starts_with(plain)
        && text.ends_with(plain)
}

proptest! {
    #[test]
    fn names_are_labels_and_all_short_labels_are_names(text in "[a-z0-9A-Z_. -]{0,45}|[a-z0-9-]{1,41}|\\PC{0,8}") {
        let name = text.parse::<StoreName>();
        prop_assert_eq!(name.is_ok(), is_label(&text) && text.len() <= 40);
    }

    #[test]
    fn hosts_are_labels_with_a_name_at_their_end(labels in prop::collection::vec("[a-z0-9]{1,4}|[a-z0-9-]{1,8}|[A-Z*_ ]|", 1..6)) {
        let text = labels.join(".");
        let last = labels.last().expect("at least one");
        let hex = last.strip_prefix("0x").is_some_and(|it| it.chars().all(|c| c.is_ascii_hexdigit()));
        let named = !hex && !last.chars().all(|c| c.is_ascii_digit());
        let good = labels.len() > 1 && labels.iter().all(|it| is_label(it)) && named;
        prop_assert_eq!(text.parse::<Host>().is_ok(), good, "{}", text);
    }

    #[test]
    fn no_address_is_a_host(v4 in any::<[u8; 4]>(), v6 in any::<[u16; 8]>()) {
        let v6 = v6.map(|it| format!("{it:x}")).join(":");
        for address in [v4.map(|it| it.to_string()).join("."), format!("[{v6}]"), v6] {
            prop_assert!(address.parse::<Host>().is_err(), "{}", address);
        }
    }

    #[test]
    fn nobody_gets_anything_around_a_base_domain_but_their_own(
        labels in prop::collection::vec("[a-z0-9]{1,5}", 0..3),
        cut in 0_usize..3,
        merchant in any::<bool>(),
    ) {
        // Every name below, at or above a base domain.
        let base: Vec<&str> = "shops.example.com".split('.').skip(cut).collect();
        let all: Vec<&str> = labels.iter().filter(|_| cut == 0).map(String::as_str).chain(base).collect();
        if let Ok(host) = all.join(".").parse::<Host>() {
            let role = if merchant { Role::Merchant } else { Role::Admin };
            let found = said(role, None, &spec(host.as_str(), &[]), &[host.as_str()], &Book::default());
            prop_assert_eq!(found.len(), 1, "{}", host);
        }
    }
}
