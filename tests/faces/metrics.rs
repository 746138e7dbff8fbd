//! `/metrics`: well-formed text, labels that no caller chooses, and counters that move.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::wire::Dev;

/// One sample: name, labels, value.
type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// Reads text format 0.0.4 strictly: every sample belongs to a family that is declared once, before it.
fn parse(text: &str) -> Samples {
    let (mut families, mut samples) = (BTreeMap::new(), Samples::new());
    let mut family = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(
                rest.split_once(' ')
                    .is_some_and(|(_, help)| help.ends_with('.')),
                "{line}"
            );
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a kind");
            assert!(
                families.insert(name.to_owned(), kind.to_owned()).is_none(),
                "{name} comes twice"
            );
            name.clone_into(&mut family);
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a sample");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let plain = name == family;
        let part = families[&family] == "histogram"
            && ["_bucket", "_sum", "_count"]
                .iter()
                .any(|end| name.strip_suffix(end) == Some(family.as_str()));
        assert!(plain || part, "{line} stands below {family}");
        let mut parsed = BTreeMap::new();
        for label in labels
            .trim_end_matches('}')
            .split("\",")
            .filter(|it| !it.is_empty())
        {
            let (name, text) = label.split_once("=\"").expect("a label");
            parsed.insert(name.to_owned(), text.trim_end_matches('"').to_owned());
        }
        let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(
            samples.insert((name.to_owned(), parsed), value).is_none(),
            "{line} comes twice"
        );
    }
    samples
}

fn value(samples: &Samples, name: &str, labels: &[(&str, &str)]) -> f64 {
    let labels = labels
        .iter()
        .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
    let key = (name.to_owned(), labels.collect());
    samples.get(&key).copied().unwrap_or(0.0)
}

#[test]
fn a_store_moves_the_counters() {
    let dev = Dev::start();
    let text = || {
        let reply = dev.get("/metrics");
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4");
        reply.text
    };
    let before = parse(&text());
    dev.create("shop");
    dev.create("other");
    assert_eq!(
        dev.json("POST", "/api/v1/stores", &json!({"engine": "none"}))
            .status,
        422
    );
    let after = parse(&text());

    let moved = |name: &str, labels: &[(&str, &str)]| {
        value(&after, name, labels) - value(&before, name, labels)
    };
    let near = |name: &str, labels: &[(&str, &str)], count: f64| {
        let moved = moved(name, labels);
        assert!(
            (moved - count).abs() < 0.5,
            "{name} {labels:?} moved by {moved}"
        );
    };
    near(
        "fleetwright_requests_accepted_total",
        &[("action", "create")],
        2.0,
    );
    near(
        "fleetwright_requests_refused_total",
        &[("reason", "invalid")],
        1.0,
    );
    for state in ["queued", "written", "merged"] {
        near(
            "fleetwright_change_states_total",
            &[("action", "create"), ("state", state)],
            2.0,
        );
    }
    for step in ["committed", "merged"] {
        near(
            "fleetwright_change_step_duration_seconds_count",
            &[("step", step)],
            2.0,
        );
    }
    near(
        "fleetwright_stores",
        &[("cluster", "local"), ("phase", "Committed")],
        2.0,
    );
    near("fleetwright_queue_changes", &[("state", "queued")], 0.0);
    let queues = after
        .keys()
        .filter(|(name, _)| name == "fleetwright_queue_changes");
    assert_eq!(queues.count(), 4);
    near("fleetwright_group_changes_sum", &[], 2.0);
    let created = [
        ("method", "POST"),
        ("route", "/api/v1/stores"),
        ("status", "2xx"),
    ];
    near("fleetwright_http_requests_total", &created, 2.0);
    near(
        "fleetwright_http_request_duration_seconds_count",
        &[("route", "/api/v1/stores")],
        3.0,
    );
    assert!(moved("fleetwright_group_duration_seconds_count", &[]) >= 1.0);
    assert!(value(&after, "process_resident_memory_bytes", &[]) > 1e6);
    assert!(value(&after, "process_cpu_seconds_total", &[]) > 0.0);
    assert!(value(&after, "fleetwright_repository_packs", &[]) >= 1.0);
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert!(value(&after, "fleetwright_build_info", &version) > 0.5);
}

#[test]
fn no_caller_makes_a_label() {
    let dev = Dev::start();
    for number in 0..20 {
        dev.get(&format!("/api/v1/stores/shop-{number}"));
        dev.get(&format!("/nowhere/{number}?x={number}"));
        dev.send(&format!("METHOD{number}"), "/api/v1/stores", &[], "");
        dev.get(&format!("/api/v1/stores?cluster=c{number}&owner=o{number}"));
    }
    dev.anonymous("GET", "/metrics", &[], "")
        .assert_problem(401);
    let samples = parse(&dev.get("/metrics").text);
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, labels) in samples.keys() {
        for (name, value) in labels {
            values.entry(name).or_default().insert(value);
        }
    }
    let of = |name: &str| values.get(name).cloned().unwrap_or_default();
    assert_eq!(of("status"), BTreeSet::from(["2xx", "4xx"]));
    assert_eq!(of("method"), BTreeSet::from(["GET", "other"]));
    let routes = of("route");
    let known = [
        "/api/v1/stores",
        "/api/v1/stores/{name}",
        "/metrics",
        // The first test that asks reads the description there.
        "/openapi.json",
        "/readyz",
        "unmatched",
    ];
    assert!(routes.iter().all(|it| known.contains(it)), "{routes:?}");
    let names: BTreeSet<&str> = values.keys().copied().collect();
    let bounded = [
        "action", "api", "cluster", "le", "method", "outcome", "phase", "priority", "reason",
        "route", "state", "status", "version", "within",
    ];
    assert!(names.iter().all(|it| bounded.contains(it)), "{names:?}");
}
