//! What goes wrong around the reader: its cluster, its clock, its own process, and what else lies in the cluster.

use std::time::{Duration, Instant};

use fleetwright::domain::observed::STALE_AFTER_SECONDS;
use serde_json::{Value, json};

use crate::crowd;
use crate::hands::{
    home, kubectl, preloaded, ready_store, reconcile, shop, told, update, with_image,
};
use crate::launcher::Component;
use crate::onlooker::{Onlooker, Shown, is_unread, nothing_but};
use crate::support::api::Api;
use crate::support::eventually;
use crate::world::{SOON, World};

/// Objects of other people; all together they weigh the same, whatever their number.
const UNRELATED: &str = "FLEETWRIGHT_UNRELATED";
const UNRELATED_BYTES: usize = 40 << 20;
const MEMORY_MAY_GROW: u64 = 20 << 20;
/// One object of a megabyte is read several times over on its way.
const ONE_MAY_COST: u64 = 64 << 20;

#[test]
fn faults_around_the_reader_show_no_false_phase() {
    let mut world = World::begin();
    let names = ["one", "two", "three", "four"];
    for name in names {
        world.api().create(&shop(name));
    }
    for name in names {
        world.api().store_in(name, "Ready", SOON);
    }
    unrelated_objects(&mut world);
    huge_status(&world);
    unknown_words(&world);
    restarted_api_server(&world);
    frozen_etcd(&world);
    killed_at_any_moment(&mut world, &names);
    for seconds in [600, -600] {
        clock_off_by(&mut world, seconds);
    }
    killed_while_unwell(&mut world);
    world.audit();
}

/// Tens of thousands of objects that are none of ours cost neither memory nor time. The variable takes another number.
fn unrelated_objects(world: &mut World) {
    let number: usize = std::env::var(UNRELATED).map_or(50_000, |it| it.parse().unwrap());
    let (before, first) = (world.server.resident_bytes(), seen_after(world, "one"));
    kubectl(world, &["create", "namespace", crowd::NAMESPACE]);
    let began = Instant::now();
    crowd::gathers(world.bed.kubeconfig(), number, UNRELATED_BYTES / number);
    let gathered = began.elapsed();
    let (after, second) = (world.server.resident_bytes(), seen_after(world, "one"));
    let began = Instant::now();
    world.server.kill_and_restart();
    world.api().store_in("one", "Ready", SOON);
    let listed = began.elapsed();
    println!(
        "{number} unrelated objects, there in {gathered:?}: memory {} -> {} KiB, a change seen after {first:?} -> {second:?}, read afresh in {listed:?}",
        before >> 10,
        after >> 10
    );
    assert!(after < before + MEMORY_MAY_GROW, "{before} -> {after}");
    let afresh = world.server.resident_bytes();
    assert!(afresh < before + MEMORY_MAY_GROW, "{before} -> {afresh}");
}

/// From a status that is written until it is shown; then all is as before.
fn seen_after(world: &World, name: &str) -> Duration {
    let good = set_conditions(world, name, &[condition("Ready", "False", "Probe", "seen")]);
    let began = Instant::now();
    told(&world.api(), name, "Degraded", "Probe", "seen");
    let took = began.elapsed();
    write_status(world, &good);
    world.api().store_in(name, "Ready", SOON);
    took
}

/// A status as large as etcd takes, most of it conditions that nobody knows.
fn huge_status(world: &World) {
    let (api, before) = (world.api(), world.server.resident_bytes());
    let words = "w".repeat(30_000);
    let kinds = (0..33).map(|n| condition(&format!("Kind{n}"), "True", "Long", &words));
    set_conditions(world, "two", &kinds.collect::<Vec<_>>());
    let change = update(
        &api,
        "two",
        &json!({"values": {"title": "Beside a megabyte"}}),
    );
    api.change_in(&change, "ready", SOON);
    let (_, shop) = (
        api.store_in("two", "Ready", SOON),
        api.store("two").to_string(),
    );
    assert!(shop.len() < 8_000, "{} bytes", shop.len());
    let after = world.server.resident_bytes();
    println!(
        "a status of a megabyte: memory {} -> {} KiB",
        before >> 10,
        after >> 10
    );
    assert!(after < before + ONE_MAY_COST, "{before} -> {after}");
    let mut now = world.object("helmrelease", "fleet", "two").unwrap();
    let conditions = now["status"]["conditions"].as_array_mut().unwrap();
    conditions.retain(|it| it["reason"] != "Long");
    write_status(world, &now);
    api.store_in("two", "Ready", SOON);
}

