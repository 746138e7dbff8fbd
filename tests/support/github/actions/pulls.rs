//! Opening, editing, closing and reopening pull requests; labels and requested reviewers.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::problem::Problem;
use super::super::state::accounts::Role;
use super::super::state::pulls::Pull;
use super::super::state::{OWNER, World, now};

/// A pull request to open.
pub(crate) struct NewPull {
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    /// `branch` or `owner:branch`.
    pub(crate) head: String,
    pub(crate) base: String,
    pub(crate) draft: bool,
}

/// What to change of a pull request; none leaves it.
#[derive(Default)]
pub(crate) struct PullEdit {
    pub(crate) title: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) base: Option<String>,
    pub(crate) open: Option<bool>,
}

/// The longest title, in characters.
const LONGEST_TITLE: usize = 256;
/// The longest body of a pull request, issue or comment, in characters.
pub(crate) const LONGEST_BODY: usize = 65_536;

impl World {
    /// Opens a pull request and returns its number.
    pub(crate) fn open_pull(&mut self, new: NewPull, by: u64) -> Result<u64, Problem> {
        check_texts("PullRequest", Some(&new.title), new.body.as_deref())?;
        let (owner, branch) = self.parse_head(&new.head)?;
        let base_sha = self.head(&new.base).cloned();
        let base_sha = base_sha.ok_or_else(|| Problem::field("PullRequest", "base", "invalid"))?;
        let there = self
            .pulls
            .values()
            .find(|it| it.open && it.is_from(owner, &branch));
        if there.is_some_and(|it| it.base == new.base) {
            let label = format!("{}:{branch}", self.account(owner).login);
            let message = format!("A pull request already exists for {label}.");
            return Err(Problem::custom("PullRequest", &message));
        }
        let head = self.head_of(owner, &branch);
        let head = head.ok_or_else(|| Problem::field("PullRequest", "head", "invalid"))?;
        self.check_news(&base_sha, &head, &new.base, &branch)?;
        let number = self.next_number();
        let (id, at) = (self.fresh(), now());
        let pull = Pull {
            id,
            number,
            title: new.title,
            body: new.body,
            author: by,
            open: true,
            draft: new.draft,
            fork: (owner != OWNER).then_some(owner),
            branch,
            head: head.clone(),
            pushed_by: by,
            base: new.base,
            base_sha,
            labels: Vec::new(),
            reviewers: BTreeSet::new(),
            teams: BTreeSet::new(),
            reviews: Vec::new(),
            auto_merge: None,
            merged: None,
            created_at: at,
            updated_at: at,
            closed_at: None,
            closed_by: None,
            tested: None,
            test_merge: None,
        };
        self.pulls.insert(number, pull);
        self.keep_head(number, &head);
        self.tell_pull("opened", number, by, json!({}));
        Ok(number)
    }

    fn check_news(&self, base: &str, head: &str, into: &str, from: &str) -> Result<(), Problem> {
        if self.repo.is_ancestor(head, base) {
            let message = format!("No commits between {into} and {from}");
            return Err(Problem::custom("PullRequest", &message));
        }
        if self.repo.merge_base(base, head).is_none() {
            let message = format!("The {from} branch has no history in common with {into}");
            return Err(Problem::custom("PullRequest", &message));
        }
        Ok(())
    }

    /// Splits `owner:branch`; a name alone is a branch of the repository itself.
    fn parse_head(&self, head: &str) -> Result<(u64, String), Problem> {
        let Some((owner, branch)) = head.split_once(':') else {
            return Ok((OWNER, head.to_owned()));
        };
        let owner = self.account_named(owner);
        let owner = owner.ok_or_else(|| Problem::field("PullRequest", "head", "invalid"))?;
        Ok((owner.id, branch.to_owned()))
    }

