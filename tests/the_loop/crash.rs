//! kill -9 right after a 202: the request survives and becomes exactly one commit.

use serde_json::json;

use crate::world::{SOON, World};

#[test]
fn an_accepted_request_survives_kill_9() {
    let mut world = World::begin();
    let mut accepted = Vec::new();
    for round in 0..10 {
        let api = world.api();
        accepted.push(api.create(
            &json!({"name": format!("shop-{round}"), "engine": "woocommerce", "owner": "alice"}),
        ));
        // Rounds end at different moments: in the journal only, written, or while the push is under way.
        std::thread::sleep(std::time::Duration::from_millis(round * 15));
        world.server.kill_and_restart();
    }
    let api = world.api();
    for change in &accepted {
        api.change_in(change, "ready", SOON);
        assert_eq!(world.commits_of(change), 1);
    }
    world.audit();
}
