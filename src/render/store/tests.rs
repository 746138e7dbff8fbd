//! What a store's rendering costs, counted in detours, and what it must not keep from another one.

use serde_json::json;

use super::*;

fn policy() -> FleetPolicy {
    yaml::read(include_str!("../../../fleet/fleetwright.yaml")).unwrap()
}

fn record(name: &str) -> Record {
    let record = json!({
        "apiVersion": "fleetwright.dev/v1",
        "kind": "Store",
        "metadata": { "name": name, "uid": "01ARZ3NDEKTSV4RRFFQ69G5FAV" },
        "spec": {
            "engine": "woocommerce", "plan": "small", "owner": "ann@example.com", "cluster": "production",
            "host": format!("{name}.shops.example.com"), "extraHosts": ["shop.example.com"], "version": "1.0.0",
            "values": { "title": "K\u{e4}se & Brot: der \"Laden\"", "currency": "EUR" },
            "volumes": { "persistence.files.size": "5Gi" },
            "retry": { "token": "2026-01-01T00:00:00Z", "mode": "force" },
        },
    });
    serde_json::from_value(record).unwrap()
}

/// Whether a text is read without the careful path's help.
fn is_read_fast(text: &str) -> bool {
    let nodes = yaml::read_nodes(text).unwrap();
    yaml::same(text, &nodes)
}

#[test]
fn a_usual_store_is_rendered_and_read_without_a_detour() {
    let (templates, policy) = (Templates::embedded().unwrap(), policy());
    let record = record("anns-shop");
    let context = Context::new(&record, &Parts::find(&policy, &record).unwrap());
    for (path, template, text) in printed(&templates, &record, &context).unwrap() {
        assert!(is_read_fast(&text), "{template}");
        let body = Body::new(&path, context.objects(template, &text).unwrap()).unwrap();
        assert!(yaml::same(&body.blank, &body.objects), "{template}");
    }
    let files = render_store(&templates, &policy, &record).unwrap();
    for (path, bytes) in files
        .own
        .iter()
        .chain(&files.shared)
        .chain([(&files.record.0, &files.record.1)])
    {
        assert!(is_read_fast(std::str::from_utf8(bytes).unwrap()), "{path}");
    }
}

#[test]
fn the_spec_hash_is_that_of_the_bodies_with_it_blank() {
    let (templates, policy) = (Templates::embedded().unwrap(), policy());
    let files = render_store(&templates, &policy, &record("anns-shop")).unwrap();
    let mut hash = Sha256::new();
    for (path, bytes) in &files.own {
        let text = std::str::from_utf8(bytes).unwrap();
        let (_, body) = text.split_once('\n').unwrap();
        assert!(body.contains(&files.spec_hash), "{path}");
        hash.update(format!(
            "{path}\n{}",
            body.replace(&files.spec_hash, "\"\"")
        ));
    }
    assert_eq!(hex(&hash.finalize()), files.spec_hash);
}

#[test]
fn shared_files_follow_the_policy_of_their_cluster() {
    let (templates, old) = (Templates::embedded().unwrap(), policy());
    let mut new = old.clone();
    new.clusters[1].flux.interval = "7h".to_owned();
    let record = record("anns-shop");
    let shared = |policy| render_store(&templates, policy, &record).unwrap().shared;

    let before = shared(&old);
    let after = shared(&new);

    assert_ne!(before, after);
    assert!(before.keys().eq(after.keys()));
    assert_eq!(shared(&old), before, "and back again");
    let fresh = render_store(&Templates::embedded().unwrap(), &new, &record).unwrap();
    assert_eq!(fresh.shared, after);
}
