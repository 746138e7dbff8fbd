//! People of a test. What they do goes through the same code as their clicks and calls would.

use std::collections::BTreeSet;

use super::actions::merge::MergeOrder;
use super::actions::pulls::{NewPull, PullEdit};
use super::git::{Ident, plain_git, run};
use super::json::time;
use super::problem::Problem;
use super::state::accounts::{Account, Role, Team};
use super::state::checks::CheckRun;
use super::state::pulls::Method;
use super::state::tokens::{Owner, Permissions, Token, personal, random};
use super::state::{World, now};
use super::{GitHub, text_of};

/// A person.
pub(crate) struct Person<'a> {
    github: &'a GitHub,
    id: u64,
    login: String,
}

impl<'a> Person<'a> {
    pub(super) fn join(github: &'a GitHub, login: &str, role: Role) -> Self {
        let id = github.world().put_person(login, role);
        Self {
            github,
            id,
            login: login.to_owned(),
        }
    }

    /// The numeric id.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The name.
    pub(crate) fn login(&self) -> &str {
        &self.login
    }

    /// A fine-grained token of theirs, with everything their role allows and such a token can hold.
    pub(crate) fn token(&self) -> String {
        let admin = self.github.world().role(self.id) >= Role::Admin;
        self.token_for(personal(admin))
    }

    /// A fine-grained token of theirs with just these permissions.
    pub(crate) fn token_for(&self, permissions: Permissions) -> String {
        self.github.world().new_personal_token(self.id, permissions)
    }

    /// Opens a pull request for a branch.
    pub(crate) fn opens(&self, branch: &str, base: &str, title: &str) -> Result<u64, Problem> {
        let new = NewPull {
            title: title.to_owned(),
            body: None,
            head: branch.to_owned(),
            base: base.to_owned(),
            draft: false,
        };
        self.github.world().open_pull(new, self.id)
    }

    /// Puts a pull request into the merge queue.
    pub(crate) fn enqueues(&self, pull: u64) -> Result<u64, String> {
        self.github.world().enqueue(pull, None, self.id)
    }

    fn reviews(&self, pull: u64, event: &str, text: &str) -> u64 {
        let mut world = self.github.world();
        let done = world.review(pull, Some(event), text, None, self.id);
        done.unwrap_or_else(|why| panic!("{} reviews #{pull}: {why:?}", self.login))
    }

    /// Approves the head as it stands.
    pub(crate) fn approves(&self, pull: u64) -> u64 {
        self.reviews(pull, "APPROVE", "")
    }

    /// Says no.
    pub(crate) fn requests_changes(&self, pull: u64, text: &str) -> u64 {
        self.reviews(pull, "REQUEST_CHANGES", text)
    }

    /// Reviews with words only.
    pub(crate) fn remarks(&self, pull: u64, text: &str) -> u64 {
        self.reviews(pull, "COMMENT", text)
    }

    /// Takes a review back.
    pub(crate) fn dismisses(&self, pull: u64, review: u64) -> Result<(), Problem> {
        self.github.world().dismiss_review(pull, review, self.id)
    }

    /// Comments on an issue or pull request.
    pub(crate) fn comments(&self, number: u64, text: &str) -> u64 {
        let mut world = self.github.world();
        let done = world.comment(number, text, self.id, None);
        done.unwrap_or_else(|why| panic!("{} comments on #{number}: {why:?}", self.login))
    }

    /// Changes a comment.
    pub(crate) fn edits_comment(&self, comment: u64, text: &str) {
        let mut world = self.github.world();
        let done = world.edit_comment(comment, text, self.id);
        done.unwrap_or_else(|why| panic!("{} edits a comment: {why:?}", self.login));
    }

    /// Merges a pull request and returns the commit.
    pub(crate) fn merges(&self, pull: u64, method: Method) -> Result<String, Problem> {
        let mut world = self.github.world();
        world.merge_pull(pull, &MergeOrder::from(method), self.id)
    }

    /// Arms auto-merge.
    pub(crate) fn arms(&self, pull: u64, method: Method) -> Result<(), String> {
        let mut world = self.github.world();
        world.arm(pull, &MergeOrder::from(method), self.id)
    }

