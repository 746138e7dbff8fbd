//! Whose an object is, what is asked for, and which rights that takes.

use std::collections::BTreeSet;

use super::*;

#[test]
fn names_tell_whose_an_object_is() {
    let store = |name: &str| Scope::Store(name.parse().expect("a store name"));
    let shard = Scope::Shard("3f".to_owned());
    for (kind, name, whose) in [
        (Kind::Kustomization, "root", Scope::Cluster),
        (Kind::Kustomization, "shard-3f", shard.clone()),
        (Kind::Kustomization, "store-shard-3f", store("shard-3f")),
        (Kind::Kustomization, "store-root", store("root")),
        (Kind::Kustomization, "shard-xyz", Scope::Foreign),
        (Kind::Release, "root", store("root")),
        (Kind::Namespace, "shop-a", store("a")),
        (Kind::Namespace, "kube-system", Scope::Foreign),
        (Kind::Artifact, "shard-3f", shard),
        (Kind::Artifact, "other", Scope::Foreign),
        (Kind::Source, "fleet", Scope::Cluster),
        (Kind::Source, "other", Scope::Foreign),
        (Kind::Generator, "shards", Scope::Cluster),
        (Kind::Chart, "woocommerce-1.0.0", Scope::Cluster),
        (Kind::Pod, "shop-a/store-web-1", store("a")),
        (Kind::Event, "kube-system/shop-a.1", Scope::Foreign),
        (Kind::Event, "shop-a", Scope::Foreign),
    ] {
        assert_eq!(scope(kind, name, "shop-"), whose, "{kind:?} {name}");
    }
}

#[test]
fn what_is_not_in_the_fleet_s_namespace_is_asked_for_by_a_selector() {
    for kind in Kind::ALL {
        let narrow =
            kind.place() == Place::Fleet || kind.labels().is_some() || kind.fields().is_some();
        assert!(narrow, "{kind:?}");
    }
}

#[test]
fn rules_are_written_as_a_role_has_them() {
    assert_eq!(
        Kind::Pod.rule(),
        r#"{apiGroups: [""], resources: [pods], verbs: [get, list, watch]}"#
    );
    assert_eq!(
        Kind::Job.rule(),
        "{apiGroups: [batch], resources: [jobs], verbs: [get, list, watch]}"
    );
}

/// The rules in a part of the bootstrap that are for reading, one for each resource, as [`Kind::rule`] writes them.
fn rules(part: &str) -> BTreeSet<String> {
    let rules = part.split("  - apiGroups: [").skip(1);
    let read = rules.filter(|rule| rule.contains("verbs: {{ read }}"));
    let single = |rule: &str| {
        let group = upto_bracket(rule).to_owned();
        let resources = rule.split("resources: [").last().unwrap_or_default();
        let rule = |plural| {
            format!("{{apiGroups: [{group}], resources: [{plural}], verbs: [get, list, watch]}}")
        };
        let rules = upto_bracket(resources).split(", ").map(rule);
        rules.collect::<Vec<_>>()
    };
    read.flat_map(single).collect()
}

fn upto_bracket(text: &str) -> &str {
    text.split(']').next().unwrap_or_default()
}

#[test]
fn the_bootstrap_lets_the_reader_read_what_is_watched_and_nothing_else() {
    let template = include_str!("../../../templates/cluster/bootstrap/accounts.yaml.j2");
    let (_, reader) = template
        .split_once("kind: Role\nmetadata:\n  name: fleetwright-reader")
        .expect("the reader's Role");
    let (role, rest) = reader
        .split_once("kind: ClusterRole")
        .expect("the reader's ClusterRole");
    let (cluster_role, _) = rest.split_once("{%- for").expect("the bindings");
    for (part, place) in [(role, Place::Fleet), (cluster_role, Place::Everywhere)] {
        let kinds = Kind::ALL.into_iter().filter(|kind| kind.place() == place);
        assert_eq!(rules(part), kinds.map(Kind::rule).collect(), "{place:?}");
    }
}
