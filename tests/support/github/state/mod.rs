//! What GitHub remembers: one world, one repository, behind one lock.

pub(crate) mod accounts;
pub(crate) mod checks;
pub(crate) mod issues;
pub(crate) mod pulls;
pub(crate) mod rules;
pub(crate) mod tokens;

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;

use super::faults::Faults;
use super::git::Repo;
use super::limits::Limits;
use super::log::Log;
use super::webhooks::Hooks;
use super::{Options, json};
use accounts::{Account, Role, Team};
use checks::{CheckRun, Status, Suite};
use issues::{Comment, Issue, Label};
use pulls::{Pull, QueueEntry};
use rules::{Rules, Settings};
use tokens::{App, Token};

/// Everything.
pub(crate) struct World {
    pub(crate) options: Options,
    /// The address without a path, such as `http://127.0.0.1:8000`.
    pub(crate) host: String,
    /// Where keys lie.
    pub(crate) secrets: PathBuf,
    pub(crate) repo: Repo,
    /// Branches as they were last seen.
    pub(crate) branches: BTreeMap<String, String>,
    pub(crate) settings: Settings,
    pub(crate) rules: BTreeMap<String, Rules>,
    pub(crate) accounts: BTreeMap<u64, Account>,
    pub(crate) teams: BTreeMap<String, Team>,
    pub(crate) app: App,
    /// Another App, which runs the repository's checks.
    pub(crate) ci: App,
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) pulls: BTreeMap<u64, Pull>,
    pub(crate) issues: BTreeMap<u64, Issue>,
    pub(crate) comments: BTreeMap<u64, Comment>,
    pub(crate) labels: BTreeMap<String, Label>,
    pub(crate) statuses: Vec<Status>,
    pub(crate) runs: BTreeMap<u64, CheckRun>,
    pub(crate) suites: BTreeMap<u64, Suite>,
    pub(crate) queue: Vec<QueueEntry>,
    pub(crate) limits: Limits,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) hooks: Hooks,
    pub(crate) began: Timestamp,
    next: u64,
}

/// The organisation's or person's account that owns the repository.
pub(crate) const OWNER: u64 = 9001;
/// GitHub's own account for what it does by itself.
pub(crate) const WEB_FLOW: u64 = 19_864_447;

impl World {
    /// A world around a repository.
    pub(crate) fn new(
        options: Options,
        host: String,
        secrets: PathBuf,
        repo: Repo,
        hooks: Hooks,
    ) -> Self {
        let app = App::new(
            123_001,
            &options.app,
            options.permissions.clone(),
            Some(&secrets),
        );
        let ci = App::new(123_002, "ci", tokens::everything(), None);
        let mut world = Self {
            limits: Limits::new(options.primary_limit),
            branches: repo.branches(),
            host,
            secrets,
            repo,
            settings: Settings::default(),
            rules: BTreeMap::new(),
            accounts: BTreeMap::new(),
            teams: BTreeMap::new(),
            app,
            ci,
            tokens: BTreeMap::new(),
            pulls: BTreeMap::new(),
            issues: BTreeMap::new(),
            comments: BTreeMap::new(),
            labels: BTreeMap::new(),
            statuses: Vec::new(),
            runs: BTreeMap::new(),
            suites: BTreeMap::new(),
            queue: Vec::new(),
            faults: Faults::default(),
            log: Log::default(),
            hooks,
            began: Timestamp::now(),
            next: 0,
            options,
        };
        world.settle_accounts();
        world
    }

    fn settle_accounts(&mut self) {
        let kind = if self.options.organization {
            "Organization"
        } else {
            "User"
        };
        let owner = Account::new(OWNER, &self.options.owner, kind, Role::None);
        self.accounts.insert(OWNER, owner);
        let web_flow = Account::new(WEB_FLOW, "web-flow", "User", Role::None);
        self.accounts.insert(WEB_FLOW, web_flow);
        for app in [&self.app, &self.ci] {
            let login = format!("{}[bot]", app.slug);
            let bot = Account::new(app.bot, &login, "Bot", Role::None);
            self.accounts.insert(app.bot, bot);
        }
    }

    /// A number that nothing else has.
    pub(crate) fn fresh(&mut self) -> u64 {
        self.next += 1;
        1_000_000 + self.next
    }

    /// The next number of an issue or pull request: both count together.
    pub(crate) fn next_number(&self) -> u64 {
        let last = |it: Option<u64>| it.unwrap_or(0);
        let pull = last(self.pulls.keys().next_back().copied());
        let issue = last(self.issues.keys().next_back().copied());
        pull.max(issue) + 1
    }

    /// `owner/name`.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.options.owner, self.options.name)
    }

    /// The base of the REST API.
    pub(crate) fn api(&self) -> String {
        if self.options.ghes {
            format!("{}/api/v3", self.host)
        } else {
            self.host.clone()
        }
    }

    /// The repository in the REST API.
    pub(crate) fn repo_api(&self) -> String {
        format!("{}/repos/{}", self.api(), self.full_name())
    }

    /// The repository's page.
    pub(crate) fn repo_html(&self) -> String {
        format!("{}/{}", self.host, self.full_name())
    }

    /// An account.
    pub(crate) fn account(&self, id: u64) -> &Account {
        &self.accounts[&id]
    }

    /// An account by its name, in any case.
    pub(crate) fn account_named(&self, login: &str) -> Option<&Account> {
        let mut all = self.accounts.values();
        all.find(|it| it.login.eq_ignore_ascii_case(login))
    }

    /// A user as GitHub shows one.
    pub(crate) fn user(&self, id: u64) -> serde_json::Value {
        json::accounts::user(self, self.account(id))
    }

    /// The App of this number.
    pub(crate) fn app_of(&self, id: u64) -> &App {
        if id == self.ci.id {
            &self.ci
        } else {
            &self.app
        }
    }

    /// The role of somebody in the repository; an App's bot writes.
    pub(crate) fn role(&self, id: u64) -> Role {
        if id == self.app.bot || id == self.ci.bot {
            return Role::Write;
        }
        self.accounts.get(&id).map_or(Role::None, |it| it.role)
    }

    /// The rules of a branch; none where it has none.
    pub(crate) fn rules_of(&self, branch: &str) -> Rules {
        self.rules.get(branch).cloned().unwrap_or_default()
    }

    /// The head of a branch.
    pub(crate) fn head(&self, branch: &str) -> Option<&String> {
        self.branches.get(branch)
    }

    /// Moves time forward for everything that runs out: tokens, windows of limits, waits. The clock itself stays the
    /// real one, so that what callers compute with theirs stays true.
    pub(crate) fn age(&mut self, by: jiff::SignedDuration) {
        self.age_tokens(by);
        self.limits.age(by);
    }

    /// Every token that runs out at all has done so now.
    pub(crate) fn run_out_of_tokens(&mut self) {
        self.age_tokens(jiff::SignedDuration::from_hours(24));
    }

    fn age_tokens(&mut self, by: jiff::SignedDuration) {
        for token in self.tokens.values_mut() {
            token.expires = token.expires.map(|at| at - by);
        }
    }
}

/// The time now, in whole seconds as GitHub tells it.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).expect("a time of this century")
}
