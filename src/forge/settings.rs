//! Reads what `serve --check` looks at: the repository's settings, its branch rules, and what we may do.
//!
//! Must not know: what is right.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use hyper::StatusCode;
use serde::Deserialize;

use super::call::{Call, Line, encoded};
use super::credential::Credential;
use super::examine::{Branch, Bypass, Grants, Rule, Seen, Settings, Wanted, examine, lacking};
use super::{Forge, ForgeError};
use crate::domain::forge::{Finding, Priority};
use crate::domain::proposal::form::LABEL;

#[derive(Deserialize)]
struct Installation {
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    suspended_at: Option<String>,
}

/// A ruleset. Whom it lets past is told to nobody but its editors; whether that is us, to us.
#[derive(Deserialize)]
struct Ruleset {
    current_user_can_bypass: Option<String>,
}

#[derive(Deserialize)]
struct BranchShape {
    #[serde(default)]
    protected: bool,
}

impl Forge {
    /// Looks for what would stop the bot, or surprise its people: permissions, settings, branch rules. The worst first.
    ///
    /// # Errors
    /// Any but `InDoubt`.
    pub async fn examine(&self, wanted: &Wanted) -> Result<Vec<Finding>, ForgeError> {
        let line = self.line();
        let grants = line.grants().await?;
        let lacking = lacking(&grants, line.features);
        if !lacking.is_empty() {
            return Ok(lacking);
        }
        let settings = Call::get(Priority::Poll, line.path(""));
        let settings: Settings = line.ask(settings).await?;
        let base = line.branch(&wanted.base).await?;
        let mut deploy = Vec::new();
        for name in &wanted.deploy {
            deploy.push(line.branch(name).await?);
        }
        let label = if wanted.forms {
            Some(line.has(line.path(&format!("/labels/{LABEL}"))).await?)
        } else {
            None
        };
        let seen = Seen {
            repository: line.slug.to_string(),
            grants,
            settings,
            base,
            deploy,
            label,
        };
        Ok(examine(&seen, wanted))
    }
}

impl Line {
    async fn grants(&self) -> Result<Grants, ForgeError> {
        let Credential::App(app) = &self.credential else {
            return Ok(Grants::Token);
        };
        let answer = app.installation(&self.gate).await?;
        let found: Installation = answer.parsed("the installation", false)?;
        Ok(Grants::App {
            permissions: found.permissions,
            suspended: found.suspended_at.is_some(),
        })
    }

    /// A branch need not be there yet; its rules are known all the same.
    async fn branch(&self, name: &str) -> Result<Branch, ForgeError> {
        let rules = self.path(&format!("/rules/branches/{}", encoded(name)));
        let rules = self
            .list(Priority::Poll, &rules, |page: Vec<Rule>| page)
            .await;
        let rules = match rules {
            Ok(rules) => self.with_bypass(rules).await?,
            // Before GitHub Enterprise Server 3.11 there are none.
            Err(ForgeError::NotFound(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        let call = Call::get(
            Priority::Poll,
            self.path(&format!("/branches/{}", encoded(name))),
        );
        let answer = self.call(&call).await?;
        let found = answer.status != StatusCode::NOT_FOUND;
        let protected = found
            && answer
                .good(&call.name())?
                .parsed::<BranchShape>(&call.name(), false)?
                .protected;
        Ok(Branch {
            name: name.to_owned(),
            protected,
            rules,
        })
    }

    /// Rules say which ruleset they are in, and that says whether we may bypass it.
    async fn with_bypass(&self, mut rules: Vec<Rule>) -> Result<Vec<Rule>, ForgeError> {
        let mut known = BTreeMap::new();
        for rule in &mut rules {
            let Some(id) = rule.ruleset_id else { continue };
            if let Entry::Vacant(unknown) = known.entry(id) {
                unknown.insert(self.bypass(id).await?);
            }
            rule.bypass = known[&id];
        }
        Ok(rules)
    }

    async fn bypass(&self, ruleset: u64) -> Result<Bypass, ForgeError> {
        let call = Call::get(
            Priority::Poll,
            self.path(&format!("/rulesets/{ruleset}?includes_parents=true")),
        );
        let found: Ruleset = match self.ask(call).await {
            Ok(found) => found,
            // Somebody took it away meanwhile, or it may not be seen.
            Err(ForgeError::NotFound(_) | ForgeError::Forbidden(_)) => return Ok(Bypass::No),
            Err(error) => return Err(error),
        };
        Ok(Bypass::parse(found.current_user_can_bypass.as_deref()))
    }

    /// Whether there is something at a path.
    async fn has(&self, path: String) -> Result<bool, ForgeError> {
        let call = Call::get(Priority::Poll, path);
        let answer = self.call(&call).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        answer.good(&call.name()).map(|_| true)
    }
}
