//! Whether a pull request can be merged, and what is still missing.

use super::super::commit::Commit;
use super::super::git::{FileChange, Ident, NewCommit};
use super::super::state::World;
use super::super::state::checks::Standing;
use super::super::state::pulls::{Method, Pull};
use super::super::state::rules::Rules;

impl World {
    /// The commits of a pull request, oldest first.
    pub(crate) fn commits_of(&self, pull: &Pull) -> Vec<Commit> {
        let ids = self.repo.between(&pull.base_sha, &pull.head);
        ids.iter().filter_map(|id| self.repo.commit(id)).collect()
    }

    /// The files a pull request changes.
    pub(crate) fn files_of(&self, pull: &Pull) -> Vec<FileChange> {
        let base = self.repo.merge_base(&pull.base_sha, &pull.head);
        base.map_or_else(Vec::new, |base| self.repo.diff(&base, &pull.head))
    }

    /// Finds out whether a pull request can be merged, as GitHub does in the background after somebody asked.
    pub(crate) fn test_merge(&mut self, number: u64) {
        let Some(pull) = self.pulls.get(&number).filter(|it| it.open) else {
            return;
        };
        let key = (pull.base_sha.clone(), pull.head.clone());
        if pull.tested.as_ref() == Some(&key) {
            return;
        }
        let tree = self.repo.merged_tree(&key.0, &key.1);
        let who = Ident::github();
        let made = tree.map(|tree| {
            self.repo.make(&NewCommit {
                tree: &tree,
                parents: &[&key.0, &key.1],
                author: &who,
                committer: &who,
                message: &format!("Merge {} into {}", key.1, key.0),
                signed: false,
            })
        });
        if let Some(pull) = self.pulls.get_mut(&number) {
            pull.tested = Some(key);
            pull.test_merge = made;
        }
    }

    /// `mergeable` and `mergeable_state` of an open pull request.
    pub(crate) fn merge_state(&self, pull: &Pull) -> (Option<bool>, &'static str) {
        let tree = self.repo.merged_tree(&pull.base_sha, &pull.head);
        if tree.is_none() {
            return (Some(false), "dirty");
        }
        if pull.draft {
            return (Some(true), "draft");
        }
        let rules = self.rules_of(&pull.base);
        if !self.missing(pull, &rules).is_empty() {
            return (Some(true), "blocked");
        }
        if rules.strict && self.is_behind(pull) {
            return (Some(true), "behind");
        }
        let reports = self.reports(&pull.head);
        let unstable = reports.iter().any(|(_, it)| *it != Standing::Success);
        (Some(true), if unstable { "unstable" } else { "clean" })
    }

    fn is_behind(&self, pull: &Pull) -> bool {
        !self.repo.is_ancestor(&pull.base_sha, &pull.head)
    }

    /// What the rules want and is not there yet, in GitHub's sentences.
    pub(crate) fn missing(&self, pull: &Pull, rules: &Rules) -> Vec<String> {
        let mut missing = Vec::new();
        missing.extend(self.missing_approvals(pull, rules));
        missing.extend(self.missing_checks(&pull.head, rules));
        missing
    }

    fn missing_approvals(&self, pull: &Pull, rules: &Rules) -> Option<String> {
        if rules.approvals == 0 {
            return None;
        }
        let verdicts = pull.verdicts();
        let mut counted = verdicts.iter().filter(|it| self.writes(it.by));
        if counted.any(|it| it.state == "CHANGES_REQUESTED") {
            return Some("Changes have been requested by reviewers with write access.".to_owned());
        }
        let approvals = verdicts.iter().filter(|it| {
            it.state == "APPROVED"
                && self.writes(it.by)
                && (!rules.last_push_approval || it.by != pull.pushed_by)
        });
        let (have, want) = (approvals.count(), rules.approvals);
        (have < want).then(|| {
            let (reviews, verb) = if want == 1 {
                ("review", "is")
            } else {
                ("reviews", "are")
            };
            format!(
                "At least {want} approving {reviews} {verb} required by reviewers with write access."
            )
        })
    }

    /// What required checks still miss at a commit.
    pub(crate) fn missing_checks(&self, sha: &str, rules: &Rules) -> Option<String> {
        let reports = self.reports(sha);
        let standing = |name: &String| {
            let found = reports.iter().find(|(it, _)| it == name);
            found.map_or(Standing::Expected, |(_, it)| *it)
        };
        let open: Vec<(&String, Standing)> = rules
            .checks
            .iter()
            .map(|name| (name, standing(name)))
            .filter(|(_, it)| *it != Standing::Success)
            .collect();
        match open.as_slice() {
            [] => None,
            [(name, how)] => {
                let how = match how {
                    Standing::Failure => "is failing",
                    Standing::Pending => "is pending",
                    _ => "is expected",
                };
                Some(format!("Required status check \"{name}\" {how}."))
            }
            _ => {
                let (open, all) = (open.len(), rules.checks.len());
                Some(format!(
                    "{open} of {all} required status checks are expected."
                ))
            }
        }
    }

    /// Why a merge is refused now (405), leaving out what only a queue would decide; none where nothing stands against it.
    pub(crate) fn refusal(&self, pull: &Pull, method: Method, by: u64) -> Option<String> {
        let rules = self.rules_of(&pull.base);
        if !pull.open || pull.merged.is_some() {
            return Some("Pull Request is not mergeable".to_owned());
        }
        if pull.draft {
            return Some("Pull Request is still a draft".to_owned());
        }
        if let Some(refused) = self.method_refused(&rules, method) {
            return Some(refused);
        }
        if self.repo.merged_tree(&pull.base_sha, &pull.head).is_none() {
            return Some("Pull Request is not mergeable".to_owned());
        }
        if self.bypasses(&rules, by) {
            return None;
        }
        let mut missing = self.missing(pull, &rules);
        if rules.strict && self.is_behind(pull) {
            missing.push("This branch must be updated with the base branch first.".to_owned());
        }
        match missing.as_slice() {
            [] => None,
            _ if rules.ruleset => Some(format!(
                "Repository rule violations found\n\n{}\n\n",
                missing.join("\n\n")
            )),
            _ => Some(missing.join(" ")),
        }
    }

    fn method_refused(&self, rules: &Rules, method: Method) -> Option<String> {
        let text = match method {
            Method::Merge => "Merge commits",
            Method::Squash => "Squash merges",
            Method::Rebase => "Rebase merges",
        };
        if !self.settings.allows(method) {
            return Some(format!("{text} are not allowed on this repository."));
        }
        if rules.linear_history && method == Method::Merge {
            return Some("This branch must not contain merge commits.".to_owned());
        }
        None
    }
}
