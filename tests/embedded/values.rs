//! Hostile and odd values: refused with a pointer, or rendered as the plain text they are.

use serde_json::json;

use crate::support::git::git;
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
    let title = "x\"\n  injected: true # \u{2028}\u{85} ${HOME} {{ 7*7 }} no: yes\n---\nkind: Secret\t\u{0}";
    let change = api.create(&json!({"name": "shop", "engine": "woocommerce", "values": {"title": title, "1e3": "no", "on": "0644"}}));
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
    assert_eq!(release["spec"]["values"]["title"], title);
    assert_eq!(release["spec"]["values"]["on"], "0644");
    assert_eq!(
        release["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/substitute"],
        "disabled"
    );
    dev.audit();
}
