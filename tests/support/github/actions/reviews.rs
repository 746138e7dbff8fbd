//! Reviews: handed in, submitted, dismissed.

use serde_json::json;

use super::super::problem::Problem;
use super::super::state::accounts::Role;
use super::super::state::pulls::Review;
use super::super::state::{World, now};

impl World {
    /// Writes a review and returns its number. Without an event it stays pending.
    pub(crate) fn review(
        &mut self,
        number: u64,
        event: Option<&str>,
        body: &str,
        commit: Option<&str>,
        by: u64,
    ) -> Result<u64, Problem> {
        let pull = self.pull(number)?;
        let state = verdict(event)?;
        let own = pull.author == by;
        refuse_empty(state, body)?;
        refuse_own(state, own)?;
        let commit = commit.unwrap_or(&pull.head).to_owned();
        let known = self.commits_of(pull).iter().any(|it| it.id == commit);
        if !known && commit != pull.head {
            return Err(Problem::unprocessable(
                "Commit is not part of the pull request",
            ));
        }
        if pull
            .reviews
            .iter()
            .any(|it| it.by == by && it.state == "PENDING")
        {
            let why = "User can only have one pending review per pull request";
            return Err(Problem::unprocessable(why));
        }
        let id = self.fresh();
        let review = Review {
            id,
            by,
            state,
            body: body.to_owned(),
            commit,
            at: (state != "PENDING").then(now),
        };
        let pull = self.pull_mut(number)?;
        pull.reviews.push(review);
        self.review_submitted(number, id, by)?;
        Ok(id)
    }

    /// Submits a pending review.
    pub(crate) fn submit_review(
        &mut self,
        number: u64,
        id: u64,
        event: &str,
        body: Option<&str>,
        by: u64,
    ) -> Result<(), Problem> {
        let state = verdict(Some(event))?;
        let own = self.pull(number)?.author == by;
        refuse_own(state, own)?;
        let review = self.review_mut(number, id)?;
        if review.by != by || review.state != "PENDING" {
            return Err(Problem::unprocessable("Can not submit this review"));
        }
        refuse_empty(state, body.unwrap_or(&review.body))?;
        review.state = state;
        review.at = Some(now());
        if let Some(body) = body {
            body.clone_into(&mut review.body);
        }
        self.review_submitted(number, id, by)
    }

    fn review_submitted(&mut self, number: u64, id: u64, by: u64) -> Result<(), Problem> {
        if self.review_mut(number, id)?.state == "PENDING" {
            return Ok(());
        }
        let teams = self.teams.values().filter(|it| it.members.contains(&by));
        let teams: Vec<String> = teams.map(|it| it.slug.clone()).collect();
        let pull = self.pull_mut(number)?;
        pull.reviewers.remove(&by);
        pull.teams.retain(|slug| !teams.contains(slug));
        self.tell_review("submitted", number, id, by, json!({}));
        self.try_auto_merges();
        Ok(())
    }

    /// Dismisses a review. A branch with rules lets administrators do that, and those who may push.
    pub(crate) fn dismiss_review(&mut self, number: u64, id: u64, by: u64) -> Result<(), Problem> {
        if self.role(by) < Role::Write {
            return Err(Problem::new(
                403,
                "Must have write access to dismiss reviews.",
            ));
        }
        let review = self.review_mut(number, id)?;
        if !["APPROVED", "CHANGES_REQUESTED"].contains(&review.state) {
            let why = format!(
                "Can not dismiss a {} pull request review",
                review.state.to_lowercase()
            );
            return Err(Problem::unprocessable(&why));
        }
        review.state = "DISMISSED";
        self.tell_review("dismissed", number, id, by, json!({}));
        Ok(())
    }

    /// Dismisses every approval, because the head moved.
    pub(crate) fn dismiss_stale(&mut self, number: u64, by: u64) {
        let Ok(pull) = self.pull(number) else { return };
        if !self.rules_of(&pull.base).dismiss_stale {
            return;
        }
        let approvals = pull.reviews.iter().filter(|it| it.state == "APPROVED");
        let ids: Vec<u64> = approvals.map(|it| it.id).collect();
        for id in ids {
            if let Ok(review) = self.review_mut(number, id) {
                review.state = "DISMISSED";
            }
            self.tell_review("dismissed", number, id, by, json!({}));
        }
    }

    fn review_mut(&mut self, number: u64, id: u64) -> Result<&mut Review, Problem> {
        let pull = self.pull_mut(number)?;
        let found = pull.reviews.iter_mut().find(|it| it.id == id);
        found.ok_or_else(Problem::not_found)
    }
}

fn verdict(event: Option<&str>) -> Result<&'static str, Problem> {
    match event {
        None => Ok("PENDING"),
        Some("APPROVE") => Ok("APPROVED"),
        Some("REQUEST_CHANGES") => Ok("CHANGES_REQUESTED"),
        Some("COMMENT") => Ok("COMMENTED"),
        Some(other) => Err(Problem::unprocessable(&format!(
            "Variable $event of type PullRequestReviewEvent was provided invalid value: {other}"
        ))),
    }
}

fn refuse_empty(state: &str, body: &str) -> Result<(), Problem> {
    match state {
        "CHANGES_REQUESTED" | "COMMENTED" if body.trim().is_empty() => {
            Err(Problem::unprocessable("Body can't be blank"))
        }
        _ => Ok(()),
    }
}

fn refuse_own(state: &str, own: bool) -> Result<(), Problem> {
    match state {
        "APPROVED" if own => Err(Problem::unprocessable(
            "Review Can not approve your own pull request",
        )),
        "CHANGES_REQUESTED" if own => Err(Problem::unprocessable(
            "Review Can not request changes on your own pull request",
        )),
        _ => Ok(()),
    }
}
