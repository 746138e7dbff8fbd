//! The handle of a test: starts the stand-in, changes what it is, and asks what happened.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;

use super::faults::Fault;
use super::git::Repo;
use super::limits::{Breach, Limits};
use super::log::LoggedCall;
use super::state::{OWNER, World};
use super::webhooks::{Delivery, Hooks, Plan};
use super::{Options, Permissions, Person, Pull, Role, Rules, Settings};

/// What an operator is told about the App.
#[derive(Debug, Clone)]
pub(crate) struct AppFacts {
    pub(crate) id: u64,
    pub(crate) slug: String,
    pub(crate) installation: u64,
    /// The private key in PEM.
    pub(crate) key_file: PathBuf,
    pub(crate) webhook_secret: String,
    /// The numeric id and the name of the account that acts for it.
    pub(crate) bot: u64,
    pub(crate) bot_login: String,
}

/// A running stand-in. It stops when it is dropped.
pub(crate) struct GitHub {
    world: Arc<Mutex<World>>,
    _folder: tempfile::TempDir,
    runtime: Option<tokio::runtime::Runtime>,
}

impl GitHub {
    /// Starts one.
    pub(crate) fn start(options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a folder for it");
        let secrets = options.secrets.clone();
        let secrets = secrets.unwrap_or_else(|| folder.path().join("secrets"));
        std::fs::create_dir_all(&secrets).expect("a folder for keys");
        let dir = options.repo.clone();
        let dir = dir.unwrap_or_else(|| folder.path().join("repository.git"));
        let repo = Repo::open(&dir, &secrets);
        let builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = { builder }.worker_threads(4).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind(options.listen));
        let listener = listener.expect("the address is free");
        let address = listener.local_addr().expect("it has an address");
        let host = format!("http://{address}");
        let world = World::new(options, host, secrets, repo, Hooks::start());
        let world = Arc::new(Mutex::new(world));
        runtime.spawn(super::http::serve(listener, Arc::clone(&world)));
        Self {
            world,
            _folder: folder,
            runtime: Some(runtime),
        }
    }

    /// The world, for as long as nobody else needs it.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        super::http::locked(&self.world)
    }

    /// The base of the REST API, for `forge.github.apiUrl`.
    pub(crate) fn api_url(&self) -> String {
        self.world().api()
    }

    /// The address without any path.
    pub(crate) fn url(&self) -> String {
        self.world().host.clone()
    }

    /// Where git fetches and pushes.
    pub(crate) fn clone_url(&self) -> String {
        format!("{}.git", self.world().repo_html())
    }

    /// The bare repository.
    pub(crate) fn repository(&self) -> PathBuf {
        self.world().repo.dir().to_owned()
    }

    /// What an operator is told about the App.
    pub(crate) fn app(&self) -> AppFacts {
        let world = self.world();
        let app = &world.app;
        AppFacts {
            id: app.id,
            slug: app.slug.clone(),
            installation: app.installation,
            key_file: app.key_file.clone(),
            webhook_secret: app.webhook_secret.clone(),
            bot: app.bot,
            bot_login: world.account(app.bot).login.clone(),
        }
    }

    /// A person with a role; the same one when asked again, in the new role.
    pub(crate) fn user(&self, login: &str, role: Role) -> Person<'_> {
        Person::join(self, login, role)
    }

    /// A team of the organisation.
    pub(crate) fn team(&self, slug: &str, members: &[&Person]) {
        let mut world = self.world();
        let ids: Vec<u64> = members.iter().map(|it| it.id()).collect();
        world.put_team(slug, &ids);
    }

    /// Sets the rules of a branch.
    pub(crate) fn rules(&self, branch: &str, rules: Rules) {
        self.world().rules.insert(branch.to_owned(), rules);
    }

    /// Changes settings of the repository.
    pub(crate) fn settings(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.world().settings);
    }

    /// Changes what the App is granted, and tells it.
    pub(crate) fn grant(&self, change: impl FnOnce(&mut Permissions)) {
        let mut world = self.world();
        change(&mut world.app.permissions);
        world.tell_installation("new_permissions_accepted", OWNER);
    }

    /// A pull request as it stands; it fails the test where there is none.
    pub(crate) fn pull(&self, number: u64) -> Pull {
        self.world().pulls[&number].clone()
    }

    /// All pull requests, oldest first.
    pub(crate) fn pulls(&self) -> Vec<Pull> {
        self.world().pulls.values().cloned().collect()
    }

    /// Texts of the comments on an issue or pull request, oldest first.
    pub(crate) fn comments(&self, number: u64) -> Vec<String> {
        let world = self.world();
        let all = world.comments.values().filter(|it| it.number == number);
        all.map(|it| it.body.clone()).collect()
    }

    /// Whether an issue is open.
    pub(crate) fn issue_is_open(&self, number: u64) -> bool {
        self.world().issues[&number].open
    }

    /// The head of a branch.
    pub(crate) fn head(&self, branch: &str) -> Option<String> {
        self.world().head(branch).cloned()
    }

    /// A check of another App, such as a build: `success`, `failure`, or `pending` while it runs.
    pub(crate) fn checks(&self, sha: &str, name: &str, how: &str) {
        self.world().ci_reports(sha, name, how);
    }

    /// Everything reported at a commit, by name.
    pub(crate) fn reports(&self, sha: &str) -> Vec<(String, String)> {
        let reports = self.world().reports(sha);
        let named = reports.into_iter();
        named
            .map(|(name, how)| (name, format!("{how:?}").to_lowercase()))
            .collect()
    }

    /// Where webhooks go from now on; GitHub sends a ping there first.
    pub(crate) fn webhooks_to(&self, url: &str) {
        let mut world = self.world();
        world.hooks.url = Some(url.to_owned());
        world.ping();
    }

    /// How webhooks are delivered from now on.
    pub(crate) fn deliver(&self, plan: Plan) {
        self.world().hooks.plan = plan;
    }

    /// Every webhook made so far, delivered or not.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.world().hooks.deliveries()
    }

    /// Delivers one again, under its old id.
    pub(crate) fn redeliver(&self, id: &str) {
        let world = self.world();
        assert!(
            world.hooks.redeliver(&world.from(), id),
            "there is no delivery {id}"
        );
    }

    /// Adds to the fault plan.
    pub(crate) fn fault(&self, fault: Fault) {
        self.world().faults.add(fault);
    }

    /// Nothing goes wrong from now on.
    pub(crate) fn heal(&self) {
        self.world().faults.clear();
    }

    /// Everything that was asked and pushed, oldest first.
    pub(crate) fn calls(&self) -> Vec<LoggedCall> {
        self.world().log.calls.clone()
    }

    /// Every breach of GitHub's limits.
    pub(crate) fn breaches(&self) -> Vec<Breach> {
        self.world().limits.breaches.clone()
    }

    /// Changes the limits.
    pub(crate) fn limits(&self, change: impl FnOnce(&mut Limits)) {
        change(&mut self.world().limits);
    }

    /// Lets that much time go by for everything that runs out: tokens, windows of limits, waits.
    pub(crate) fn advance(&self, by: Duration) {
        let by = jiff::SignedDuration::try_from(by).expect("a time that a test lives through");
        self.world().age(by);
    }

    /// Works off the merge queue.
    pub(crate) fn process_merge_queue(&self) {
        self.world().process_queue();
    }

    /// Looks at the repository again, after somebody wrote to it behind the server's back.
    pub(crate) fn look_again(&self) {
        self.world().branches_moved(OWNER);
    }

    /// Commits on a branch of the repository, made by nobody in particular: for how a test begins.
    pub(crate) fn seed(&self, branch: &str, files: &[(&str, &str)]) -> String {
        self.world().commit_files(branch, "Begin", files, OWNER)
    }

    /// What stands in the repository at a commit; none where there is no such file.
    pub(crate) fn file(&self, commit: &str, path: &str) -> Option<String> {
        let world = self.world();
        let entries = world.repo.list(commit, path);
        let entry = entries.iter().find(|it| it.3 == path)?;
        Some(String::from_utf8_lossy(&world.repo.blob(&entry.1)).into_owned())
    }

    /// Waits until the stand-in is asked to end. For the example.
    pub(crate) fn block_on<T>(&self, wait: impl Future<Output = T>) -> T {
        let runtime = self.runtime.as_ref().expect("it runs until it is dropped");
        runtime.block_on(wait)
    }

    /// Everything a person or a program needs to use it, as JSON.
    pub(crate) fn facts(&self) -> Value {
        super::control::facts(&self.world())
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        // requests that hang by the plan would hold up a patient end
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
