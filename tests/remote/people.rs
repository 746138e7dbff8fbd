//! What people commit to main reaches the published branches by its kind: records are judged one by one, what is rendered
//! is put right, policy and charts wait.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::git::{Person, git};
use crate::world::{SOON, World, record};

fn ann(world: &World) -> Person<'_> {
    Person::clones(&world.git.url, world.dir.path())
}

/// A file of published main.
fn on_main(world: &World, path: &str) -> Option<String> {
    let spec = format!("main:{path}");
    let (found, text) = crate::support::git::try_git(&world.remote, &["show", &spec]);
    found.then_some(text)
}

fn path_of(store: &str) -> String {
    record(Path::new(""), store).display().to_string()
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    let new = text.replace(from, to);
    assert_ne!(new, text);
    std::fs::write(path, new).unwrap();
}

/// The reason that is listed for a path in `/api/v1/foreign`.
fn listed(world: &World, path: &str) -> String {
    eventually(&format!("{path} is listed"), SOON, || {
        let (_, foreign) = world.api().try_get("/api/v1/foreign")?;
        let items = foreign["items"].as_array().cloned().unwrap_or_default();
        let item = items.into_iter().find(|it| it["path"] == path);
        item.map(|it| it["why"].as_str().unwrap().to_owned())
            .ok_or_else(|| foreign.to_string())
    })
}

fn store_is(world: &World, store: &str, what: &dyn Fn(&Value) -> bool) {
    eventually(&format!("{store} is as its record says"), SOON, || {
        let (status, body) = world.api().try_get(&format!("/api/v1/stores/{store}"))?;
        if status == 200 && what(&body) {
            Ok(())
        } else {
            Err(format!("{status} {body}"))
        }
    });
}

#[test]
fn records_are_judged_one_by_one_and_name_the_commit_that_they_come_from() {
    let world = World::begin();
    for store in ["edited", "removed", "broken"] {
        world.made(store);
    }
    let deployed = git(&world.remote, &["rev-parse", "deploy/local"]);
    let ann = ann(&world);
    let theirs = ann.pushes("main", "Edit, add, remove and break", &|clone| {
        edit(&record(clone, "edited"), "plan: small", "plan: medium");
        std::fs::remove_file(record(clone, "removed")).unwrap();
        edit(&record(clone, "broken"), "spec:\n", "spec:\n  plan: [\n");
        let added = record(clone, "added");
        std::fs::create_dir_all(added.parent().unwrap()).unwrap();
        let text = "apiVersion: fleetwright.dev/v1\nkind: Store\nmetadata: {name: added}\nspec: {engine: woocommerce, \
                    plan: small, owner: ann, cluster: local, host: added.localtest.me, version: \"1.0.0\"}\n";
        std::fs::write(added, text).unwrap();
    });
    store_is(&world, "edited", &|it| {
        it["record"]["spec"]["plan"] == "medium"
    });
    store_is(&world, "added", &|it| {
        it["record"]["spec"]["owner"] == "ann"
    });
    eventually("the removed one is gone", SOON, || {
        match on_main(&world, &path_of("removed")) {
            None if world.api().get("/api/v1/stores/removed").1["phase"] == "Deleted" => Ok(()),
            there => Err(format!("{there:?}")),
        }
    });
    // the broken one is named with file and line, and keeps what is in force
    let why = listed(&world, &path_of("broken"));
    assert!(
        why.contains(&path_of("broken")) && why.contains("line"),
        "{why}"
    );
    store_is(&world, "broken", &|it| it["phase"] == "Committed");
    let folder = |commit: &str| {
        let files = git(
            &world.remote,
            &["ls-tree", "-r", commit, "clusters/local/shards"],
        );
        let of_store = files
            .lines()
            .filter(|it| it.contains("/broken/") || it.contains("store-broken"));
        of_store.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(!folder("deploy/local").is_empty());
    assert_eq!(folder("deploy/local"), folder(&deployed));
    // our commits name theirs
    let grep = format!("--grep=^Fleetwright-Adopts: {theirs}$");
    let adopted = git(&world.remote, &["log", "--format=%H", &grep, "main"]);
    assert_eq!(adopted.lines().count(), 3, "edited, added and removed");
    world.audit();
}

#[test]
fn what_is_rendered_is_put_right_and_what_governs_waits() {
    let world = World::begin();
    world.made("shop");
    let deployed = git(&world.remote, &["rev-parse", "deploy/local"]);
    let good = git(&world.remote, &["rev-parse", "main:clusters"]);
    let files = git(
        &world.remote,
        &["ls-tree", "-r", "--name-only", "main", "clusters/local"],
    );
    let named = |end: &str| {
        files
            .lines()
            .find(|it| it.ends_with(end))
            .unwrap()
            .to_owned()
    };
    let (release, tenant) = (named("shop/release.yaml"), named("shop/tenant.yaml"));
    let evil = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: evil}\n";
    let ann = ann(&world);
    ann.pushes("main", "Touch what is rendered", &|clone| {
        edit(&clone.join(&release), "HelmRelease", "HelmRelease # mine");
        std::fs::remove_file(clone.join(&tenant)).unwrap();
        std::fs::write(clone.join("clusters/local/root/evil.yaml"), evil).unwrap();
    });
    eventually("main is put right", SOON, || {
        let now = git(&world.remote, &["rev-parse", "main:clusters"]);
        if now == good { Ok(()) } else { Err(now) }
    });
    let said = git(&world.remote, &["log", "-1", "--format=%B", "main"]);
    for path in [release.as_str(), &tenant, "clusters/local/root/evil.yaml"] {
        assert!(said.contains(path), "the commit names {path}: {said}");
    }
    assert_eq!(
        git(&world.remote, &["rev-parse", "deploy/local"]),
        deployed,
        "no cluster saw any of it"
    );

    let charts = git(&world.remote, &["rev-parse", "deploy/local:charts"]);
    ann.pushes("main", "Touch policy and chart", &|clone| {
        edit(&clone.join("fleetwright.yaml"), "price: 3", "price: 5");
        let chart = clone.join("charts/woocommerce/1.0.0/templates");
        std::fs::write(chart.join("evil.yaml"), evil).unwrap();
    });
    for path in ["fleetwright.yaml", "charts"] {
        let why = listed(&world, path);
        assert!(why.contains("/api/v1/vouch"), "{why}");
    }
    world.made("next");
    let now = git(&world.remote, &["rev-parse", "deploy/local:charts"]);
    assert_eq!(now, charts, "the chart in force goes on");
    world.audit();
}

#[test]
fn a_policy_that_puts_shops_beside_the_dashboard_is_not_taken() {
    let auth = json!({"publicUrl": "https://fleet.example.com"});
    let world = World::with(&json!({"auth": auth}));
    ann(&world).pushes("main", "Move the shops", &|clone| {
        edit(
            &clone.join("fleetwright.yaml"),
            "baseDomain: localtest.me",
            "baseDomain: example.com",
        );
    });
    let commit = git(&world.remote, &["rev-parse", "main"]);
    listed(&world, "fleetwright.yaml");
    let vouch = json!({"commit": commit});
    let (status, body) = world.api().post("/api/v1/vouch", &vouch);
    assert_eq!(status, 409, "{body}");
    let why = body["detail"].as_str().unwrap();
    assert!(why.contains("domain of its own"), "{why}");
}
