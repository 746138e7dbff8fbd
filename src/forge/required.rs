//! Which checks a branch wants before anything is merged into it.
//!
//! The bot may bypass a rule, so that it can push; then the forge merges for it whatever the checks say, and who merges
//! has to ask. Must not know: how they stand.

use std::collections::BTreeSet;

use hyper::StatusCode;
use serde::Deserialize;

use super::call::{Call, encoded};
use super::examine::Rule;
use super::{Forge, ForgeError};
use crate::domain::forge::Priority;

/// A branch, with what the older branch protection asks of it.
#[derive(Deserialize)]
struct BranchShape {
    #[serde(default)]
    protection: Protection,
}

#[derive(Default, Deserialize)]
struct Protection {
    #[serde(default)]
    required_status_checks: Contexts,
}

#[derive(Default, Deserialize)]
struct Contexts {
    #[serde(default)]
    contexts: Vec<String>,
}

impl Forge {
    /// The names of the checks and statuses that rules of a branch require, by rulesets and by the older protection.
    ///
    /// # Errors
    /// Any but `InDoubt` and `NotFound`.
    pub async fn required_checks(&self, branch: &str) -> Result<BTreeSet<String>, ForgeError> {
        let line = self.line();
        let rules = line.path(&format!("/rules/branches/{}", encoded(branch)));
        let rules = line
            .list(Priority::Merge, &rules, |page: Vec<Rule>| page)
            .await;
        let mut names: BTreeSet<String> = match rules {
            Ok(rules) => rules.iter().flat_map(contexts).collect(),
            // Before GitHub Enterprise Server 3.11 there are none.
            Err(ForgeError::NotFound(_)) => BTreeSet::new(),
            Err(error) => return Err(error),
        };
        let path = line.path(&format!("/branches/{}", encoded(branch)));
        let call = Call::get(Priority::Merge, path);
        let answer = line.call(&call).await?;
        if answer.status != StatusCode::NOT_FOUND {
            let found: BranchShape = answer.good(&call.name())?.parsed(&call.name(), false)?;
            names.extend(found.protection.required_status_checks.contexts);
        }
        Ok(names)
    }
}

/// The checks that one rule of a ruleset requires.
fn contexts(rule: &Rule) -> Vec<String> {
    let listed = rule.parameters()["required_status_checks"].as_array();
    let names = listed.into_iter().flatten();
    let names = names.filter_map(|it| it["context"].as_str().map(str::to_owned));
    if rule.is("required_status_checks") {
        names.collect()
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_rule_for_checks_names_checks() {
        let parameters = json!({"required_status_checks": [{"context": "ci"}, {"context": "lint", "integration_id": 7}]});
        for (kind, names) in [
            ("required_status_checks", vec!["ci", "lint"]),
            ("pull_request", vec![]),
        ] {
            let rule = json!({"type": kind, "parameters": parameters, "ruleset_id": 3});
            let rule: Rule = serde_json::from_value(rule).unwrap();
            assert_eq!(contexts(&rule), names);
        }
        let bare: Rule = serde_json::from_value(json!({"type": "required_status_checks"})).unwrap();
        assert!(contexts(&bare).is_empty());
    }
}
