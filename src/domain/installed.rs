//! How a cluster was prepared for the fleet, and what is missing of it: the bootstrap, and the flags that lock Flux down.
//!
//! Must not know: how any of it is read. What could not be read is not judged here: nothing is alarmed of what is not seen.

mod compared;

pub use compared::{Compared, Live};

/// The bootstrap that was applied in a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The version of Fleetwright that rendered it.
    pub version: String,
    /// Its digest.
    pub digest: String,
    /// Where the cluster's `GitRepository` fetches.
    pub url: Option<String>,
}

/// One of Flux's controllers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// Its Deployment.
    pub name: String,
    /// The arguments of its containers.
    pub args: Vec<String>,
}

/// Those that reconcile what a store consists of: without a lock a tenant's object could act as somebody else.
const APPLIERS: [&str; 2] = ["kustomize-controller", "helm-controller"];
const NO_CROSS_REFS: &str = "--no-cross-namespace-refs";
const DEFAULT_ACCOUNT: &str = "--default-service-account";

/// What Flux's controllers lack, one sentence each. `artifacts`: whether shards are cut out as artifacts. A controller that
/// was not found is not judged: it may run under another name.
pub fn lacking(controllers: &[Controller], artifacts: bool) -> Vec<String> {
    let appliers = controllers
        .iter()
        .filter(|it| APPLIERS.contains(&it.name.as_str()));
    let mut lacking = Vec::new();
    for controller in appliers {
        if controller.value(NO_CROSS_REFS) != Some("true") {
            lacking.push(sentence(
                controller,
                "--no-cross-namespace-refs=true",
                "an object of a tenant may name objects of others",
            ));
        }
        if controller.value(DEFAULT_ACCOUNT).is_none_or(str::is_empty) {
            lacking.push(sentence(
                controller,
                "--default-service-account=default",
                "an object that names no account acts as Flux itself, which is cluster-admin",
            ));
        }
        if artifacts
            && controller.name == "kustomize-controller"
            && !controller.gate("ExternalArtifact")
        {
            lacking.push(sentence(
                controller,
                "--feature-gates=ExternalArtifact=true",
                "it does not apply shards that are cut out as artifacts",
            ));
        }
    }
    lacking
}

fn sentence(controller: &Controller, flag: &str, otherwise: &str) -> String {
    format!(
        "{} runs without {flag}: {otherwise}; add the flag to its Deployment",
        controller.name
    )
}

/// Whether the bootstrap in a cluster is another one than this server's, or was changed since; then what differs and what
/// to do, as a sentence. `version` and `digest` are this server's.
pub fn outdated(
    cluster: &str,
    applied: Option<&Applied>,
    version: &str,
    digest: &str,
    compared: &Compared,
) -> Option<String> {
    let case = match applied {
        Some(applied) if applied.digest == digest && compared.is_same() => return None,
        Some(applied) if applied.digest == digest => {
            "the bootstrap in the cluster was changed after it was applied".to_owned()
        }
        Some(applied) => format!(
            "the bootstrap in the cluster is that of Fleetwright {} with digest {}, this server's is {version} with digest \
             {}",
            short(&applied.version),
            short(&applied.digest),
            short(digest)
        ),
        None => "the cluster does not say which bootstrap was applied (there is no ConfigMap fleetwright-bootstrap)"
            .to_owned(),
    };
    let print = format!("fleetwright cluster bootstrap {cluster}");
    Some(format!(
        "{case}: {}; see the values with `{print} | kubectl diff --server-side -f -`, then apply it with `{print} | kubectl \
         apply --server-side -f -`",
        compared.told()
    ))
}

/// What the cluster says may be anything.
fn short(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_graphic)
        .take(12)
        .collect()
}

impl Controller {
    /// The value of a flag, as Go's `pflag` reads it: the last one counts, a bare flag is true.
    fn value(&self, flag: &str) -> Option<&str> {
        let mut values = self.args.iter().enumerate().filter_map(|(place, arg)| {
            let rest = arg.strip_prefix(flag)?;
            match rest.strip_prefix('=') {
                Some(value) => Some(value),
                None if rest.is_empty() => {
                    let next = self.args.get(place + 1).map(String::as_str);
                    Some(next.filter(|it| !it.starts_with('-')).unwrap_or("true"))
                }
                None => None,
            }
        });
        values.next_back()
    }

    fn gate(&self, name: &str) -> bool {
        let gates = self.value("--feature-gates").unwrap_or("");
        gates
            .split(',')
            .any(|it| it.trim().split_once('=') == Some((name, "true")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controller(name: &str, args: &str) -> Controller {
        Controller {
            name: name.to_owned(),
            args: args.split_whitespace().map(str::to_owned).collect(),
        }
    }

    #[test]
    fn flags_that_lock_flux_down_are_missed() {
        let locked = "--no-cross-namespace-refs=true --default-service-account=default";
        let gated = format!("{locked} --feature-gates=A=false,ExternalArtifact=true");
        for (name, args, artifacts, count) in [
            ("kustomize-controller", gated.as_str(), true, 0),
            ("kustomize-controller", locked, true, 1),
            ("kustomize-controller", locked, false, 0),
            ("kustomize-controller", "", true, 3),
            ("helm-controller", locked, true, 0),
            (
                "helm-controller",
                "--no-cross-namespace-refs --default-service-account x",
                true,
                0,
            ),
            (
                "helm-controller",
                "--no-cross-namespace-refs=false --default-service-account=",
                true,
                2,
            ),
            (
                "helm-controller",
                "--no-cross-namespace-refs=true --no-cross-namespace-refs=false --default-service-account=a",
                true,
                1,
            ),
            // others hold nothing of a store
            ("source-controller", "", true, 0),
        ] {
            let found = lacking(&[controller(name, args)], artifacts);
            assert_eq!(found.len(), count, "{name} {args}: {found:?}");
        }
        assert!(lacking(&[], true).is_empty(), "nothing was seen");
    }

    #[test]
    fn another_bootstrap_is_told_with_what_differs_and_the_command_that_shows_it() {
        let applied = |digest: &str| Applied {
            version: "0.1.0".into(),
            digest: digest.into(),
            url: None,
        };
        let told = |applied: Option<&Applied>, compared: &Compared| {
            outdated("eu", applied, "0.2.0", "a1", compared)
        };
        let role = serde_json::json!({"kind": "Role", "metadata": {"name": "x"}});
        let (same, changed) = (Compared::default(), Compared::of(&[role], &[Live::Missing]));
        assert_eq!(told(Some(&applied("a1")), &same), None);
        for (digest, compared, words) in [
            (Some("b2\n`"), &same, "digest b2`, this server's is 0.2.0"),
            (Some("b2"), &same, "nothing that was read differs"),
            (Some("b2"), &changed, "Role x (missing)"),
            (
                Some("a1"),
                &changed,
                "was changed after it was applied: Role x",
            ),
            (None, &changed, "does not say which bootstrap"),
        ] {
            let said = told(digest.map(applied).as_ref(), compared).expect("it differs");
            assert!(said.contains(words), "{said}");
            assert!(
                said.contains("bootstrap eu | kubectl diff") && !said.contains('\n'),
                "{said}"
            );
        }
    }
}