    fn sets(&self, pull: u64, open: bool) -> Result<(), Problem> {
        let edit = PullEdit {
            open: Some(open),
            ..PullEdit::default()
        };
        self.github.world().edit_pull(pull, edit, self.id)
    }

    /// Closes a pull request.
    pub(crate) fn closes(&self, pull: u64) {
        let done = self.sets(pull, false);
        done.unwrap_or_else(|why| panic!("{} closes #{pull}: {why:?}", self.login));
    }

    /// Reopens a pull request.
    pub(crate) fn reopens(&self, pull: u64) -> Result<(), Problem> {
        self.sets(pull, true)
    }

    /// Gives a pull request another title and body.
    pub(crate) fn rewrites(&self, pull: u64, title: &str, body: &str) {
        let edit = PullEdit {
            title: Some(title.to_owned()),
            body: Some(body.to_owned()),
            ..PullEdit::default()
        };
        let done = self.github.world().edit_pull(pull, edit, self.id);
        done.unwrap_or_else(|why| panic!("{} edits #{pull}: {why:?}", self.login));
    }

    /// Commits files (an empty text removes one) on a branch, made from main where it is not there, and pushes.
    pub(crate) fn pushes(&self, branch: &str, message: &str, files: &[(&str, &str)]) -> String {
        let mut world = self.github.world();
        world.commit_files(branch, message, files, self.id)
    }

    /// Moves a branch to a commit, whatever it was before.
    pub(crate) fn forces(&self, branch: &str, commit: &str) {
        let mut world = self.github.world();
        let name = format!("refs/heads/{branch}");
        world.repo.git(&["update-ref", &name, commit]);
        world.branches_moved(self.id);
    }

    /// Deletes a branch.
    pub(crate) fn deletes_branch(&self, branch: &str) {
        let mut world = self.github.world();
        world.repo.delete_branch(branch);
        world.branches_moved(self.id);
    }

    /// Commits files on a branch of this person's own fork. Its pull request comes from `login:branch`.
    pub(crate) fn pushes_to_fork(&self, branch: &str, files: &[(&str, &str)]) -> String {
        let mut world = self.github.world();
        let old = world.head_of(self.id, branch);
        let base = old.clone().or_else(|| world.head("main").cloned());
        let who = Ident::of(world.account(self.id));
        let made = made_commit(&world, base.as_deref(), "From a fork", files, &who);
        let name = format!("refs/forks/{}/{branch}", self.id);
        world.repo.git(&["update-ref", &name, &made]);
        world.fork_moved(self.id, branch, &old.unwrap_or_default(), self.id);
        made
    }

    /// Opens an issue.
    pub(crate) fn opens_issue(&self, title: &str, body: &str, labels: &[&str]) -> u64 {
        let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
        let mut world = self.github.world();
        let done = world.open_issue(title, Some(body), &labels, self.id);
        done.unwrap_or_else(|why| panic!("{} opens an issue: {why:?}", self.login))
    }

    /// Changes the body of an issue.
    pub(crate) fn edits_issue(&self, number: u64, body: &str) {
        let mut world = self.github.world();
        let done = world.edit_issue(number, None, Some(body), self.id);
        done.unwrap_or_else(|why| panic!("{} edits #{number}: {why:?}", self.login));
    }

    /// Registers a public SSH key that vouches for this person's commits.
    pub(crate) fn registers_signing_key(&self, public_key: &str) {
        let mut world = self.github.world();
        if let Some(account) = world.accounts.get_mut(&self.id) {
            account.signing_keys.push(public_key.to_owned());
        }
    }

    /// Takes the name that the account goes by from now on; its number stays.
    pub(crate) fn renames_to(&mut self, login: &str) {
        let mut world = self.github.world();
        if let Some(account) = world.accounts.get_mut(&self.id) {
            login.clone_into(&mut account.login);
        }
        login.clone_into(&mut self.login);
    }
}

