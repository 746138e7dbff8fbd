//! What people push to main: judged by content, never in the writer's way, never past the rules.

use serde_json::json;

use crate::support::eventually;
use crate::support::git::git;
use crate::{Dev, SOON};

#[test]
fn a_record_added_by_hand_becomes_a_store_and_keeps_to_the_rules() {
    let dev = Dev::start();
    let shard = |name: &str| fleetwright::domain::record::shard(&name.parse().unwrap());
    let record = |name: &str, host: &str| {
        format!(
            "apiVersion: fleetwright.dev/v1\nkind: Store\nmetadata: {{name: {name}}}\nspec: {{engine: woocommerce, plan: small, \
             owner: ann, cluster: local, host: {host}, version: \"1.0.0\"}}\n"
        )
    };
    dev.push("Two shops, one host", &|clone| {
        for name in ["one", "two"] {
            let folder = clone.join("stores").join(shard(name));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(
                folder.join(format!("{name}.yaml")),
                record(name, "one.localtest.me"),
            )
            .unwrap();
        }
    });
    let api = dev.api();
    api.store_in("one", "Committed", SOON);
    let refused = eventually("the other is refused", SOON, || {
        let (_, changes) = api.get("/api/v1/changes?state=failed");
        changes["items"]
            .get(0)
            .cloned()
            .ok_or_else(|| changes.to_string())
    });
    assert_eq!(refused["store"], "two");
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("host"),
        "{refused}"
    );
    let (_, foreign) = api.get("/api/v1/foreign");
    assert!(foreign.to_string().contains("two.yaml"), "{foreign}");
    // the record that has no effect is not written over
    let asked = api.create(&json!({"name": "two", "engine": "woocommerce"}));
    assert_eq!(
        api.change_in(&asked, "failed", SOON)["error"]["reason"],
        "RecordInTheWay"
    );
    dev.audit();
}

#[test]
fn what_stands_in_the_way_does_not_hold_up_the_writer() {
    let dev = Dev::start();
    dev.made("shop");
    let record = dev.record("shop");
    dev.push("All kinds of things", &|clone| {
        std::fs::write(clone.join("clusters/local/.gitkeep"), "").unwrap();
        std::fs::create_dir_all(clone.join("clusters/local/shards/Not a label!")).unwrap();
        std::fs::write(clone.join("clusters/local/shards/Not a label!/x"), "x").unwrap();
        std::fs::remove_dir_all(clone.join("clusters/production")).unwrap();
        std::fs::write(clone.join("clusters/production"), "a file").unwrap();
        std::fs::remove_file(clone.join(&record)).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", clone.join(&record)).unwrap();
    });
    dev.made("next");
    eventually("the record is a record again", SOON, || {
        let kind = git(&dev.repo, &["ls-tree", "main", &record]);
        if kind.starts_with("100644") {
            Ok(())
        } else {
            Err(kind)
        }
    });
    assert_eq!(dev.api().store("shop")["phase"], "Committed");
    dev.audit();
}

#[test]
fn many_records_removed_at_once_are_put_back() {
    let dev = Dev::start_with(&["--no-limits"]);
    for n in 0..6 {
        dev.made(&format!("s{n}"));
    }
    dev.push("Remove everything", &|clone| {
        std::fs::remove_dir_all(clone.join("stores")).unwrap();
    });
    eventually("the records are back", SOON, || {
        let files = git(
            &dev.repo,
            &["ls-tree", "-r", "--name-only", "main", "stores"],
        );
        if files.lines().count() == 6 {
            Ok(())
        } else {
            Err(files)
        }
    });
    for n in 0..6 {
        assert_eq!(dev.api().store(&format!("s{n}"))["phase"], "Committed");
    }
    let (_, foreign) = dev.api().get("/api/v1/foreign");
    assert!(foreign.to_string().contains("massChangeShare"), "{foreign}");
    dev.audit();
}

#[test]
fn a_merge_with_their_commit_first_loses_nothing_of_ours() {
    let mut dev = Dev::start();
    dev.made("shop");
    let url = dev.url();
    let ann = dev.ann(&url);
    // she commits, we commit, she pulls (her commit becomes the first parent) and pushes
    std::fs::write(ann.clone.join("note.txt"), "hers").unwrap();
    git(&ann.clone, &["add", "--all"]);
    git(&ann.clone, &["commit", "--quiet", "--message", "A note"]);
    let (_, bigger) = dev
        .api()
        .patch("/api/v1/stores/shop", &json!({"plan": "medium"}));
    dev.api()
        .change_in(bigger["id"].as_str().unwrap(), "merged", SOON);
    dev.made("second");
    git(
        &ann.clone,
        &[
            "pull",
            "--quiet",
            "--no-rebase",
            "--no-edit",
            "origin",
            "main",
        ],
    );
    git(&ann.clone, &["push", "--quiet", "origin", "HEAD:main"]);
    dev.made("third");
    dev.server.kill();
    std::fs::remove_file(dev.repo.with_file_name("index.redb")).unwrap();
    dev.server.restart();
    let api = dev.api();
    assert_eq!(api.store("shop")["record"]["spec"]["plan"], "medium");
    for name in ["second", "third"] {
        assert_eq!(api.store(name)["phase"], "Committed");
    }
    dev.audit();
}

