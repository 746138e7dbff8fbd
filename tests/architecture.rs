//! The house keeps its shape: arrows point down, adapters never meet, crates stay inside their adapter.
//!
//! Each rule is an invariant of ARCHITECTURE.md, read off the source as text.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall stop there"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The floors, from the ground up. A module may use those below it, and its equals only where listed.
const FLOORS: [(&str, &[&str]); 15] = [
    ("domain", &[]),
    ("render", &["domain"]),
    ("plan", &["domain"]),
    ("journal", &["domain"]),
    ("index", &["domain"]),
    ("git", &["domain", "plan"]),
    ("cluster", &["domain"]),
    ("oidc", &["domain"]),
    ("probe", &["domain"]),
    ("forge", &["domain"]),
    (
        "workflow",
        &[
            "domain", "render", "plan", "journal", "index", "git", "cluster", "oidc", "probe",
            "forge",
        ],
    ),
    (
        "config",
        &["domain", "git", "render", "telemetry", "workflow"],
    ),
    ("telemetry", &[]),
    ("http", &["domain", "git", "render", "workflow"]),
    (
        "cli",
        &[
            "config",
            "domain",
            "git",
            "http",
            "render",
            "telemetry",
            "workflow",
        ],
    ),
];

/// Crates that belong to one module: no type of theirs is seen elsewhere.
const OWNED: [(&str, &[&str]); 10] = [
    ("git2", &["git"]),
    ("octocrab", &["forge"]),
    ("kube", &["cluster"]),
    ("k8s_openapi", &["cluster"]),
    ("redb", &["journal", "index"]),
    ("axum", &["http"]),
    ("jsonwebtoken", &["oidc", "forge"]),
    ("hickory_resolver", &["workflow"]),
    ("jsonschema", &["domain"]),
    ("psl", &["domain"]),
];

/// What only one module may do.
const ONLY: [(&str, &[&str]); 2] = [
    ("process::Command", &["git"]),
    ("Timestamp::now", &["workflow", "cluster", "forge"]),
];

/// What nobody may do: work trees, Git indexes, forced pushes.
const NEVER: [&str; 5] = [
    "git2::Index",
    "checkout_tree",
    "checkout_head",
    "\"--force",
    "workdir()",
];

/// The one place where a branch is moved to a commit that does not follow: the branch of a proposal, which nobody has
/// published, rendered again on the newest main. Under a lease, so that what somebody else pushed there stays; and the
/// file itself lets no other branch through.
const LEASED: (&str, &str) = ("src/git/proposals.rs", "\"--force-with-lease=");

/// What keeps the ground pure.
const IMPURE: [&str; 7] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "tokio::",
    "Timestamp::now",
    "SystemTime",
];

#[test]
fn arrows_point_down() {
    let floors: BTreeMap<&str, &[&str]> = FLOORS.into_iter().collect();
    each_line(|module, place, line| {
        let Some(allowed) = floors.get(module) else {
            return;
        };
        for used in modules_in(line) {
            let down = used == module || allowed.contains(&used.as_str());
            assert!(
                down || !floors.contains_key(used.as_str()),
                "{place}: {module} must not use {used}"
            );
        }
    });
}

#[test]
fn every_module_has_a_floor() {
    for entry in std::fs::read_dir(source()).unwrap() {
        let name = module_of(&entry.unwrap().path());
        let known = FLOORS.iter().any(|(floor, _)| *floor == name)
            || ["lib", "main"].contains(&name.as_str());
        assert!(
            known,
            "src/{name} has no floor in this test and in ARCHITECTURE.md"
        );
    }
}

#[test]
fn crates_stay_in_their_adapter() {
    each_line(|module, place, line| {
        for (name, owners) in OWNED {
            let used =
                line.contains(&format!("{name}::")) || line.contains(&format!("use {name};"));
            assert!(
                !used || owners.contains(&module),
                "{place}: {name} belongs to {owners:?}"
            );
        }
        for (what, owners) in ONLY {
            assert!(
                !line.contains(what) || owners.contains(&module),
                "{place}: {what} belongs to {owners:?}"
            );
        }
        let leased = place.contains(LEASED.0) && line.contains(LEASED.1);
        for what in NEVER {
            assert!(
                leased || !line.contains(what),
                "{place}: {what} has no place in this house"
            );
        }
    });
}

#[test]
fn branches_of_proposals_alone_are_moved_under_a_lease() {
    let (file, lease) = LEASED;
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    assert_eq!(text.matches(lease).count(), 1, "{file} has one such push");
    assert!(text.contains("const PROPOSALS: &str = \"fleetwright/\";"));
    assert!(
        text.contains("starts_with(PROPOSALS)"),
        "{file} lets branches of proposals through and no others"
    );
}

#[test]
fn the_ground_is_pure() {
    each_line(|module, place, line| {
        if ["domain", "render", "plan"].contains(&module) {
            for what in IMPURE {
                assert!(
                    !line.contains(what),
                    "{place}: the ground floor does no {what}"
                );
            }
            assert!(
                !line.contains("async fn"),
                "{place}: the ground floor does not wait"
            );
        }
    });
}

#[test]
fn files_are_small_and_say_what_they_are_for() {
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        assert!(
            lines <= 500,
            "{} has {lines} lines; split it",
            path.display()
        );
        assert!(
            text.starts_with("//!"),
            "{} does not say what it is for",
            path.display()
        );
    }
}

/// Calls back for every line of code that is neither comment nor test.
fn each_line(mut check: impl FnMut(&str, &str, &str)) {
    for path in files() {
        let module = module_of(&path);
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("#[cfg(test)]") {
                break;
            }
            if !line.trim_start().starts_with("//") {
                check(&module, &format!("{}:{}", path.display(), number + 1), line);
            }
        }
    }
}

/// The modules that a line names as `crate::<module>`.
fn modules_in(line: &str) -> Vec<String> {
    let after = line.split("crate::").skip(1);
    after
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(source()).unwrap();
    let first = inside
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}
