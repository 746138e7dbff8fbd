//! Pull requests: found, opened, edited, and what people say of them.
//!
//! Must not know: proposals.

use hyper::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::{Call, encoded};
use super::shapes::{PullShape, ReviewShape};
use super::{Forge, ForgeError, NewPull};
use crate::domain::CommitId;
use crate::domain::forge::{Priority, Pull, PullState, Review};

#[derive(Deserialize)]
struct File {
    filename: String,
    previous_filename: Option<String>,
}

impl Forge {
    /// Pull requests of one branch of ours, in any state, newest first.
    ///
    /// # Errors
    /// Any but `InDoubt`.
    pub async fn pulls_of(&self, branch: &str) -> Result<Vec<Pull>, ForgeError> {
        let line = self.line();
        let head = encoded(&format!("{}:{branch}", line.slug.owner));
        let list = format!("/pulls?state=all&head={head}&sort=created&direction=desc");
        let found = line.list(Priority::Open, &line.path(&list), pulls).await?;
        // A server that does not know the filter answers with all there are.
        Ok(found.into_iter().filter(|it| it.branch == branch).collect())
    }

    /// All open pull requests that go to `base`; none where nothing changed since the last time (`ETag`).
    ///
    /// # Errors
    /// Any but `InDoubt`.
    pub async fn open_pulls(&self, base: &str) -> Result<Option<Vec<Pull>>, ForgeError> {
        let line = self.line();
        let base = encoded(base);
        let list = format!("/pulls?state=open&base={base}&sort=updated&direction=desc");
        let list = line.path(&list);
        let found = line
            .changed(self.tags(), Priority::Poll, &list, pulls)
            .await?;
        Ok(found.map(without_twins))
    }

    /// The pull requests that a commit belongs to: those that hold it, and the one that was merged as it.
    ///
    /// # Errors
    /// Any but `InDoubt`; `Refused` where the forge does not know the commit.
    pub async fn pulls_of_commit(&self, commit: &CommitId) -> Result<Vec<Pull>, ForgeError> {
        let list = self.line().path(&format!("/commits/{commit}/pulls"));
        self.line().list(Priority::Open, &list, pulls).await
    }

    /// One pull request.
    ///
    /// # Errors
    /// Any but `InDoubt`.
    pub async fn pull(&self, number: u64) -> Result<Pull, ForgeError> {
        let path = self.line().path(&format!("/pulls/{number}"));
        let found: PullShape = self.line().ask(Call::get(Priority::Merge, path)).await?;
        Ok(found.into())
    }

    /// Opens a pull request. `Refused` also where there is one of this branch already: look with `pulls_of`.
    ///
    /// # Errors
    /// Any.
    pub async fn open(&self, new: &NewPull) -> Result<Pull, ForgeError> {
        let body = json!({
            "head": new.branch,
            "base": new.base,
            "title": new.title,
            "body": new.body,
            "maintainer_can_modify": false,
        });
        let path = self.line().path("/pulls");
        let call = Call::content(Method::POST, Priority::Open, path, body);
        let opened: PullShape = self.line().ask(call).await?;
        Ok(opened.into())
    }

    /// Changes title, text or state of a pull request.
    ///
    /// # Errors
    /// Any; `Refused` also for the state `Merged`, which no edit makes.
    pub async fn edit(
        &self,
        number: u64,
        title: Option<&str>,
        body: Option<&str>,
        state: Option<PullState>,
    ) -> Result<Pull, ForgeError> {
        let word = match state {
            Some(PullState::Merged) => {
                let why = "a pull request is merged by a merge, not by an edit";
                return Err(ForgeError::Refused(why.to_owned()));
            }
            Some(PullState::Closed) => Some("closed"),
            Some(PullState::Open) => Some("open"),
            None => None,
        };
        let fields = [("title", title), ("body", body), ("state", word)];
        let fields = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let fields: Map<String, Value> = fields
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let urgent = state == Some(PullState::Closed);
        let priority = if urgent {
            Priority::Merge
        } else {
            Priority::Open
        };
        let path = self.line().path(&format!("/pulls/{number}"));
        let call = Call::content(Method::PATCH, priority, path, fields.into());
        let edited: PullShape = self.line().ask(call).await?;
        Ok(edited.into())
    }

