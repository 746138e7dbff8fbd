//! Merging, in three methods, as GitHub makes the commits; and auto-merge.

use serde_json::json;

use super::super::commit::{Commit, Signature};
use super::super::git::{Ident, NewCommit};
use super::super::problem::Problem;
use super::super::state::accounts::Account;
use super::super::state::pulls::{AutoMerge, Merged, Method, Pull};
use super::super::state::{World, now};

/// How somebody wants a pull request merged.
#[derive(Debug, Clone)]
pub(crate) struct MergeOrder {
    pub(crate) method: Method,
    /// What the head must be.
    pub(crate) sha: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) message: Option<String>,
}

impl From<Method> for MergeOrder {
    fn from(method: Method) -> Self {
        Self {
            method,
            sha: None,
            title: None,
            message: None,
        }
    }
}

impl World {
    /// Merges a pull request and returns the commit.
    pub(crate) fn merge_pull(
        &mut self,
        number: u64,
        order: &MergeOrder,
        by: u64,
    ) -> Result<String, Problem> {
        let pull = self.pull(number)?.clone();
        if !self.writes(by) {
            return Err(Problem::new(403, "Resource not accessible by integration"));
        }
        let moved = "Head branch was modified. Review and try the merge again.";
        if order.sha.as_ref().is_some_and(|sha| *sha != pull.head) {
            return Err(Problem::new(409, moved));
        }
        if let Some(why) = self.refusal(&pull, order.method, by) {
            return Err(Problem::new(405, why));
        }
        let rules = self.rules_of(&pull.base);
        if rules.merge_queue && !self.bypasses(&rules, by) {
            let why = "Changes must be made through the merge queue";
            return Err(Problem::new(405, why));
        }
        let made = self.made_on(&pull, &pull.base_sha, order, by);
        let made = made.ok_or_else(|| Problem::new(405, "Pull Request is not mergeable"))?;
        self.land(&pull, &made, by)?;
        Ok(made)
    }

    /// Makes the commits of a merge on top of `base`; none where they conflict.
    pub(crate) fn made_on(
        &self,
        pull: &Pull,
        base: &str,
        order: &MergeOrder,
        by: u64,
    ) -> Option<String> {
        let tree = self.repo.merged_tree(base, &pull.head)?;
        let (who, github) = (Ident::of(self.account(by)), Ident::github());
        match order.method {
            Method::Merge => Some(self.repo.make(&NewCommit {
                tree: &tree,
                parents: &[base, &pull.head],
                author: &who,
                committer: &github,
                message: &self.merge_message(pull, order),
                signed: true,
            })),
            Method::Squash => Some(self.repo.make(&NewCommit {
                tree: &tree,
                parents: &[base],
                author: &Ident::of(self.account(pull.author)),
                committer: &github,
                message: &self.squash_message(pull, order),
                signed: true,
            })),
            Method::Rebase => self.rebased(pull, base, &who),
        }
    }

    /// Moves the base to a finished merge, and all that follows from that.
    pub(crate) fn land(&mut self, pull: &Pull, made: &str, by: u64) -> Result<(), Problem> {
        let old = self.branches.get(&pull.base).cloned().unwrap_or_default();
        if old != pull.base_sha || !self.repo.move_branch(&pull.base, made, &old) {
            let why = "Base branch was modified. Review and try the merge again.";
            return Err(Problem::new(405, why));
        }
        let it = self.pull_mut(pull.number)?;
        it.open = false;
        it.auto_merge = None;
        it.closed_at = Some(now());
        it.closed_by = Some(by);
        it.merged = Some(Merged {
            commit: made.to_owned(),
            by,
            at: now(),
        });
        self.queue.retain(|it| it.number != pull.number);
        self.tell_pull("closed", pull.number, by, json!({}));
        if self.settings.delete_branch_on_merge && pull.is_own() {
            self.repo.delete_branch(&pull.branch);
        }
        self.branches_moved(by);
        Ok(())
    }

    fn merge_message(&self, pull: &Pull, order: &MergeOrder) -> String {
        let owner = &self
            .account(pull.fork.unwrap_or(super::super::state::OWNER))
            .login;
        let (number, branch) = (pull.number, &pull.branch);
        let title = order.title.clone();
        let title =
            title.unwrap_or_else(|| format!("Merge pull request #{number} from {owner}/{branch}"));
        let message = order.message.clone().unwrap_or_else(|| pull.title.clone());
        joined(&title, &message)
    }

    fn squash_message(&self, pull: &Pull, order: &MergeOrder) -> String {
        let commits = self.commits_of(pull);
        let single = match commits.as_slice() {
            [one] => Some(one),
            _ => None,
        };
        let from_commit = self.settings.squash_merge_commit_title == "COMMIT_OR_PR_TITLE";
        let title = order.title.clone().unwrap_or_else(|| {
            let of_commit = single.filter(|_| from_commit).map(Commit::title);
            format!("{} (#{})", of_commit.unwrap_or(&pull.title), pull.number)
        });
        let message = order.message.clone().unwrap_or_else(|| {
            let body = match self.settings.squash_merge_commit_message.as_str() {
                "PR_BODY" => pull.body.clone().unwrap_or_default(),
                "BLANK" => String::new(),
                _ => listed(&commits, single),
            };
            joined(&body, &self.co_authors(pull, &commits))
        });
        joined(&title, &message)
    }

