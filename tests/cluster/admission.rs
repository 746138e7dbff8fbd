//! What the bootstrap must refuse, tried as the accounts that could try it. The cases are data (`escapes.yaml`).
//!
//! Everything runs as a dry run on the server, which passes through the same authorization and admission as the real thing
//! and changes nothing; only a token that is wrongly granted would be real, and it is dropped. This module knows nothing of
//! how a cluster was started: it speaks to it through [`Kubectl`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Runs kubectl as the administrator with some arguments and a text on standard input. An error is kubectl's own message.
pub(crate) type Kubectl<'a> = &'a dyn Fn(&[&str], &str) -> Result<String, String>;

/// A kind that not every cluster has, just enough of it to be admitted, and the namespace that is somebody else's.
const PREREQUISITES: &str = include_str!("prerequisites.yaml");

/// Makes every account of the fleet cluster-admin, so that nothing but admission is left to hold it.
const LIFT: &str = include_str!("lift.yaml");

/// The cases, as `escapes.yaml` has them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cases {
    objects: BTreeMap<String, Value>,
    allowed: Vec<Case>,
    escapes: Vec<Case>,
}

/// One thing that an account tries to do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Case {
    /// A service account of the fleet's namespace; empty: the administrator.
    account: String,
    /// What it would gain.
    #[serde(default)]
    what: String,
    #[serde(default)]
    verb: Verb,
    /// A key of `objects`.
    object: String,
    /// A JSON merge patch over the object.
    #[serde(default)]
    change: Option<Value>,
    /// Aim at the shard that exists.
    #[serde(default)]
    existing: bool,
    /// Part of the message of the fence that holds when RBAC does not; `cannot ...` is RBAC's own.
    #[serde(default)]
    refused_by: String,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verb {
    #[default]
    Apply,
    Delete,
    Get,
    Token,
}

/// The store `alpha` that the cases speak of.
pub(crate) struct Alpha<'a> {
    /// Its uid.
    pub(crate) uid: &'a str,
    /// Its shard, two hex digits.
    pub(crate) shard: &'a str,
}

impl Cases {
    /// Reads the cases.
    pub(crate) fn load() -> Self {
        let cases: Self = serde_yaml::from_str(include_str!("escapes.yaml"))
            .expect("escapes.yaml is well formed");
        for case in cases.allowed.iter().chain(&cases.escapes) {
            assert!(
                cases.objects.contains_key(&case.object),
                "escapes.yaml has no object {}",
                case.object
            );
        }
        assert!(
            cases.escapes.iter().all(|case| !case.refused_by.is_empty()),
            "an escape without refusedBy proves nothing"
        );
        cases
    }

    /// Tries everything twice: as bootstrapped, and with accounts that have become cluster-admin. Gives a line for each case
    /// that ended otherwise than it should.
    pub(crate) fn run(&self, kubectl: Kubectl<'_>, alpha: &Alpha<'_>) -> Vec<String> {
        kubectl(&["apply", "--server-side", "-f", "-"], PREREQUISITES)
            .expect("the administrator may do this");
        let mut wrong = self.round(kubectl, alpha, false);
        kubectl(&["apply", "--server-side", "-f", "-"], LIFT)
            .expect("the administrator may do this");
        wrong.extend(self.round(kubectl, alpha, true));
        kubectl(&["delete", "-f", "-"], LIFT).expect("the administrator may do this");
        wrong
    }

    fn round(&self, kubectl: Kubectl<'_>, alpha: &Alpha<'_>, lifted: bool) -> Vec<String> {
        let who = if lifted {
            "as cluster-admin"
        } else {
            "as bootstrapped"
        };
        let attempt = |case: &Case| attempt(kubectl, case, &self.object(case, alpha));
        let allowed = self.allowed.iter().filter_map(|case| {
            let message = attempt(case).err()?;
            Some(format!(
                "{who}, {} may not write {}: {}",
                case.account,
                case.object,
                message.trim()
            ))
        });
        let refused = |case: &Case, message: &str| {
            message.contains(&case.refused_by) || !lifted && message.contains("forbidden")
        };
        let tried = self
            .escapes
            .iter()
            .filter(|case| !(lifted && case.refused_by.starts_with("cannot ")));
        let escaped = tried.filter_map(|case| match attempt(case) {
            Ok(_) => Some(format!("{who}, {} got {}", case.account, case.what)),
            Err(message) if refused(case, &message) => None,
            Err(message) => Some(format!(
                "{who}, {} was refused {}, but so: {}",
                case.account,
                case.what,
                message.trim()
            )),
        });
        allowed.chain(escaped).collect()
    }

    fn object(&self, case: &Case, alpha: &Alpha<'_>) -> Value {
        let mut object = self.objects[&case.object].clone();
        if let Some(change) = &case.change {
            json_patch::merge(&mut object, change);
        }
        let mut text = object
            .to_string()
            .replace("\"UID\"", &format!("\"{}\"", alpha.uid));
        if case.existing {
            text = text.replace("shard-aa", &format!("shard-{}", alpha.shard));
        }
        serde_json::from_str(&text).expect("a uid and two hex digits keep it JSON")
    }
}

fn attempt(kubectl: Kubectl<'_>, case: &Case, object: &Value) -> Result<String, String> {
    let account = format!("--as=system:serviceaccount:fleet:{}", case.account);
    let field = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    let mut arguments = match case.verb {
        // As Flux applies: on the server, taking fields over.
        Verb::Apply => vec![
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=escape",
            "--dry-run=server",
            "-f",
            "-",
        ],
        Verb::Delete => vec!["delete", "--dry-run=server", "--wait=false", "-f", "-"],
        Verb::Get => vec!["get", "-f", "-"],
        Verb::Token => vec![
            "create",
            "token",
            field("name"),
            "--namespace",
            field("namespace"),
        ],
    };
    if !case.account.is_empty() {
        arguments.push(&account);
    }
    kubectl(&arguments, &object.to_string())
}