impl World {
    /// A person, new or known, in this role.
    pub(crate) fn put_person(&mut self, login: &str, role: Role) -> u64 {
        if let Some(id) = self.account_named(login).map(|it| it.id) {
            if let Some(account) = self.accounts.get_mut(&id) {
                account.role = role;
            }
            return id;
        }
        let people = self.accounts.keys().filter(|id| **id < 9000).max();
        let id = people.map_or(1001, |id| id + 1);
        let account = Account::new(id, login, "User", role);
        self.accounts.insert(id, account);
        id
    }

    /// A team with these members.
    pub(crate) fn put_team(&mut self, slug: &str, members: &[u64]) {
        let id = self.fresh();
        let team = Team {
            id,
            slug: slug.to_owned(),
            members: members.iter().copied().collect::<BTreeSet<u64>>(),
        };
        self.teams.insert(slug.to_owned(), team);
    }

    /// A fine-grained token of a person.
    pub(crate) fn new_personal_token(&mut self, id: u64, permissions: Permissions) -> String {
        let text = random("github_pat_");
        let token = Token {
            owner: Owner::Person(id),
            permissions,
            expires: None,
            reaches: true,
        };
        self.tokens.insert(text.clone(), token);
        text
    }

    /// Commits files on a branch as if somebody had pushed them.
    pub(crate) fn commit_files(
        &mut self,
        branch: &str,
        message: &str,
        files: &[(&str, &str)],
        by: u64,
    ) -> String {
        let old = self.head(branch).cloned();
        let base = old.clone().or_else(|| self.head("main").cloned());
        let who = Ident::of(self.account(by));
        let made = made_commit(self, base.as_deref(), message, files, &who);
        let moved = self
            .repo
            .move_branch(branch, &made, &old.unwrap_or_default());
        assert!(moved, "{branch} moved meanwhile");
        self.branches_moved(by);
        made
    }

    /// A check run of the App that builds things.
    pub(crate) fn ci_reports(&mut self, sha: &str, name: &str, how: &str) {
        let app = self.ci.id;
        let suite = self.suite_of(app, sha, None, &"0".repeat(40));
        let known = self.runs.values();
        let known = known.filter(|it| it.app == app && it.sha == sha && it.name == name);
        let id = known.map(|it| it.id).next_back();
        let done = how != "pending";
        let run = CheckRun {
            id: id.unwrap_or_else(|| self.fresh()),
            app,
            suite,
            sha: sha.to_owned(),
            name: name.to_owned(),
            status: if done { "completed" } else { "in_progress" }.to_owned(),
            conclusion: done.then(|| how.to_owned()),
            started_at: Some(time(now())),
            completed_at: done.then(|| time(now())),
            details_url: None,
            external_id: String::new(),
            title: None,
            summary: None,
            text: None,
            annotations: Vec::new(),
        };
        self.put_run(run);
    }
}

/// A commit with these files on top of another; an empty text removes one.
fn made_commit(
    world: &World,
    base: Option<&str>,
    message: &str,
    files: &[(&str, &str)],
    who: &Ident,
) -> String {
    let folder = tempfile::tempdir().expect("a folder for the index");
    let index = folder.path().join("index");
    let git = |args: &[&str], input: &str| {
        let mut command = plain_git(world.repo.dir());
        command.args(args).env("GIT_INDEX_FILE", text_of(&index));
        let said = run(command, input.as_bytes());
        let said = said.unwrap_or_else(|why| panic!("git {args:?}: {why}"));
        String::from_utf8_lossy(&said).trim().to_owned()
    };
    if let Some(base) = base {
        git(&["read-tree", base], "");
    }
    for (path, text) in files {
        if text.is_empty() {
            git(&["update-index", "--force-remove", path], "");
        } else {
            let blob = git(&["hash-object", "-w", "--stdin"], text);
            let entry = format!("100644,{blob},{path}");
            git(&["update-index", "--add", "--cacheinfo", &entry], "");
        }
    }
    let tree = git(&["write-tree"], "");
    let parents: Vec<&str> = base.into_iter().collect();
    world.repo.make(&super::git::NewCommit {
        tree: &tree,
        parents: &parents,
        author: who,
        committer: who,
        message,
        signed: false,
    })
}
