//! What follows when branches moved, whoever moved them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::json::commits;
use super::super::state::pulls::Merged;
use super::super::state::{OWNER, World, now};

/// A branch that moved.
struct Move {
    branch: String,
    /// Empty where it is new.
    old: String,
    /// Empty where it is gone.
    new: String,
}

const NOTHING: &str = "0000000000000000000000000000000000000000";

impl World {
    /// Looks at the branches again: tells of what moved, and brings pull requests up to date.
    pub(crate) fn branches_moved(&mut self, by: u64) {
        let now = self.repo.branches();
        let moves = moves(&self.branches, &now);
        if moves.is_empty() {
            return;
        }
        self.branches = now;
        for it in &moves {
            self.tell_push(it, by);
            self.bases_moved(it, by);
            self.heads_moved(OWNER, it, by);
            self.new_suite(it);
        }
        self.try_auto_merges();
    }

    /// A branch of a fork moved.
    pub(crate) fn fork_moved(&mut self, owner: u64, branch: &str, old: &str, by: u64) {
        let new = self.head_of(owner, branch).unwrap_or_default();
        let it = Move {
            branch: branch.to_owned(),
            old: old.to_owned(),
            new,
        };
        self.heads_moved(owner, &it, by);
    }

    fn bases_moved(&mut self, it: &Move, by: u64) {
        // asked once, and not for each of a thousand pull requests
        let news = match (it.old.is_empty(), it.new.is_empty()) {
            (false, false) => self.repo.between(&it.old, &it.new),
            _ => Vec::new(),
        };
        let news: BTreeSet<String> = news.into_iter().collect();
        let onto = self.pulls.values();
        let onto = onto.filter(|pull| pull.open && pull.base == it.branch);
        let numbers: Vec<u64> = onto.map(|it| it.number).collect();
        for number in numbers {
            if it.new.is_empty() {
                self.close_pull(number, by);
                continue;
            }
            let head = self.pulls[&number].head.clone();
            if news.contains(&head) {
                self.merged_by_push(number, &head, by);
            } else if let Some(pull) = self.pulls.get_mut(&number) {
                it.new.clone_into(&mut pull.base_sha);
            }
        }
    }

    /// A head that is on the base now is merged, however it came there.
    fn merged_by_push(&mut self, number: u64, head: &str, by: u64) {
        if let Ok(pull) = self.pull_mut(number) {
            pull.open = false;
            pull.auto_merge = None;
            pull.closed_at = Some(now());
            pull.closed_by = Some(by);
            pull.merged = Some(Merged {
                commit: head.to_owned(),
                by,
                at: now(),
            });
        }
        self.tell_pull("closed", number, by, json!({}));
    }

    fn heads_moved(&mut self, owner: u64, it: &Move, by: u64) {
        let from = self.pulls.values();
        let from = from.filter(|pull| pull.open && pull.is_from(owner, &it.branch));
        let numbers: Vec<u64> = from.map(|it| it.number).collect();
        for number in numbers {
            if it.new.is_empty() {
                self.close_pull(number, by);
                continue;
            }
            if let Ok(pull) = self.pull_mut(number) {
                it.new.clone_into(&mut pull.head);
                pull.pushed_by = by;
            }
            self.keep_head(number, &it.new);
            self.dequeue_moved(number, by);
            let more = json!({"before": it.old, "after": it.new});
            self.tell_pull("synchronize", number, by, more);
            self.dismiss_stale(number, by);
            if !self.writes(by) {
                // GitHub disarms when somebody without write access pushes; nothing armed is fine
                let _disarmed = self.disarm(
                    number,
                    by,
                    "Head branch was pushed to by a user without write access",
                );
            }
        }
    }

    fn tell_push(&self, it: &Move, by: u64) {
        let (old, new) = (or_nothing(&it.old), or_nothing(&it.new));
        let ids = match (it.old.is_empty(), it.new.is_empty()) {
            (_, true) => Vec::new(),
            (true, false) => self.news(&it.branch, &it.new),
            (false, false) => self.repo.between(&it.old, &it.new),
        };
        let found: Vec<_> = ids.iter().filter_map(|id| self.repo.commit(id)).collect();
        // GitHub puts in 2,048 commits at most
        let shown: Vec<Value> = found
            .iter()
            .take(2048)
            .map(|commit| commits::pushed(self, commit, true))
            .collect();
        let head = self.repo.commit(&it.new);
        let forced =
            !it.old.is_empty() && !it.new.is_empty() && !self.repo.is_ancestor(&it.old, &it.new);
        let pusher = self.account(by);
        self.tell(
            "push",
            by,
            json!({
                "ref": format!("refs/heads/{}", it.branch),
                "before": old,
                "after": new,
                "created": it.old.is_empty(),
                "deleted": it.new.is_empty(),
                "forced": forced,
                "base_ref": null,
                "compare": format!("{}/compare/{}...{}", self.repo_html(), &old[..12], &new[..12]),
                "commits": shown,
                "head_commit": head.map(|it| commits::pushed(self, &it, true)),
                "pusher": {"name": pusher.login, "email": pusher.email()},
            }),
        );
    }

    /// Commits of a new branch that no other branch had.
    fn news(&self, branch: &str, head: &str) -> Vec<String> {
        let exclude = format!("--exclude=refs/heads/{branch}");
        let args = [
            "rev-list",
            "--reverse",
            "--topo-order",
            head,
            "--not",
            &exclude,
            "--branches",
        ];
        let said = self.repo.try_git(&args).unwrap_or_default();
        said.lines().map(str::to_owned).collect()
    }

    fn new_suite(&mut self, it: &Move) {
        if !it.new.is_empty() {
            let app = self.app.id;
            let suite = self.suite_of(app, &it.new, Some(&it.branch), or_nothing(&it.old));
            self.tell_suite("requested", suite);
        }
    }
}

fn or_nothing(id: &str) -> &str {
    if id.is_empty() { NOTHING } else { id }
}

fn moves(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Move> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let names = after.keys().chain(gone);
    let one = |name: &String| Move {
        branch: name.clone(),
        old: before.get(name).cloned().unwrap_or_default(),
        new: after.get(name).cloned().unwrap_or_default(),
    };
    names.map(one).filter(|it| it.old != it.new).collect()
}
