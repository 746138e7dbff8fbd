//! What webhooks tell, as far as it concerns proposals, comments and issues: where to look, and nothing more.
//!
//! Must not know: how anything is looked at.

use std::time::Instant;

use super::{Ended, Worker};
use crate::domain::CommitId;
use crate::domain::forge::{Hint, REVIEW};
use crate::domain::proposal::life::{Proposal, Stage};
use crate::workflow::core::lock;
use crate::workflow::proposals::rota::Look;
use crate::workflow::proposals::{Trouble, commands, forms, queue};

impl Worker {
    /// Where webhooks say that something happened.
    pub(super) fn hear(&mut self) -> Result<(), Trouble> {
        let core = self.context.core.clone();
        let hints = core.journal.hints()?;
        for (_, hint) in &hints {
            match hint {
                Hint::Pull {
                    number,
                    action,
                    head,
                } => {
                    self.touched(*number, action, head.as_ref());
                    self.outside.pull_moved(*number);
                }
                Hint::Commit { sha } => {
                    let waits = |it: &Proposal| it.pushed.as_ref() == Some(sha) && it.frozen;
                    self.look_at(Look::Short, waits);
                }
                Hint::Push { reference } if reference.ends_with("/main") => core.look_at_remote(),
                Hint::Group { sha, number } => self.report_on(*number, sha.clone()),
                // Of a branch of ours its pull request tells as well.
                Hint::Push { .. } => {}
                Hint::Installation => self.look_at_all(),
                Hint::Comment {
                    number,
                    comment,
                    body,
                } => self.hear_comment(*number, *comment, body.clone()),
                Hint::Issue { number, body } => self.take_issue(*number, Some(body.clone())),
            }
        }
        let done: Vec<u64> = hints.into_iter().map(|(id, _)| id).collect();
        core.journal.delivered(&done)?;
        Ok(())
    }

    /// Something happened to a pull request. Much of it we did ourselves.
    fn touched(&mut self, number: u64, action: &str, head: Option<&CommitId>) {
        let look = if action == REVIEW {
            Look::Reviews
        } else {
            Look::Short
        };
        self.look_at(look, |it| {
            let pushed_by_us = head.is_some_and(|head| it.made(head));
            let by_us = match action {
                "opened" => true,
                "edited" | "synchronize" => pushed_by_us,
                "closed" => it.merged_as.is_some(),
                _ => false,
            };
            let over = it.stage == Stage::Rejected && action != "reopened";
            // It may be told of before we hear that it is open.
            let known = it.number().map_or(pushed_by_us, |it| it == number);
            known && !by_us && !over
        });
    }

    pub(super) fn look_at(&mut self, look: Look, which: impl Fn(&Proposal) -> bool) {
        let proposals = lock(&self.context.core.proposals);
        for found in proposals.values().filter(|it| which(it)) {
            self.rota.want(&found.branch, look);
        }
    }

    pub(super) fn look_at_all(&mut self) {
        self.look_at(Look::Whole, |it| it.stage != Stage::Rejected);
    }

    /// The merge queue waits for our checks.
    fn report_on(&mut self, number: u64, group: CommitId) {
        let context = self.context.clone();
        self.tasks
            .spawn(async move { Ended::Aside(queue::report(&context, number, &group).await) });
    }

    /// A comment that a webhook told of.
    fn hear_comment(&mut self, number: u64, comment: u64, body: String) {
        if self.context.speaks() {
            let context = self.context.clone();
            self.tasks.spawn(async move {
                Ended::Aside(commands::obey(&context, number, comment, &body).await)
            });
        }
    }

    /// An issue that may be a request.
    pub(super) fn take_issue(&mut self, number: u64, body: Option<String>) {
        if self.context.takes_forms() && self.issues.insert(number) {
            let context = self.context.clone();
            self.tasks.spawn(async move {
                let done = forms::take(&context, number, body.as_deref()).await;
                Ended::Issue(number, done)
            });
        }
    }

    /// Issues whose requests have come to an end.
    pub(super) fn tell_issues(&mut self) {
        for (number, change) in forms::over(&self.context) {
            let rests = self.issue_rests.holds(&number, Instant::now());
            if !rests && self.issues.insert(number) {
                let context = self.context.clone();
                self.tasks.spawn(async move {
                    let done = forms::tell(&context, number, &change).await;
                    Ended::Issue(number, done)
                });
            }
        }
    }
}
