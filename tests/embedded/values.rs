//! Hostile and odd values: refused with a pointer, or rendered as the plain text they are.

use serde_json::json;

use crate::support::eventually;
use crate::support::git::{git, try_git};
use crate::{Dev, SOON};

#[test]
fn volumes_are_sizes_of_places_that_the_plan_has() {
    let dev = Dev::start();
    dev.made("shop");
    let api = dev.api();
    let deep = "a.".repeat(30_000) + "a";
    for (volumes, pointer) in [
        (
            json!({"image.repository": "evil.example/x"}),
            "/volumes/image.repository",
        ),
        (json!({deep: "1Gi"}), "/volumes/a.a."),
        (
            json!({"persistence.files.size": "1Gi"}),
            "/volumes/persistence.files.size",
        ),
        (
            json!({"persistence.files.size": "340282366920938463463374607431768211455Ti"}),
            "/volumes/persistence.files.size",
        ),
        (
            json!({"persistence.files.size": "lots"}),
            "/volumes/persistence.files.size",
        ),
        (
            json!({"persistence.files.size": null}),
            "/volumes/persistence.files.size",
        ),
    ] {
        let (status, body) = api.patch("/api/v1/stores/shop", &json!({"volumes": volumes}));
        assert_eq!(status, 422, "{body}");
        assert!(
            body["errors"][0]["pointer"]
                .as_str()
                .unwrap()
                .starts_with(pointer),
            "{body}"
        );
    }
    let (status, body) = api.patch(
        "/api/v1/stores/shop",
        &json!({"volumes": {"persistence.files.size": "20Gi"}}),
    );
    assert_eq!(status, 202, "{body}");
    api.change_in(body["id"].as_str().unwrap(), "merged", SOON);
}

#[test]
fn hostile_text_is_only_text_in_git() {
    let dev = Dev::start();
    let api = dev.api();
    let note =
        "x\"\n  injected: true # ${HOME} {{ 7*7 }} no: yes\n---\nkind: Secret\t\n ~ \u{200c}";
    let notes = json!({"note": note, "1e3": "no", "on": "0644"});
    let create =
        json!({"name": "shop", "engine": "woocommerce", "values": {"podAnnotations": notes}});
    let change = api.create(&create);
    api.change_in(&change, "merged", SOON);
    let files = git(
        &dev.repo,
        &["ls-tree", "-r", "--name-only", "deploy/local", "clusters"],
    );
    let path = files
        .lines()
        .find(|it| it.ends_with("shop/release.yaml"))
        .unwrap();
    let text = git(&dev.repo, &["show", &format!("deploy/local:{path}")]);
    let release: serde_json::Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(release["kind"], "HelmRelease");
    assert_eq!(release["spec"]["values"]["podAnnotations"], notes);
    assert_eq!(
        release["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/substitute"],
        "disabled"
    );
    // What a reviewer would not see, or see otherwise than it is, does not get that far.
    for text in [
        "a\u{0}b",
        "a\u{2028}b: c",
        "\u{202e}txt",
        "\u{1b}[2J",
        "a\u{85}b",
    ] {
        let values = json!({"values": {"podAnnotations": {"note": text}}});
        let (status, body) = api.patch("/api/v1/stores/shop", &values);
        assert_eq!(status, 422, "{text:?}: {body}");
        assert_eq!(body["errors"][0]["pointer"], "/values/podAnnotations/note");
    }
    dev.audit();
}

#[test]
fn values_that_the_chart_refuses_have_no_effect_by_hand_either() {
    let dev = Dev::start();
    dev.made("shop");
    let record = dev.record("shop");
    dev.push("Set values", &|clone| {
        let path = clone.join(&record);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}  values: {{currency: euro}}\n")).unwrap();
    });
    eventually("the edit is refused", SOON, || {
        let (_, failed) = dev.api().get("/api/v1/changes?state=failed");
        let told = failed.to_string();
        if told.contains("/spec/values/currency") {
            Ok(())
        } else {
            Err(told)
        }
    });
    // A plan that the chart does not take is not vouched for.
    let commit = dev.push("Break a plan", &|clone| {
        let path = clone.join("fleetwright.yaml");
        let policy = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, policy.replace("workers: 16", "workers: many")).unwrap();
    });
    eventually("the policy is refused with its place", SOON, || {
        let (status, body) = dev.api().post("/api/v1/vouch", &json!({"commit": commit}));
        let text = body.to_string();
        if status == 409 && text.contains("/plans/medium/engines/woocommerce/values/workers") {
            Ok(())
        } else {
            Err(text)
        }
    });
}

#[test]
fn secrets_never_reach_git() {
    let dev = Dev::start();
    // a new chart version whose schema marks a value as a secret, vouched for by the admin
    let commit = dev.push("Publish woocommerce 1.1.0", &|clone| {
        let charts = clone.join("charts/woocommerce");
        git(&charts, &["mv", "1.0.0", "1.1.0"]);
        git(&charts, &["checkout", "--quiet", "HEAD", "--", "1.0.0"]);
        let path = charts.join("1.1.0/values.schema.json");
        let mut schema: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        schema["properties"]["apiKey"] = json!({"type": "string", "writeOnly": true});
        std::fs::write(&path, schema.to_string()).unwrap();
        let path = clone.join("fleetwright.yaml");
        let policy = std::fs::read_to_string(&path).unwrap();
        std::fs::write(
            path,
            policy.replace("versions: [\"1.0.0\"]", "versions: [\"1.0.0\", \"1.1.0\"]"),
        )
        .unwrap();
    });
    let api = dev.api();
    eventually("the chart is in force", SOON, || {
        let (status, body) = api.post("/api/v1/vouch", &json!({"commit": commit}));
        if status < 300 {
            Ok(())
        } else {
            Err(body.to_string())
        }
    });
    let secret = json!({"name": "shop", "engine": "woocommerce", "version": "1.1.0", "values": {"apiKey": "hunter2"}});
    let (status, body) = api.post("/api/v1/stores", &secret);
    assert_eq!(status, 422, "{body}");
    assert_eq!(body["errors"][0]["pointer"], "/values/apiKey");
    let change = api.create(&json!({"name": "shop", "engine": "woocommerce", "version": "1.1.0"}));
    api.change_in(&change, "merged", SOON);
    let charts = git(
        &dev.repo,
        &["ls-tree", "--name-only", "deploy/local:charts/woocommerce"],
    );
    assert_eq!(charts, "1.0.0\n1.1.0");
    // by hand it is no different
    let record = dev.record("shop");
    dev.push("Add the key", &|clone| {
        let path = clone.join(&record);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}  values: {{apiKey: hunter2}}\n")).unwrap();
    });
    eventually("the edit is refused", SOON, || {
        let (_, failed) = api.get("/api/v1/changes?state=failed");
        let told = failed.to_string();
        if told.contains("/spec/values/apiKey") {
            Ok(())
        } else {
            Err(told)
        }
    });
    let (found, _) = try_git(&dev.repo, &["grep", "--quiet", "hunter2", "deploy/local"]);
    assert!(!found, "the secret is on the deploy branch");
}
