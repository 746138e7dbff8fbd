//! What people commit reaches no cluster by itself: records are judged and rendered, everything else is put right.

use serde_json::json;

use crate::support::eventually;
use crate::support::git::git;
use crate::world::{SOON, World};

#[test]
fn a_record_edited_by_hand_is_rendered_and_applied() {
    let world = World::begin();
    let (api, ann) = (world.api(), world.ann());
    api.create(&json!({"name": "shop", "engine": "woocommerce", "owner": "alice"}));
    api.store_in("shop", "Ready", SOON);
    let record = world.files("main", "stores").remove(0);

    // edited: held to the policy, rendered, applied, and named in our commit
    let edit = ann.pushes("main", "A bigger plan for shop", &|clone| {
        let path = clone.join(&record);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("plan: small", "plan: medium")).unwrap();
    });
    eventually("the edit is applied", SOON, || {
        let shop = api.store("shop");
        let workers =
            world.object("helmrelease", "fleet", "shop").unwrap()["spec"]["values"]["workers"]
                .clone();
        if shop["record"]["spec"]["plan"] == "medium" && workers == 6 && shop["phase"] == "Ready" {
            Ok(())
        } else {
            Err(shop.to_string())
        }
    });
    let grep = format!("--grep=^Fleetwright-Adopts: {edit}$");
    assert_eq!(
        git(&world.remote, &["log", "--format=%H", &grep, "main"])
            .lines()
            .count(),
        1
    );

    // edited against the policy: without effect, and told
    ann.pushes("main", "A plan that is none", &|clone| {
        let path = clone.join(&record);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("plan: medium", "plan: gigantic")).unwrap();
    });
    let failed = eventually("the edit is refused", SOON, || {
        let (_, changes) = api.get("/api/v1/changes?state=failed");
        changes["items"]
            .get(0)
            .cloned()
            .ok_or_else(|| changes.to_string())
    });
    assert_eq!(failed["error"]["reason"], "PolicyViolation");
    assert!(
        failed["error"]["message"]
            .as_str()
            .unwrap()
            .contains("/spec/plan"),
        "{failed}"
    );
    assert_eq!(api.store("shop")["record"]["spec"]["plan"], "medium");

    // removed by hand: a request to delete, by the same two steps
    ann.pushes("main", "Remove shop", &|clone| {
        std::fs::remove_file(clone.join(&record)).unwrap();
    });
    api.store_in("shop", "Deleted", SOON);
    assert!(!world.has("namespace", "", "store-shop"));
    world.audit();
}

#[test]
fn rendered_files_touched_by_hand_change_nothing_and_are_put_right() {
    let world = World::begin();
    let (api, ann) = (world.api(), world.ann());
    api.create(&json!({"name": "shop", "engine": "woocommerce", "owner": "alice"}));
    let ready = api.store_in("shop", "Ready", SOON);
    let release = world
        .files("main", "clusters")
        .into_iter()
        .find(|it| it.ends_with("shop/release.yaml"))
        .unwrap();
    let folder = release.strip_suffix("/release.yaml").unwrap().to_owned();
    let before = git(&world.remote, &["rev-parse", "deploy/local"]);
    let good = git(&world.remote, &["rev-parse", "main:clusters"]);

    // files under root/, a shard's and a store's folder: added, edited and removed
    let evil = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: evil, namespace: fleet}\n";
    ann.pushes("main", "Touch what is rendered", &|clone| {
        let shard = folder.split("/stores/").next().unwrap();
        for path in [
            format!("{folder}/evil.yaml"),
            "clusters/local/root/evil.yaml".to_owned(),
            format!("{shard}/sync/evil.yaml"),
        ] {
            std::fs::write(clone.join(path), evil).unwrap();
        }
        let path = clone.join(&release);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("workers: 4", "workers: 9")).unwrap();
        std::fs::remove_file(clone.join(format!("{folder}/tenant.yaml"))).unwrap();
    });
    eventually("main is put right", SOON, || {
        let now = git(&world.remote, &["rev-parse", "main:clusters"]);
        if now == good { Ok(()) } else { Err(now) }
    });
    assert_eq!(
        git(&world.remote, &["rev-parse", "deploy/local"]),
        before,
        "nothing reached the cluster's branch"
    );
    assert!(!world.has("configmap", "fleet", "evil"));

    // policy and charts wait until an admin vouches
    ann.pushes("main", "Touch policy and chart", &|clone| {
        let policy = std::fs::read_to_string(clone.join("fleetwright.yaml")).unwrap();
        std::fs::write(
            clone.join("fleetwright.yaml"),
            policy.replace("price: 3", "price: 5"),
        )
        .unwrap();
        std::fs::write(
            clone.join("charts/woocommerce/1.0.0/templates/evil.yaml"),
            evil,
        )
        .unwrap();
    });
    let foreign = eventually("what waits is listed", SOON, || {
        let (_, foreign) = api.get("/api/v1/foreign");
        if foreign.to_string().contains("fleetwright.yaml") {
            Ok(foreign.to_string())
        } else {
            Err(foreign.to_string())
        }
    });
    assert!(foreign.contains("charts"), "{foreign}");
    let (status, updated) = api.patch(
        "/api/v1/stores/shop",
        &json!({"values": {"title": "still the old chart"}}),
    );
    assert_eq!(status, 202, "{updated}");
    api.change_in(updated["id"].as_str().unwrap(), "ready", SOON);
    assert!(
        world
            .files("deploy/local", "charts")
            .iter()
            .all(|it| !it.ends_with("evil.yaml"))
    );
    assert_eq!(api.store("shop")["uid"], ready["uid"]);
    world.audit();
}

#[test]
fn an_unsigned_deploy_commit_is_refused_by_flux_and_told() {
    let world = World::begin();
    let (api, ann) = (world.api(), world.ann());
    api.create(&json!({"name": "shop", "engine": "woocommerce", "owner": "alice"}));
    api.store_in("shop", "Ready", SOON);
    world.synced();

    let evil = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: evil, namespace: fleet}\n";
    ann.pushes("deploy/local", "Straight to the cluster", &|clone| {
        std::fs::write(clone.join("clusters/local/root/evil.yaml"), evil).unwrap();
    });
    eventually("the alarm is told", SOON, || {
        let (_, health) = api.get("/api/health");
        let told = health.to_string();
        if told.contains("deploy key did not sign") {
            Ok(())
        } else {
            Err(told)
        }
    });
    // a signed commit on top puts the branch right; the cluster follows it and has never run theirs
    eventually("the branch is put right", SOON, || {
        let files = world.files("deploy/local", "clusters/local/root");
        if files.iter().any(|it| it.ends_with("evil.yaml")) {
            Err(files.join(" "))
        } else {
            Ok(())
        }
    });
    world.synced();
    assert!(!world.has("configmap", "fleet", "evil"));
    assert_eq!(api.store("shop")["phase"], "Ready");
    let next = api.create(&json!({"name": "next", "engine": "woocommerce", "owner": "alice"}));
    api.change_in(&next, "ready", SOON);
}
