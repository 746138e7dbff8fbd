//! The admission policies of the bootstrap, tried as each service account while stores come and go.

use serde_json::json;

use crate::admission::{Alpha, Cases};
use crate::world::{SOON, World};

#[test]
fn no_account_gets_out_of_its_fence() {
    let world = World::begin();
    let api = world.api();
    for name in ["alpha", "beta"] {
        api.create(&json!({"name": name, "engine": "woocommerce", "owner": "alice"}));
    }
    let alpha = api.store_in("alpha", "Ready", SOON);
    api.store_in("beta", "Ready", SOON);

    let kubectl = |arguments: &[&str], input: &str| {
        world
            .bed
            .kubectl_with_input(arguments, input)
            .map_err(|error| error.to_string())
    };
    let shard = fleetwright::domain::record::shard(&"alpha".parse().unwrap());
    let alpha = Alpha {
        uid: alpha["uid"].as_str().unwrap(),
        shard: &shard,
    };
    let wrong = Cases::load().run(&kubectl, &alpha);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // a live delete without the mark is refused to everybody
    let out = world
        .bed
        .kubectl(&["delete", "namespace", "store-alpha", "--wait=false"])
        .expect("kubectl runs");
    assert!(
        !out.status.success(),
        "a namespace without the mark was deleted"
    );

    // create, update and delete go on
    let gamma = api.create(&json!({"name": "gamma", "engine": "woocommerce", "owner": "alice"}));
    api.change_in(&gamma, "ready", SOON);
    let (_, updated) = api.patch("/api/v1/stores/alpha", &json!({"plan": "medium"}));
    api.change_in(updated["id"].as_str().unwrap(), "ready", SOON);
    let removed = api.remove("beta");
    api.change_in(&removed, "ready", SOON);
}