    /// The head of a branch here or in a fork. Forks share the repository's objects, as GitHub's do.
    pub(crate) fn head_of(&self, owner: u64, branch: &str) -> Option<String> {
        if owner == OWNER {
            return self.head(branch).cloned();
        }
        let name = format!("refs/forks/{owner}/{branch}");
        self.repo.resolve(&name)
    }

    /// `refs/pull/<number>/head`, which outlives the branch.
    pub(crate) fn keep_head(&self, number: u64, head: &str) {
        let name = format!("refs/pull/{number}/head");
        self.repo.git(&["update-ref", &name, head]);
    }

    /// The pull request, or 404.
    pub(crate) fn pull(&self, number: u64) -> Result<&Pull, Problem> {
        self.pulls.get(&number).ok_or_else(Problem::not_found)
    }

    /// The same, to be changed: that is its newest update.
    pub(crate) fn pull_mut(&mut self, number: u64) -> Result<&mut Pull, Problem> {
        let pull = self.pulls.get_mut(&number).ok_or_else(Problem::not_found)?;
        pull.updated_at = now();
        Ok(pull)
    }

    /// Changes title, body, base or state.
    pub(crate) fn edit_pull(
        &mut self,
        number: u64,
        edit: PullEdit,
        by: u64,
    ) -> Result<(), Problem> {
        check_texts("PullRequest", edit.title.as_deref(), edit.body.as_deref())?;
        let author = self.pull(number)?.author;
        if author != by && self.role(by) < Role::Triage {
            return Err(Problem::new(403, "Must have admin rights to Repository."));
        }
        if let Some(base) = &edit.base {
            self.retarget(number, base)?;
        }
        let pull = self.pull_mut(number)?;
        let mut changes = json!({});
        if let Some(title) = edit.title.filter(|it| *it != pull.title) {
            changes["title"] = json!({"from": pull.title});
            pull.title = title;
        }
        if let Some(body) = edit.body.filter(|it| Some(it) != pull.body.as_ref()) {
            changes["body"] = json!({"from": pull.body.clone().unwrap_or_default()});
            pull.body = Some(body);
        }
        if changes != json!({}) {
            self.tell_pull("edited", number, by, json!({"changes": changes}));
        }
        match edit.open {
            Some(false) if self.pull(number)?.open => self.close_pull(number, by),
            Some(true) if !self.pull(number)?.open => self.reopen_pull(number, by)?,
            _ => {}
        }
        Ok(())
    }

    fn retarget(&mut self, number: u64, base: &str) -> Result<(), Problem> {
        let sha = self.head(base).cloned();
        let sha = sha.ok_or_else(|| Problem::field("PullRequest", "base", "invalid"))?;
        let pull = self.pull_mut(number)?;
        base.clone_into(&mut pull.base);
        pull.base_sha = sha;
        pull.auto_merge = None;
        Ok(())
    }

    /// Closes a pull request without merging it.
    pub(crate) fn close_pull(&mut self, number: u64, by: u64) {
        let Ok(pull) = self.pull_mut(number) else {
            return;
        };
        pull.open = false;
        pull.auto_merge = None;
        pull.closed_at = Some(now());
        pull.closed_by = Some(by);
        self.queue.retain(|it| it.number != number);
        self.tell_pull("closed", number, by, json!({}));
    }

    fn reopen_pull(&mut self, number: u64, by: u64) -> Result<(), Problem> {
        let pull = self.pull(number)?;
        let owner = pull.fork.unwrap_or(OWNER);
        let refuse = |message: &str| Problem::custom_field("PullRequest", "state", message);
        if pull.merged.is_some() {
            return Err(refuse(
                "state cannot be changed. The pull request was merged.",
            ));
        }
        let head = self.head_of(owner, &pull.branch);
        let Some(head) = head else {
            let branch = &pull.branch;
            let why = format!("state cannot be changed. The {branch} branch has been deleted.");
            return Err(refuse(&why));
        };
        if head != pull.head && !self.repo.is_ancestor(&pull.head, &head) {
            let branch = &pull.branch;
            let why = format!(
                "state cannot be changed. The {branch} branch was force-pushed or recreated."
            );
            return Err(refuse(&why));
        }
        let base_sha = self.head(&pull.base).cloned().unwrap_or_default();
        let pull = self.pull_mut(number)?;
        pull.open = true;
        pull.head = head;
        pull.base_sha = base_sha;
        pull.closed_at = None;
        pull.closed_by = None;
        self.tell_pull("reopened", number, by, json!({}));
        Ok(())
    }