/// Conditions and reasons of a Flux to come.
fn unknown_words(world: &World) {
    let api = world.api();
    let mood = condition("Mood", "Unknown", "Cheerful", "who knows");
    let good = set_conditions(world, "three", &[mood]);
    let onlooker = Onlooker::begins(api.clone());
    let ready = condition("Ready", "False", "Grumpy", "words that nobody knows");
    set_conditions(world, "three", &[ready]);
    told(
        &api,
        "three",
        "Degraded",
        "Grumpy",
        "words that nobody knows",
    );
    write_status(world, &good);
    reconcile(world, "helmrelease", "three");
    api.store_in("three", "Ready", SOON);
    only(&onlooker.saw(), &["Ready", "Degraded", "Applying"]);
}

/// As an upgrade of a control plane with one API server: nobody shall notice, unless it takes so long that what is
/// seen is out of date.
fn restarted_api_server(world: &World) {
    let api = world.api();
    let onlooker = Onlooker::begins(api.clone());
    let began = Instant::now();
    world.bed.restart(Component::ApiServer).unwrap();
    let patience = Duration::from_secs(STALE_AFTER_SECONDS.unsigned_abs());
    let long = began.elapsed() + Duration::from_secs(2) > patience;
    let change = update(
        &api,
        "four",
        &json!({"values": {"title": "After the restart"}}),
    );
    api.change_in(&change, "ready", SOON);
    let mut fine = vec!["Ready", "Committed", "Applying"];
    fine.extend(long.then_some("Unknown"));
    only(&onlooker.saw(), &fine);
}

/// The API server answers, and its watches are open, but behind it nothing moves: what is seen is old.
fn frozen_etcd(world: &World) {
    let api = world.api();
    let onlooker = Onlooker::begins(api.clone());
    world.bed.freeze(Component::Etcd, true);
    let unknown = eventually("the stores are Unknown", SOON, || {
        let shop = api.store("one");
        if shop["phase"] == "Unknown" {
            Ok(shop)
        } else {
            Err(shop.to_string())
        }
    });
    world.bed.freeze(Component::Etcd, false);
    assert_ne!(unknown["nextStep"], "", "{unknown}");
    assert_eq!(unknown["lastKnown"]["phase"], "Ready", "{unknown}");
    api.store_in("one", "Ready", SOON);
    let change = update(
        &api,
        "one",
        &json!({"values": {"title": "After the pause"}}),
    );
    api.change_in(&change, "ready", SOON);
    only(
        &onlooker.saw(),
        &["Ready", "Unknown", "Committed", "Applying"],
    );
}

/// kill -9 while changes are under way: whatever the moment, the same phases come back and none is false.
fn killed_at_any_moment(world: &mut World, names: &[&str]) {
    let mut onlookers = Vec::new();
    let mut changes = Vec::new();
    for round in 0..8_u64 {
        let api = world.api();
        onlookers.push(Onlooker::begins(api.clone()));
        for name in names {
            let title = json!({"values": {"title": format!("Round {round}")}});
            changes.push(update(&api, name, &title));
        }
        // from the journal to the first lists after the restart
        std::thread::sleep(Duration::from_millis(round * round * 60));
        world.server.kill_and_restart();
    }
    let api = world.api();
    onlookers.push(Onlooker::begins(api.clone()));
    for name in names {
        let last = changes
            .iter()
            .rev()
            .find(|id| api.get(&format!("/api/v1/changes/{id}")).1["store"] == *name);
        api.change_in(last.unwrap(), "ready", SOON);
    }
    for shown in onlookers.into_iter().map(Onlooker::saw) {
        without_unread(&shown, &["Ready", "Committed", "Applying"]);
    }
    let told = |api: &Api| -> Vec<Value> {
        let parts = ["phase", "reason", "message", "revisions"];
        let shop = |name: &&str| api.store_in(name, "Ready", SOON);
        let part = |shop: Value| parts.map(|it| shop[it].clone()).into_iter().collect();
        names.iter().map(shop).map(part).collect()
    };
    let before = told(&api);
    world.server.kill_and_restart();
    assert_eq!(told(&world.api()), before);
}

