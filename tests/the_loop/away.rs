//! What is accepted waits for what is away, and says so: the remote, the cluster.

use serde_json::json;

use crate::git_server::Fault;
use crate::launcher::Component;
use crate::support::eventually;
use crate::world::{SOON, World};

#[test]
fn accepted_requests_wait_for_a_remote_and_a_cluster_that_are_away() {
    let mut world = World::begin();
    let api = world.api();
    let shop = |name: &str| json!({"name": name, "engine": "woocommerce", "owner": "alice"});

    // the remote answers no more, and the server is even started again meanwhile
    for (name, fault) in [("one", Fault::Status(503)), ("two", Fault::BreaksAfterPush)] {
        world.git.set_fault(fault);
        let change = api.create(&shop(name));
        eventually("the trouble is told", SOON, || {
            let (_, health) = api.get("/api/health");
            let told =
                health["checks"]["git"]["message"].is_string() && health["status"] == "degraded";
            if told {
                Ok(())
            } else {
                Err(health.to_string())
            }
        });
        world.git.set_fault(Fault::None);
        api.change_in(&change, "ready", SOON);
        assert_eq!(world.commits_of(&change), 1);
    }
    world.git.set_fault(Fault::Status(503));
    let change = api.create(&shop("three"));
    world.server.kill_and_restart();
    let api = world.api();
    let (_, waiting) = api.get(&format!("/api/v1/changes/{change}"));
    assert!(waiting["waitingFor"].is_string(), "{waiting}");
    world.git.set_fault(Fault::None);
    api.change_in(&change, "ready", SOON);

    // the API server is away: never green, nothing refused, and everything there when it is back
    world.bed.stop(Component::ApiServer);
    let change = api.create(&shop("four"));
    let unknown = api.store_in("one", "Unknown", SOON);
    assert!(
        unknown["nextStep"].as_str().unwrap().contains("API server"),
        "{unknown}"
    );
    api.change_in(&change, "merged", SOON);
    world
        .bed
        .restart(Component::ApiServer)
        .expect("it starts again");
    api.change_in(&change, "ready", SOON);
    api.store_in("one", "Ready", SOON);
    world.audit();
}
