//! A full queue says so and when to come again; no owner can fill it alone, or keep the others waiting.

use serde_json::{Value, json};

use crate::git_server::Fault;
use crate::world::{SOON, World, shop};

/// As many as one owner's stores may have in the queue.
const MANY: usize = 10_000;

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

#[test]
fn one_owner_s_many_requests_delay_another_s_by_one_group_at_most() {
    let world = World::in_memory();
    std::thread::scope(|scope| {
        for client in 0..8 {
            let api = world.api();
            scope.spawn(move || {
                for n in 0..MANY / 8 {
                    let body = shop(&format!("a{client}-{n}"), "alice");
                    let (status, body) = api.post("/api/v1/stores", &body);
                    assert_eq!(status, 202, "{body}");
                }
            });
        }
    });
    let api = world.api();
    let zoes = api.create(&shop("z", "zoe"));
    let asked = jiff::Timestamp::now();
    let written = api.change_in(&zoes, "written", SOON);
    let (_, health) = api.get("/api/health");
    let open = health["checks"]["git"]["queued"].as_u64().unwrap();
    assert!(
        open > 1000,
        "only {open} of the others were left to wait for"
    );
    let steps = written["timeline"].as_array().unwrap();
    let step = steps.iter().find(|it| it["state"] == "written").unwrap();
    let time = |text: &Value| -> jiff::Timestamp { text.as_str().unwrap().parse().unwrap() };
    let done = time(&step["at"]);
    // the one that was being written when she asked, and hers
    let said = world.server.said();
    let landed: Vec<Value> = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["message"] == "a group landed")
        .collect();
    let between = |line: &&Value| (asked..=done).contains(&time(&line["timestamp"]));
    let groups = landed.iter().filter(between).count();
    println!("{open} were open; {groups} groups landed until hers was written");
    assert!(
        groups <= 2,
        "{groups} groups landed before hers was written"
    );
}
