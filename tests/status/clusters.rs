//! Clusters that cannot be reached, and credentials that end or are replaced while the server runs.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::hands::{ready_store, shop, told, update};
use crate::launcher::{Options, Testbed};
use crate::support::eventually;
use crate::world::{SOON, World};

/// Long enough for the world to begin and a store to be Ready, with room.
const GOOD_FOR: Duration = Duration::from_secs(45);

#[test]
fn one_cluster_goes_on_while_another_is_away_and_credentials_can_be_replaced() {
    let world = World::with(Options::default(), &two_clusters, &kubeconfigs);
    let api = world.api();

    // away from the start: told for its stores, without effect on the others
    ready_store(&world, "here");
    let mut body = shop("there");
    body["cluster"] = json!("away");
    api.create(&body);
    let there = told(
        &api,
        "there",
        "Unknown",
        "ClusterUnreachable",
        "cannot be watched",
    );
    assert!(
        there["nextStep"].to_string().contains("API server"),
        "{there}"
    );
    assert_eq!(api.store("here")["phase"], "Ready");
    let (_, health) = api.get("/api/health");
    assert!(
        health["checks"]["clusters"].to_string().contains("away"),
        "{health}"
    );

    // the certificate ends while the server runs: told, and never green
    let ended = eventually("the ended credentials are told", SOON * 2, || {
        let shop = api.store("here");
        if shop["phase"] == "Unknown" {
            Ok(shop)
        } else {
            Err(shop.to_string())
        }
    });
    assert!(
        ended["message"].to_string().contains("Unauthorized"),
        "{ended}"
    );
    assert_ne!(ended["nextStep"], "", "{ended}");
    assert_eq!(ended["lastKnown"]["phase"], "Ready", "{ended}");

    // a kubeconfig that is put in its place is taken without a restart
    std::fs::copy(world.bed.kubeconfig(), kubeconfig(world.dir.path())).unwrap();
    api.store_in("here", "Ready", SOON);
    let change = update(
        &api,
        "here",
        &json!({"values": {"title": "With new credentials"}}),
    );
    api.change_in(&change, "ready", SOON);
}

fn two_clusters(text: &str) -> String {
    let start = text.find("  local:").unwrap();
    let end = text.find("engines:").unwrap();
    let away = text[start..end].replacen("local:", "away:", 1);
    let away = away.replace("baseDomain: localtest.me", "baseDomain: away.localtest.me");
    format!("{}{away}{}", &text[..end], &text[end..])
}

fn kubeconfigs(bed: &Testbed, dir: &Path) -> Value {
    let text = bed.short_lived_kubeconfig(GOOD_FOR).unwrap();
    std::fs::write(kubeconfig(dir), &text).unwrap();
    let mut away: Value = serde_json::from_str(&text).unwrap();
    // nobody listens there
    away["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1");
    std::fs::write(dir.join("away.kubeconfig"), away.to_string()).unwrap();
    json!([
        {"name": "local", "kubeconfig": kubeconfig(dir)},
        {"name": "away", "kubeconfig": dir.join("away.kubeconfig")},
    ])
}

fn kubeconfig(dir: &Path) -> std::path::PathBuf {
    dir.join("local.kubeconfig")
}