/// kill -9 while stores are unwell for reasons that take their time to be told: they are told at once after it, and
/// none was ever told to be well in between.
fn killed_while_unwell(world: &mut World) {
    let unwell = [
        ("two", "Unhealthy", "NotReady"),
        ("three", "KustomizationMissing", ""),
        ("one", "UpgradeFailed", "Helm upgrade failed"),
    ];
    unready_pods(world, "two");
    let gone = ["delete", "kustomization", "store-three", "--namespace"];
    kubectl(world, &[&gone[..], &["fleet"]].concat());
    let all_told = |api: &Api, unwell: &[(&str, &str, &str)]| {
        for (name, reason, words) in unwell {
            told(api, name, "Degraded", reason, words);
        }
    };
    // this one last: Flux tries it again every few seconds, and its history keeps few releases
    all_told(&world.api(), &unwell[..2]);
    update(&world.api(), "one", &with_image("does-not-exist/shop"));
    all_told(&world.api(), &unwell);
    // what was found in the last seconds before a kill is not on the disk yet
    world.server.stop();
    world.server.restart();
    for round in 0..4_u64 {
        let api = world.api();
        let onlooker = Onlooker::begins(api.clone());
        all_told(&api, &unwell);
        // before and after what is written behind
        std::thread::sleep(Duration::from_millis(round * 700));
        let shown = onlooker.saw();
        for (name, reason, _) in unwell {
            nothing_but(&shown, name, "Degraded", reason);
        }
        world.server.kill_and_restart();
    }
    all_told(&world.api(), &unwell);
}

/// Has a store's pods be as if their readiness probe failed: they run and are not ready.
fn unready_pods(world: &World, name: &str) {
    let home = home(name);
    let list = ["get", "pods", "--output", "name", "--namespace", &home];
    let condition = condition("Ready", "False", "ContainersNotReady", "it does not answer");
    let patch = json!({"status": {"conditions": [condition]}}).to_string();
    for pod in kubectl(world, &list).lines() {
        let args = ["patch", pod, "--subresource=status", "--patch", &patch];
        kubectl(world, &[&args[..], &["--namespace", &home]].concat());
    }
}

/// The whole life of a store, told by a program whose clock is wrong. Its certificates, deadlines and ages are held
/// against the cluster's times.
fn clock_off_by(world: &mut World, seconds: i64) {
    let (dir, name) = (world.dir.path(), format!("skew{seconds}"));
    let define = format!("-DSKEW={seconds}");
    let library = preloaded(dir, &name, include_str!("skew.c"), &define);
    world
        .server
        .restart_with(vec![("LD_PRELOAD", library.into())]);
    let api = world.api();
    let (_, clock) = api.get("/api/v1/changes?limit=1");
    assert!(clock["items"].is_array(), "{clock}");
    api.store_in("one", "Ready", SOON);
    let onlooker = Onlooker::begins(api.clone());
    let name = if seconds > 0 { "early" } else { "late" };
    let shop = ready_store(world, name);
    let created: jiff::Timestamp = shop["createdAt"].as_str().unwrap().parse().unwrap();
    let off = created.as_second() - jiff::Timestamp::now().as_second();
    assert!((off - seconds).abs() < 120, "its clock is {off} s off");
    let removed = api.remove(name);
    api.change_in(&removed, "ready", SOON);
    let shown = onlooker.saw();
    let fine = [
        "Requested",
        "Committed",
        "Applying",
        "Provisioning",
        "Ready",
        "Deleting",
        "Deleted",
    ];
    only(&shown, &fine);
    let stuck = shown
        .values()
        .flatten()
        .any(|(_, reason)| reason == "NamespaceStuck");
    assert!(!stuck, "{shown:?}");
    world.server.restart_with(Vec::new());
}

fn only(shown: &Shown, phases: &[&str]) {
    let fine = shown
        .values()
        .flatten()
        .all(|(phase, _)| phases.contains(&phase.as_str()));
    assert!(fine, "{shown:?}");
}

/// The same, but for a server that says it has not read the cluster yet.
fn without_unread(shown: &Shown, phases: &[&str]) {
    let mut read = shown.clone();
    for seen in read.values_mut() {
        seen.retain(|it| !is_unread(it));
    }
    only(&read, phases);
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    let time = "2026-01-01T00:00:00Z";
    json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": time})
}

/// Writes conditions into a release's status, in place of those of the same type; answers the object as it was.
fn set_conditions(world: &World, name: &str, set: &[Value]) -> Value {
    let good = world.object("helmrelease", "fleet", name).unwrap();
    let mut changed = good.clone();
    let all = changed["status"]["conditions"].as_array_mut().unwrap();
    all.retain(|it| set.iter().all(|new| new["type"] != it["type"]));
    all.extend(set.iter().cloned());
    write_status(world, &changed);
    good
}

fn write_status(world: &World, object: &Value) {
    let mut object = object.clone();
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.remove("resourceVersion");
    let replace = ["replace", "--subresource=status", "--filename", "-"];
    world
        .bed
        .kubectl_with_input(&replace, &object.to_string())
        .unwrap();
}
