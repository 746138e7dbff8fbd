//! The merge queue: entries, their temporary branches, and how they end.

use serde_json::json;

use super::super::json::commits;
use super::super::state::pulls::{Method, QueueEntry};
use super::super::state::{WEB_FLOW, World, now};
use super::merge::MergeOrder;

impl World {
    /// Puts a pull request into the merge queue.
    pub(crate) fn enqueue(
        &mut self,
        number: u64,
        expected: Option<&str>,
        by: u64,
    ) -> Result<u64, String> {
        let pull = self
            .pulls
            .get(&number)
            .ok_or("Could not resolve to a node")?;
        if !self.rules_of(&pull.base).merge_queue {
            return Err("The merge queue is not enabled for this branch".to_owned());
        }
        if expected.is_some_and(|sha| sha != pull.head) {
            return Err("Head branch was modified. Review and try the merge again.".to_owned());
        }
        if self.queue.iter().any(|it| it.number == number) {
            return Err("Pull request is already in the queue".to_owned());
        }
        if !["clean", "unstable"].contains(&self.merge_state(pull).1) {
            return Err("Pull request is not mergeable".to_owned());
        }
        let pull = pull.clone();
        let last = self.queue.last().map(|it| it.head.clone());
        let base = last.unwrap_or_else(|| pull.base_sha.clone());
        let order = MergeOrder::from(Method::Merge);
        let head = self.made_on(&pull, &base, &order, WEB_FLOW);
        let head = head.ok_or("Pull request conflicts with what is before it in the queue")?;
        let branch = format!("gh-readonly-queue/{}/pr-{number}-{base}", pull.base);
        self.repo.move_branch(&branch, &head, "");
        let id = self.fresh();
        self.queue.push(QueueEntry {
            id,
            number,
            by,
            at: now(),
            base,
            head,
            branch,
        });
        self.tell_pull("enqueued", number, by, json!({}));
        self.branches_moved(WEB_FLOW);
        self.tell_group("checks_requested", id, None);
        if self.settings.queue_at_once {
            self.process_queue();
        }
        Ok(id)
    }

    /// Takes a pull request out of the queue.
    pub(crate) fn dequeue(&mut self, number: u64, by: u64, reason: &str) -> Result<(), String> {
        let found = self.queue.iter().position(|it| it.number == number);
        let place = found.ok_or("Pull request is not in the queue")?;
        let group = match reason {
            "MERGE" => "merged",
            "CI_FAILURE" | "MERGE_CONFLICT" => "invalidated",
            _ => "dequeued",
        };
        let id = self.queue[place].id;
        self.tell_group("destroyed", id, Some(group));
        let entry = self.queue.remove(place);
        self.repo.delete_branch(&entry.branch);
        self.tell_pull("dequeued", number, by, json!({"reason": reason}));
        Ok(())
    }

    /// A pushed head is out of the queue.
    pub(crate) fn dequeue_moved(&mut self, number: u64, by: u64) {
        if self.queue.iter().any(|it| it.number == number) {
            // it is in the queue, so this finds it
            let _gone = self.dequeue(number, by, "UNKNOWN_REMOVAL_REASON");
        }
    }

    /// Works off the queue: each entry in order, merged when the required checks of its group are well.
    pub(crate) fn process_queue(&mut self) {
        while let Some(entry) = self.queue.first().cloned() {
            let Some(pull) = self.pulls.get(&entry.number).cloned() else {
                return;
            };
            let rules = self.rules_of(&pull.base);
            let failed = self.missing_checks(&entry.head, &rules);
            if let Some(why) = failed {
                if why.contains("expected") || why.contains("pending") {
                    return;
                }
                // it is the first, so this finds it
                let _gone = self.dequeue(entry.number, WEB_FLOW, "CI_FAILURE");
                continue;
            }
            let _gone = self.dequeue(entry.number, WEB_FLOW, "MERGE");
            // the base moved past the group: GitHub builds it again
            if self.land(&pull, &entry.head, entry.by).is_err() {
                let _again = self.enqueue(entry.number, None, entry.by);
                return;
            }
        }
        self.branches_moved(WEB_FLOW);
    }

    fn tell_group(&self, action: &str, id: u64, reason: Option<&str>) {
        let Some(entry) = self.queue.iter().find(|it| it.id == id) else {
            return;
        };
        let base = &self.pulls[&entry.number].base;
        let head = self.repo.commit(&entry.head);
        let mut payload = json!({
            "action": action,
            "merge_group": {
                "head_sha": entry.head,
                "head_ref": format!("refs/heads/{}", entry.branch),
                "base_sha": entry.base,
                "base_ref": format!("refs/heads/{base}"),
                "head_commit": head.map(|it| commits::simple(&it)),
            },
        });
        if let Some(reason) = reason {
            payload["reason"] = json!(reason);
        }
        self.tell("merge_group", WEB_FLOW, payload);
    }
}