    /// Trailers for those who wrote commits and are not the author of the squashed one.
    fn co_authors(&self, pull: &Pull, commits: &[Commit]) -> String {
        let own = self.account(pull.author).email();
        let mut lines: Vec<String> = Vec::new();
        for who in commits.iter().map(|it| &it.author) {
            let line = format!("Co-authored-by: {} <{}>", who.name, who.email);
            if who.email != own && !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines.join("\n")
    }

    /// The same changes commit by commit, unsigned and with another committer, as GitHub makes them.
    fn rebased(&self, pull: &Pull, base: &str, committer: &Ident) -> Option<String> {
        let mut onto = base.to_owned();
        for commit in self.commits_of(pull) {
            let [parent] = commit.parents.as_slice() else {
                continue;
            };
            let tree = self.picked(&onto, parent, &commit.id)?;
            onto = self.repo.make(&NewCommit {
                tree: &tree,
                parents: &[&onto],
                author: &Ident::from(&commit.author),
                committer,
                message: &commit.message,
                signed: false,
            });
        }
        Some(onto)
    }

    /// The tree of `onto` with the change from `parent` to `commit`. Git 2.39 takes no merge base as an argument, so a
    /// passing commit on top of `parent` stands for `onto`.
    fn picked(&self, onto: &str, parent: &str, commit: &str) -> Option<String> {
        let who = Ident::github();
        let tree = self.repo.commit(onto)?.tree;
        let passing = self.repo.make(&NewCommit {
            tree: &tree,
            parents: &[parent],
            author: &who,
            committer: &who,
            message: "passing",
            signed: false,
        });
        self.repo.merged_tree(&passing, commit)
    }

    /// Arms auto-merge.
    pub(crate) fn arm(&mut self, number: u64, order: &MergeOrder, by: u64) -> Result<(), String> {
        let pull = self
            .pulls
            .get(&number)
            .ok_or("Could not resolve to a node")?;
        if !self.settings.allow_auto_merge {
            return Err("Pull request Auto merge is not allowed for this repository".to_owned());
        }
        if order.sha.as_ref().is_some_and(|sha| *sha != pull.head) {
            let given = order.sha.as_deref().unwrap_or_default();
            return Err(format!(
                "Head sha of {given} does not match the pull request's head"
            ));
        }
        if !pull.open {
            return Err("Can't enable auto-merge for this pull request.".to_owned());
        }
        match self.merge_state(pull).1 {
            "clean" => return Err("Pull request Pull request is in clean status".to_owned()),
            "unstable" => return Err("Pull request Pull request is in unstable status".to_owned()),
            _ => {}
        }
        if !self.settings.allows(order.method) {
            let name = order.method.name();
            return Err(format!(
                "Merge method {name} merging is not allowed on this repository"
            ));
        }
        let armed = AutoMerge {
            by,
            method: order.method,
            title: order.title.clone(),
            message: order.message.clone(),
            at: now(),
        };
        if let Ok(pull) = self.pull_mut(number) {
            pull.auto_merge = Some(armed);
        }
        self.tell_pull("auto_merge_enabled", number, by, json!({"reason": ""}));
        Ok(())
    }

    /// Takes auto-merge back.
    pub(crate) fn disarm(&mut self, number: u64, by: u64, reason: &str) -> Result<(), String> {
        let pull = self.pulls.get_mut(&number);
        let pull = pull.ok_or("Could not resolve to a node")?;
        if pull.auto_merge.take().is_none() {
            let why = "Can't disable auto-merge for this pull request.";
            return Err(why.to_owned());
        }
        self.tell_pull("auto_merge_disabled", number, by, json!({"reason": reason}));
        Ok(())
    }

    /// Merges what is armed and has everything it needs.
    pub(crate) fn try_auto_merges(&mut self) {
        let armed = self
            .pulls
            .values()
            .filter(|it| it.open && it.auto_merge.is_some());
        let armed: Vec<Pull> = armed.cloned().collect();
        for pull in armed {
            let Some(auto) = pull.auto_merge.clone() else {
                continue;
            };
            // what is missing is known at once; whether it conflicts takes a merge
            let rules = self.rules_of(&pull.base);
            let waits = !self.missing(&pull, &rules).is_empty();
            if waits || !["clean", "unstable"].contains(&self.merge_state(&pull).1) {
                continue;
            }
            if rules.merge_queue {
                // GitHub itself puts it into the queue; it says no to nothing here
                let _queued = self.enqueue(pull.number, None, auto.by);
                continue;
            }
            let order = MergeOrder {
                method: auto.method,
                sha: None,
                title: auto.title,
                message: auto.message,
            };
            // a refusal leaves it armed, as at GitHub
            let _merged = self.merge_pull(pull.number, &order, auto.by);
        }
    }
}

impl Ident {
    /// GitHub itself, now.
    pub(crate) fn github() -> Self {
        Self::named("GitHub", "noreply@github.com")
    }

    /// An account, now.
    pub(crate) fn of(account: &Account) -> Self {
        Self::named(&account.login, &account.email())
    }

    fn named(name: &str, email: &str) -> Self {
        Self {
            name: name.to_owned(),
            email: email.to_owned(),
            date: format!("@{} +0000", now().as_second()),
        }
    }
}

impl From<&Signature> for Ident {
    fn from(it: &Signature) -> Self {
        Self {
            name: it.name.clone(),
            email: it.email.clone(),
            date: format!("@{} {}", it.at, it.zone),
        }
    }
}

fn joined(one: &str, other: &str) -> String {
    let parts = [one.trim_end(), other.trim_end()];
    let parts: Vec<&str> = parts.into_iter().filter(|it| !it.is_empty()).collect();
    parts.join("\n\n")
}

/// The messages of a squash: a single commit's own text, or each as an item of a list.
fn listed(commits: &[Commit], single: Option<&Commit>) -> String {
    if let Some(one) = single {
        return one.rest().to_owned();
    }
    let items = commits
        .iter()
        .map(|it| format!("* {}", it.message.trim_end()));
    items.collect::<Vec<_>>().join("\n\n")
}
