//! Creates wait for provisioning slots, and hold up nothing but their own store.

use serde_json::json;

use crate::support::eventually;
use crate::support::git::Person;
use crate::world::{SOON, World};

#[test]
fn creates_take_turns_where_a_cluster_has_few_slots() {
    // Nothing is watched here, so a slot is free when its create is published; and nothing is published at first.
    let world = World::with(&json!({"push": {"pace": "5s"}}));
    world.made("shop");
    let ann = Person::clones(&world.git.url, world.dir.path());
    let before = world.api().get("/api/health");
    ann.pushes("main", "Two at once", &|clone| {
        let path = clone.join("fleetwright.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        let few = text.replace("provisionsAtOnce: 100000\n", "provisionsAtOnce: 2\n");
        assert_ne!(few, text);
        std::fs::write(path, few).unwrap();
    });
    let commit = crate::support::git::git(&world.remote, &["rev-parse", "main"]);
    eventually("the new policy is vouched for", SOON, || {
        let vouched = world
            .api()
            .post("/api/v1/vouch", &json!({"commit": commit.trim()}));
        if vouched.0 < 300 {
            Ok(())
        } else {
            Err(format!("{vouched:?} {before:?}"))
        }
    });
    let asked: Vec<String> = ["one", "two", "three", "four"]
        .iter()
        .map(|name| world.ask(name))
        .collect();
    let api = world.api();
    let (status, later) = api.patch("/api/v1/stores/four", &json!({"plan": "medium"}));
    assert_eq!(status, 202, "{later}");
    let (status, beside) = api.patch("/api/v1/stores/shop", &json!({"plan": "medium"}));
    assert_eq!(status, 202, "{beside}");
    eventually("the last one says what it waits for", SOON, || {
        let (_, change) = api.get(&format!("/api/v1/changes/{}", asked[3]));
        let waits = change["waitingFor"].as_str().unwrap_or("");
        if waits.starts_with("a provisioning slot: 2 new stores") && change["deadline"].is_string()
        {
            Ok(())
        } else {
            Err(change.to_string())
        }
    });
    // What has nothing to do with it goes on.
    api.change_in(beside["id"].as_str().unwrap(), "merged", SOON);
    for id in &asked {
        let made = api.change_in(id, "merged", SOON);
        assert_eq!(
            made["waitingFor"].as_str().map(|it| it.contains("slot")),
            Some(false)
        );
    }
    let later = later["id"].as_str().unwrap();
    api.change_in(later, "merged", SOON);
    assert!(later > asked[3].as_str(), "in order");
}
