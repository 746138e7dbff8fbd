//! Foreign commits on the branch that the cluster reads, which we cannot put right for a while.

use serde_json::json;

use crate::hands::{patch, shop, told, update};
use crate::source::Intruder;
use crate::support::eventually;
use crate::world::{SOON, World};

/// An unsigned commit on top of ours: the cluster refuses both.
pub(crate) fn unsigned_head(world: &World) {
    let api = world.api();
    fetches(world, false);
    let change = update(&api, "late", &json!({"values": {"title": "Not yet"}}));
    api.change_in(&change, "merged", SOON);
    // this time the cluster verifies as ever
    let source = world.object("gitrepository", "fleet", "fleet").unwrap();
    let verifies = json!({"verify": source["spec"]["verify"]});
    let person = Intruder::lets_in(world, &verifies);
    let file = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: evil, namespace: fleet}\n";
    Intruder::pushes(world, "clusters/local/root/evil.yaml", file);
    fetches(world, true);
    let refused = "refuses the head of the deploy branch";
    told(&api, "late", "Committed", "SourceFailed", refused);
    let source = world.object("gitrepository", "fleet", "fleet").unwrap();
    let conditions = source["status"]["conditions"].as_array().unwrap().clone();
    let signed = conditions.iter().find(|it| it["type"] == "SourceVerified");
    assert_eq!(signed.unwrap()["status"], "False", "{source}");
    eventually("the cluster's alarm tells it too", SOON, || {
        let (_, clusters) = api.get("/api/v1/clusters");
        let cluster = &clusters["items"][0];
        let mut alarms = cluster["alarms"].as_array().unwrap().iter();
        let alarmed = alarms.any(|it| it.as_str().unwrap().contains(refused));
        let found = alarmed && cluster["source"]["verified"] == false;
        found.then_some(()).ok_or_else(|| clusters.to_string())
    });
    assert!(!world.has("configmap", "fleet", "evil"));
    person.leaves(world);
    api.change_in(&change, "ready", SOON);
}

/// A file among the Kustomizations of a shard that is no YAML: no new store of the shard gets its own.
pub(crate) fn blocked_shard(world: &World) {
    let api = world.api();
    let shard = fleetwright::domain::record::shard(&"barred".parse().unwrap());
    fetches(world, false);
    let created = api.create(&shop("barred"));
    api.change_in(&created, "merged", SOON);
    let person = Intruder::lets_in(world, &json!({}));
    let path = format!("clusters/local/shards/{shard}/sync/mine.yaml");
    Intruder::pushes(world, &path, "kind: [no\n");
    fetches(world, true);
    told(&api, "barred", "Applying", "ShardBlocked", "mine.yaml");
    person.leaves(world);
    api.change_in(&created, "ready", SOON);
}

/// Stops and resumes the cluster's fetching, so that it never sees the commit between ours and theirs.
fn fetches(world: &World, on: bool) {
    let suspend = json!({"spec": {"suspend": !on}});
    patch(world, "gitrepository", "fleet", &suspend);
}