#[test]
fn an_old_deploy_commit_merged_over_a_newer_one_drops_nothing() {
    let dev = Dev::start();
    dev.made("first");
    let old = git(&dev.repo, &["rev-parse", "deploy/local"]);
    dev.made("second");
    let url = dev.url();
    let ann = dev.ann(&url);
    git(&ann.clone, &["checkout", "--quiet", &old]);
    git(
        &ann.clone,
        &[
            "merge",
            "--quiet",
            "--no-ff",
            "--strategy=ours",
            "--message",
            "Back",
            "origin/deploy/local",
        ],
    );
    git(
        &ann.clone,
        &["push", "--quiet", "origin", "HEAD:deploy/local"],
    );
    dev.made("third");
    let stores = git(
        &dev.repo,
        &["ls-tree", "-r", "--name-only", "deploy/local", "clusters"],
    );
    for name in ["first", "second", "third"] {
        assert!(
            stores.contains(&format!("stores/{name}/release.yaml")),
            "{stores}"
        );
    }
    let (_, health) = dev.api().get("/api/health");
    assert!(
        health.to_string().contains("was moved by ann@example.com"),
        "{health}"
    );
    dev.audit();
}

#[test]
fn a_hand_edit_is_kept_beside_requests_of_the_same_moment() {
    let dev = Dev::start();
    dev.made("shop");
    let record = dev.record("shop");
    let api = dev.api();
    let mut asked = Vec::new();
    for n in 0..10 {
        let (_, change) = api.patch(
            "/api/v1/stores/shop",
            &json!({"values": {"title": format!("Title {n}")}}),
        );
        asked.push(change["id"].as_str().unwrap().to_owned());
        if n == 4 {
            dev.push("A bigger plan", &|clone| {
                let path = clone.join(&record);
                let text = std::fs::read_to_string(&path).unwrap();
                std::fs::write(&path, text.replace("plan: small", "plan: medium")).unwrap();
            });
        }
    }
    for change in asked {
        api.change_in(&change, "merged", SOON);
    }
    eventually("both are in", SOON, || {
        let spec = api.store("shop")["record"]["spec"].clone();
        if spec["plan"] == "medium" && spec["values"]["title"] == "Title 9" {
            Ok(())
        } else {
            Err(spec.to_string())
        }
    });
    dev.audit();
}

#[test]
fn policy_and_charts_wait_for_an_admin_who_cannot_break_what_runs() {
    let dev = Dev::start();
    dev.made("shop");
    let vouch = |commit: &str| dev.api().post("/api/v1/vouch", &json!({"commit": commit}));
    let broken = dev.push("No plan small any more", &|clone| {
        let path = clone.join("fleetwright.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text.replace("  small:\n", "  tiny:\n")).unwrap();
    });
    let (status, body) = eventually("main is looked at", SOON, || {
        let answer = vouch(&broken);
        if answer.1.to_string().contains("not on published main") {
            Err(answer.1.to_string())
        } else {
            Ok(answer)
        }
    });
    assert_eq!(status, 409, "{body}");
    assert!(
        body["detail"].as_str().unwrap().contains("plan small"),
        "{body}"
    );
    let chart = dev.push("Rewrite a published chart", &|clone| {
        let path = clone.join("fleetwright.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text.replace("  tiny:\n", "  small:\n")).unwrap();
        std::fs::write(
            clone.join("charts/woocommerce/1.0.0/values.yaml"),
            "replicas: 9\n",
        )
        .unwrap();
    });
    let (status, body) = vouch(&chart);
    assert_eq!(status, 409, "{body}");
    assert!(
        body["detail"]
            .as_str()
            .unwrap()
            .contains("charts/woocommerce/1.0.0"),
        "{body}"
    );
    let now = git(&dev.repo, &["rev-parse", "deploy/local:charts"]);
    assert_ne!(
        now,
        git(&dev.repo, &["rev-parse", "main:charts"]),
        "the rewritten chart reaches no cluster"
    );
}

#[test]
fn trailers_that_a_person_forges_count_for_nothing() {
    let mut dev = Dev::start();
    let made = dev.made("shop");
    let forged = format!(
        "Remove shop\n\nFleetwright-Change: {id}\nFleetwright-Store: shop\nFleetwright-Uid: {id}\nFleetwright-Action: delete\n\
         Fleetwright-Step: 2\nRequested-By: token:admin\n",
        id = made["id"].as_str().unwrap()
    );
    dev.push(&forged, &|_| {});
    dev.made("next");
    dev.server.kill();
    std::fs::remove_file(dev.repo.with_file_name("index.redb")).unwrap();
    dev.server.restart();
    let api = dev.api();
    assert_eq!(api.store("shop")["phase"], "Committed");
    let (_, history) = api.get("/api/v1/stores/shop/history");
    assert_eq!(history["items"].as_array().unwrap().len(), 1, "{history}");
}

#[test]
fn a_cluster_that_is_added_is_prepared_before_it_gets_its_first_store() {
    let dev = Dev::start();
    dev.made("shop");
    dev.policy(&|text| {
        let entry = "  local:\n    baseDomain: localtest.me\n";
        let another = "  second:\n    baseDomain: second.example.com\n    scheme: https\n    storageClass: \"\"\n    \
                       route: {type: ingress, className: \"\"}\n    flux: {interval: 6h, timeout: 10m, retryInterval: 1m}\n    \
                       readyDeadline: 15m\n";
        text.replacen(entry, &format!("{another}{entry}"), 1)
    });
    let api = dev.api();
    let request = json!({"name": "far", "engine": "woocommerce", "cluster": "second"});
    api.change_in(&api.create(&request), "merged", SOON);
    let held = git(
        &dev.repo,
        &["ls-tree", "-r", "--name-only", "main", "bootstrap"],
    );
    assert!(held.contains("bootstrap/second.yaml"), "{held}");
    dev.audit();
}
