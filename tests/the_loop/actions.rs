//! A store's actions as its cluster shows them, and the slots that new stores wait for.

use serde_json::{Value, json};

use crate::support::eventually;
use crate::world::{SOON, World};

/// Asks for an action on `one` and waits until its goal is reached.
fn act(world: &World, action: &str, body: &Value) -> Value {
    let path = format!("/api/v1/stores/one/{action}");
    let (status, change) = world.api().post(&path, body);
    assert_eq!(status, 202, "{change}");
    let id = change["id"].as_str().unwrap();
    world.api().change_in(id, "ready", SOON)
}

#[test]
fn slots_are_free_when_stores_are_ready_and_actions_reach_their_goals() {
    let world = World::with_policy(&|text| {
        let one = text.replace(
            "storesPerOwner: 1000",
            "storesPerOwner: 1000, provisionsAtOnce: 1",
        );
        assert_ne!(one, text);
        one
    });
    let api = world.api();
    let create =
        |name: &str| api.create(&json!({"name": name, "engine": "woocommerce", "owner": "alice"}));
    let (one, two) = (create("one"), create("two"));
    eventually("the second waits for the first one's slot", SOON, || {
        let (_, waits) = api.get(&format!("/api/v1/changes/{two}"));
        let why = waits["waitingFor"].as_str().unwrap_or("");
        if waits["state"] == "queued" && why.starts_with("a provisioning slot") {
            Ok(())
        } else {
            Err(waits.to_string())
        }
    });
    let first = api.change_in(&one, "ready", SOON);
    let second = api.change_in(&two, "ready", SOON);
    let written = |change: &Value| {
        let steps = change["timeline"].as_array().unwrap().clone();
        let step = steps.into_iter().find(|it| it["state"] == "written");
        step.expect("it was written")["at"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let ready = first["updatedAt"].as_str().unwrap();
    assert!(ready < written(&second).as_str(), "{first} {second}");

    act(&world, "suspend", &json!({}));
    api.store_in("one", "Suspended", SOON);
    let release = world.object("helmrelease", "fleet", "one").unwrap();
    assert_eq!(release["spec"]["values"]["suspended"], true, "{release}");
    let (status, refused) = api.post("/api/v1/stores/one/suspend", &json!({}));
    assert_eq!(status, 409, "{refused}");
    assert!(
        refused["detail"].as_str().unwrap().contains("Suspended"),
        "{refused}"
    );
    act(&world, "resume", &json!({}));
    api.store_in("one", "Ready", SOON);

    let retried = act(&world, "retry", &json!({"mode": "force"}));
    let release = world.object("helmrelease", "fleet", "one").unwrap();
    let token = &release["metadata"]["annotations"]["reconcile.fluxcd.io/forceAt"];
    assert_eq!(*token, retried["id"], "{release}");

    let (status, changed) = api.patch("/api/v1/stores/one", &json!({"plan": "medium"}));
    assert_eq!(status, 202, "{changed}");
    api.change_in(changed["id"].as_str().unwrap(), "ready", SOON);
    act(&world, "rollback", &json!({"to": one}));
    let release = world.object("helmrelease", "fleet", "one").unwrap();
    assert_eq!(release["spec"]["values"]["workers"], 4, "{release}");

    // What the API says of the cluster: Flux has everything, and its controllers are well.
    eventually("the cluster is seen to have it all", SOON, || {
        let (_, clusters) = api.get("/api/v1/clusters");
        let local = &clusters["items"][0];
        let names: Vec<&str> = local["controllers"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["ready"] == true)
            .filter_map(|it| it["name"].as_str())
            .collect();
        let all = [
            "source-controller",
            "source-watcher",
            "kustomize-controller",
        ];
        if names == all && local["lag"] == 0.0 && local["lastSync"].is_string() {
            Ok(())
        } else {
            Err(local.to_string())
        }
    });
    world.audit();
}
