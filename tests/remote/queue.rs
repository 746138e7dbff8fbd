//! A full queue says so and when to come again, and no owner can fill it alone.

use serde_json::json;

use crate::git_server::Fault;
use crate::world::{SOON, World, shop};

#[test]
fn a_full_queue_refuses_with_a_time_to_come_again_and_keeps_room_for_others() {
    let world = World::with(&json!({"queue": 20}));
    world.made("first");
    world.git.set_fault(Fault::Status(503));
    let api = world.api();
    let mut accepted: Vec<String> = (0..10)
        .map(|n| api.create(&shop(&format!("a{n}"), "alice")))
        .collect();
    let refused = |owner: &str, name: &str, words: &str| {
        let (status, retry, body) = api.post_raw("/api/v1/stores", &shop(name, owner));
        assert_eq!(status, 503, "{body}");
        assert!(
            retry.is_some_and(|it| it.parse::<u32>().is_ok()),
            "Retry-After"
        );
        assert!(body.contains(words), "{body}");
    };
    refused(
        "alice",
        "a10",
        "10 requests for stores of owner alice are queued",
    );
    // a change of a store of hers is hers too, whoever asks
    let (status, body) = api.patch("/api/v1/stores/first", &json!({"plan": "medium"}));
    assert_eq!(status, 503, "{body}");
    accepted.extend((0..10).map(|n| api.create(&shop(&format!("b{n}"), "bob"))));
    refused("carol", "c", "20 requests are queued");
    world.git.set_fault(Fault::None);
    for change in &accepted {
        api.change_in(change, "merged", SOON);
    }
    accepted.push(world.ask("a10"));
    api.change_in(&accepted[20], "merged", SOON);
    world.once(&accepted);
    world.audit();
}
