//! What has gone wrong with this layout on real Flux before, and must not again.

use serde_json::json;

use crate::support::eventually;
use crate::world::{SOON, World};

const FOREIGN: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: store-gateway, labels: {team: network}}\n\
    ---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: precious, namespace: store-gateway}\n";

#[test]
fn the_traps_stay_closed() {
    let world = World::begin();
    let (api, ann) = (world.api(), world.ann());
    let create =
        |name: &str| api.create(&json!({"name": name, "engine": "woocommerce", "owner": "alice"}));

    // names that kustomize, shards or YAML could take for something else; and a namespace that is somebody else's
    world
        .bed
        .kubectl_apply(FOREIGN)
        .expect("the administrator may do this");
    for name in ["kustomization", "shard", "3shop", "root", "1e3", "last"] {
        create(name);
    }
    create("gateway");
    for name in ["kustomization", "shard", "3shop", "root", "1e3", "last"] {
        api.store_in(name, "Ready", SOON);
    }
    let gateway = api.store_in("gateway", "Failed", SOON);
    assert!(
        gateway["message"]
            .as_str()
            .unwrap()
            .contains("store-gateway"),
        "{gateway}"
    );

    // a stray folder under shards/ reaches nobody
    ann.pushes("main", "A folder of mine", &|clone| {
        std::fs::create_dir_all(clone.join("clusters/local/shards/Not a label!/sync")).unwrap();
        std::fs::write(
            clone.join("clusters/local/shards/Not a label!/sync/x.yaml"),
            "no: yaml: at: all\n",
        )
        .unwrap();
    });

    // deleting the store whose namespace is foreign destroys nothing of theirs
    let removed = api.remove("gateway");
    api.change_in(&removed, "ready", SOON * 2);
    assert!(
        world.has("configmap", "store-gateway", "precious"),
        "what no accepted delete named is there"
    );

    // the last store of a shard goes, and is really gone
    let removed = api.remove("last");
    api.change_in(&removed, "ready", SOON);
    assert!(!world.has("namespace", "", "store-last"));
    let shard = world
        .object(
            "kustomization",
            "fleet",
            &format!("shard-{}", shard_of("last")),
        )
        .expect("a shard is never removed");
    let ready = shard["status"]["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .any(|it| it["type"] == "Ready" && it["status"] == "True");
    assert!(ready, "{shard}");

    // every other store still follows the next commit
    for name in ["kustomization", "shard", "3shop", "root", "1e3"] {
        let (status, body) = api.patch(
            &format!("/api/v1/stores/{name}"),
            &json!({"plan": "medium"}),
        );
        assert_eq!(status, 202, "{body}");
        api.change_in(body["id"].as_str().unwrap(), "ready", SOON);
    }

    // many deletes at once wait for one another, two at a time, and all end
    let removed = ["kustomization", "shard", "3shop", "root"].map(|name| api.remove(name));
    eventually("two of them wait for the others", SOON, || {
        let told: Vec<String> = removed
            .iter()
            .map(|id| api.get(&format!("/api/v1/changes/{id}")).1["waitingFor"].to_string())
            .collect();
        let waiting = told
            .iter()
            .filter(|it| it.contains("other deletions: 2 are under way"));
        if waiting.count() == 2 {
            Ok(())
        } else {
            Err(told.join("; "))
        }
    });
    for change in &removed {
        api.change_in(change, "ready", SOON * 2);
    }
    assert_eq!(api.store("1e3")["phase"], "Ready");
    world.audit();
}

fn shard_of(name: &str) -> String {
    fleetwright::domain::record::shard(&name.parse().unwrap())
}
