//! Two sides write the same store: what the requester named wins, the rest stays as the other side left it.

use serde_json::{Value, json};

use crate::git_server::Fault;
use crate::support::api::accepted;
use crate::support::git::git;
use crate::world::{SOON, World, record};

/// A person edits files on main while our commits for the same stores wait to be pushed.
fn meanwhile(world: &World, edit: &dyn Fn(&std::path::Path)) {
    // past the server, which is away for us
    let path = world.remote.to_str().unwrap().to_owned();
    let ann = crate::support::git::Person::clones(&path, world.dir.path());
    ann.pushes("main", "Edit by hand", edit);
    std::fs::remove_dir_all(&ann.clone).unwrap();
}

/// Changes a record in a clone by hand.
fn edit(clone: &std::path::Path, store: &str, from: &str, to: &str) {
    let path = record(clone, store);
    let text = std::fs::read_to_string(&path).unwrap();
    let new = text.replacen(from, to, 1);
    assert_ne!(new, text, "{text}");
    std::fs::write(path, new).unwrap();
}

fn on_main(world: &World, store: &str) -> Value {
    let path = record(std::path::Path::new(""), store);
    let text = git(
        &world.remote,
        &["show", &format!("main:{}", path.display())],
    );
    serde_yaml::from_str(&text).unwrap()
}

#[test]
fn a_lost_race_keeps_the_named_field_of_ours_and_the_rest_of_theirs() {
    let world = World::begin();
    for store in ["both", "same", "gone", "taken"] {
        if store != "taken" {
            world.made(store);
        }
    }
    let api = world.api();
    world.git.set_fault(Fault::Status(503));
    let change = |store: &str, patch: &Value| {
        let change = accepted(api.patch(&format!("/api/v1/stores/{store}"), patch));
        api.change_in(&change, "written", SOON);
        change
    };
    let both = change("both", &json!({"plan": "medium"}));
    let same = change("same", &json!({"values": {"title": "ours"}}));
    let gone = change("gone", &json!({"plan": "medium"}));
    let taken = world.ask("taken");
    api.change_in(&taken, "written", SOON);
    meanwhile(&world, &|clone| {
        let edit = |store: &str, from: &str, to: &str| edit(clone, store, from, to);
        let title = "  values:\n    title: theirs\n    currency: EUR\n";
        for store in ["both", "same"] {
            edit(store, "spec:\n", &format!("spec:\n{title}"));
        }
        std::fs::remove_file(record(clone, "gone")).unwrap();
        let path = record(clone, "taken");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "a file in the way\n").unwrap();
    });
    world.git.set_fault(Fault::None);

    api.change_in(&both, "merged", SOON);
    let record = on_main(&world, "both");
    assert_eq!(record["spec"]["plan"], "medium", "ours, as asked for");
    assert_eq!(
        record["spec"]["values"]["title"], "theirs",
        "theirs, as it was left"
    );
    api.change_in(&same, "merged", SOON);
    let record = on_main(&world, "same");
    assert_eq!(
        record["spec"]["values"]["title"], "ours",
        "the requester named it"
    );
    assert_eq!(
        record["spec"]["values"]["currency"], "EUR",
        "nobody else touched it"
    );
    // what no longer applies fails alone, with the reason
    let gone = api.change_in(&gone, "failed", SOON);
    assert_eq!(gone["error"]["reason"], "Conflict", "{gone}");
    let taken = api.change_in(&taken, "failed", SOON);
    assert_eq!(taken["error"]["reason"], "RecordInTheWay", "{taken}");
    assert_eq!(
        on_main(&world, "taken"),
        "a file in the way",
        "theirs is not written over"
    );
    world.once(&[both, same]);
    world.audit();
}

#[test]
fn what_is_asked_for_beside_a_hand_edit_ends_as_the_table_of_two_sides_says() {
    let world = World::begin();
    for store in ["match", "agree", "broke", "rules", "leave"] {
        world.made(store);
    }
    let api = world.api();
    world.git.set_fault(Fault::Status(503));
    let ask =
        |store: &str, patch: &Value| accepted(api.patch(&format!("/api/v1/stores/{store}"), patch));
    let held = "/api/v1/stores/match";
    let held = accepted(api.patch_if_match(held, &json!({"plan": "medium"})));
    let agree = ask("agree", &json!({"plan": "medium"}));
    let broke = ask("broke", &json!({"plan": "medium"}));
    let rules = ask("rules", &json!({"values": {"title": "ours"}}));
    let leave = api.remove("leave");
    let added = world.ask("added");
    api.change_in(&added, "written", SOON);
    meanwhile(&world, &|clone| {
        let edit = |store: &str, from: &str, to: &str| edit(clone, store, from, to);
        edit("match", "plan: small", "plan: large");
        edit("agree", "plan: small", "plan: medium");
        edit("broke", "spec:\n", "spec: [\n");
        edit("rules", "plan: small", "plan: gigantic");
        std::fs::remove_file(record(clone, "leave")).unwrap();
        let added = record(clone, "added");
        std::fs::create_dir_all(added.parent().unwrap()).unwrap();
        let text = std::fs::read_to_string(record(clone, "agree")).unwrap();
        let lines = text.lines().filter(|it| !it.contains("uid:"));
        let text = lines
            .collect::<Vec<_>>()
            .join("\n")
            .replace("agree", "added");
        std::fs::write(added, format!("{text}\n")).unwrap();
    });
    world.git.set_fault(Fault::None);

    let reason = |change: &str| {
        let failed = api.change_in(change, "failed", SOON);
        failed["error"]["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        reason(&held),
        "PreconditionFailed",
        "the caller had read another plan"
    );
    assert_eq!(on_main(&world, "match")["spec"]["plan"], "large");
    let same = api.change_in(&agree, "ready", SOON);
    assert_eq!(same["noop"], true, "{same}");
    for (change, store) in [(&broke, "broke"), (&rules, "rules")] {
        // what breaks the rules has no effect, and ours is written over it
        api.change_in(change, "merged", SOON);
        let spec = on_main(&world, store)["spec"].clone();
        assert_eq!(
            spec["plan"],
            if store == "broke" { "medium" } else { "small" }
        );
    }
    assert_eq!(on_main(&world, "rules")["spec"]["values"]["title"], "ours");
    // theirs was the deletion; ours found it done
    assert_eq!(api.change_in(&leave, "ready", SOON)["noop"], true);
    // the name was ours by then, and their file is not written over
    assert_eq!(reason(&added), "RecordInTheWay");
    let (_, foreign) = api.get("/api/v1/foreign");
    assert!(
        foreign.to_string().contains("the name added is taken"),
        "{foreign}"
    );
    world.once(&[broke, rules]);
    world.audit();
}