    /// Asks people and teams for reviews. Names the forge does not know are left out, and returned.
    ///
    /// # Errors
    /// Any but `Refused`.
    pub async fn request_reviews(
        &self,
        number: u64,
        people: &[String],
        teams: &[String],
    ) -> Result<Vec<String>, ForgeError> {
        if people.is_empty() && teams.is_empty() {
            return Ok(Vec::new());
        }
        match self.ask_for_reviews(number, people, teams).await {
            Err(ForgeError::Refused(_)) => {}
            answered => return answered.map(|()| Vec::new()),
        }
        // One name that it does not know spoils all; it does not say which. So each is asked alone.
        let mut unknown = Vec::new();
        let alone = people
            .iter()
            .map(|it| (it, true))
            .chain(teams.iter().map(|it| (it, false)));
        for (name, is_person) in alone {
            let one = std::slice::from_ref(name);
            let (people, teams): (&[String], &[String]) =
                if is_person { (one, &[]) } else { (&[], one) };
            match self.ask_for_reviews(number, people, teams).await {
                Ok(()) => {}
                Err(ForgeError::Refused(_)) => unknown.push(name.clone()),
                Err(error) => return Err(error),
            }
        }
        Ok(unknown)
    }

    async fn ask_for_reviews(
        &self,
        number: u64,
        people: &[String],
        teams: &[String],
    ) -> Result<(), ForgeError> {
        let path = self
            .line()
            .path(&format!("/pulls/{number}/requested_reviewers"));
        let body = json!({"reviewers": people, "team_reviewers": teams});
        let call = Call::content(Method::POST, Priority::Comment, path, body);
        self.line().tell(call).await
    }

    /// Adds labels.
    ///
    /// # Errors
    /// Any.
    pub async fn label(&self, number: u64, labels: &[String]) -> Result<(), ForgeError> {
        if labels.is_empty() {
            return Ok(());
        }
        let path = self.line().path(&format!("/issues/{number}/labels"));
        let body = json!({"labels": labels});
        let call = Call::content(Method::POST, Priority::Comment, path, body);
        self.line().tell(call).await
    }

    /// All reviews of a pull request, oldest first.
    ///
    /// # Errors
    /// Any but `InDoubt`.
    pub async fn reviews(&self, number: u64) -> Result<Vec<Review>, ForgeError> {
        let list = self.line().path(&format!("/pulls/{number}/reviews"));
        let reviews = |page: Vec<ReviewShape>| page.into_iter().map(Review::from).collect();
        self.line().list(Priority::Merge, &list, reviews).await
    }

    /// The paths that a pull request changes; of a file that was moved, both.
    ///
    /// # Errors
    /// Any but `InDoubt`.
    pub async fn files(&self, number: u64) -> Result<Vec<String>, ForgeError> {
        let list = self.line().path(&format!("/pulls/{number}/files"));
        let paths = |page: Vec<File>| {
            let both = |it: File| it.previous_filename.into_iter().chain([it.filename]);
            page.into_iter().flat_map(both).collect()
        };
        self.line().list(Priority::Merge, &list, paths).await
    }
}

fn pulls(page: Vec<PullShape>) -> Vec<Pull> {
    page.into_iter().map(Pull::from).collect()
}

/// What moves up while the pages are read is on two of them.
fn without_twins(mut pulls: Vec<Pull>) -> Vec<Pull> {
    let mut seen = std::collections::HashSet::new();
    pulls.retain(|it| seen.insert(it.number));
    pulls
}