    /// Asks people and teams for a review.
    pub(crate) fn request_reviews(
        &mut self,
        number: u64,
        people: &[String],
        teams: &[String],
        by: u64,
    ) -> Result<(), Problem> {
        let author = self.pull(number)?.author;
        let mut ids = Vec::new();
        for login in people {
            let known = self.account_named(login).filter(|it| it.role >= Role::Read);
            let id = known.ok_or_else(|| self.no_collaborator())?.id;
            if id == author {
                let why = "Review cannot be requested from pull request author.";
                return Err(Problem::new(422, why));
            }
            ids.push(id);
        }
        if !teams.iter().all(|slug| self.teams.contains_key(slug)) {
            return Err(self.no_collaborator());
        }
        for id in ids {
            if self.pull_mut(number)?.reviewers.insert(id) {
                let asked = json!({"requested_reviewer": self.user(id)});
                self.tell_pull("review_requested", number, by, asked);
            }
        }
        for slug in teams {
            if self.pull_mut(number)?.teams.insert(slug.clone()) {
                let team = super::super::json::accounts::team(self, &self.teams[slug]);
                let asked = json!({"requested_team": team});
                self.tell_pull("review_requested", number, by, asked);
            }
        }
        Ok(())
    }

    fn no_collaborator(&self) -> Problem {
        let name = self.full_name();
        Problem::new(
            422,
            format!(
                "Reviews may only be requested from collaborators. One or more of the users or teams you specified \
                 is not a collaborator of the {name} repository."
            ),
        )
    }

    /// Adds labels to an issue or pull request; ones that are not there yet are made.
    pub(crate) fn add_labels(
        &mut self,
        number: u64,
        names: &[String],
        by: u64,
    ) -> Result<(), Problem> {
        for name in names {
            self.make_label(name);
            let issue = self.issues.get_mut(&number);
            let labels = match (self.pulls.get_mut(&number), issue) {
                (Some(pull), _) => &mut pull.labels,
                (None, Some(issue)) => &mut issue.labels,
                (None, None) => return Err(Problem::not_found()),
            };
            if labels.contains(name) {
                continue;
            }
            labels.push(name.clone());
            self.tell_labeled("labeled", number, name, by);
        }
        Ok(())
    }

    /// Tells that a label came or went.
    pub(crate) fn tell_labeled(&self, action: &str, number: u64, name: &str, by: u64) {
        let label = super::super::json::issues::labels(self, &[name.to_owned()]);
        let more = json!({"label": label.first()});
        if self.pulls.contains_key(&number) {
            self.tell_pull(action, number, by, more);
        } else {
            self.tell_issue(action, number, by, more);
        }
    }
}

/// Holds title and body to GitHub's lengths.
pub(crate) fn check_texts(
    resource: &str,
    title: Option<&str>,
    body: Option<&str>,
) -> Result<(), Problem> {
    if title.is_some_and(|it| it.trim().is_empty()) {
        return Err(Problem::field(resource, "title", "missing_field"));
    }
    if title.is_some_and(|it| it.chars().count() > LONGEST_TITLE) {
        let why = format!("title is too long (maximum is {LONGEST_TITLE} characters)");
        return Err(Problem::custom_field(resource, "title", &why));
    }
    if body.is_some_and(|it| it.chars().count() > LONGEST_BODY) {
        let why = format!("body is too long (maximum is {LONGEST_BODY} characters)");
        return Err(Problem::custom_field(resource, "body", &why));
    }
    Ok(())
}
