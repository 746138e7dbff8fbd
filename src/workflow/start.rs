//! From settings to a running fleet: keys, repository, policy, index, desk, in this order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};

use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast, watch};

use super::core::{Core, InForce, Keys, RemoteStatus, Watched};
use super::alarm::trusted;
use super::desk::Desk;
use super::project::{ProjectError, catch_up, tear_down_unwatched};
use super::settings::{Mode, Settings};
use super::{publish, recover, reserve, skeleton};
use crate::cluster::{Cluster, ClusterError, Target, Watcher};
use crate::domain::entry::Projection;
use crate::domain::policy::FleetPolicy;
use crate::domain::record::hex;
use crate::domain::request::{Caller, Role};
use crate::domain::{ClusterName, CommitId, Owner, StoreName};
use crate::git::{
    CommandError, FleetRepo, GitError, KeyError, KeyRing, KeyRole, RefUpdate, Remote, RemoteError, SigningKey,
    git_version,
};
use crate::index::{Index, IndexError};
use crate::journal::{Journal, JournalError};
use crate::render::{TemplateError, Templates, yaml};

/// The fact in the journal: the commit whose policy and charts are in force.
pub(super) const POLICY: &str = "policy";

/// Where the command line finds the commit whose policy is in force.
pub(super) const POLICY_REF: &str = "refs/fleetwright/policy";

/// Why a fleet does not start: what, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The git program.
    #[error(transparent)]
    Program(#[from] CommandError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The repository.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The remote.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The templates.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Access to a cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A file of the data folder.
    #[error(
        "{path} cannot be written: {source}; make the folder writable or choose another with --data"
    )]
    File {
        /// The file.
        path: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The fleet repository has no policy that can be used.
    #[error(
        "the fleet repository has no usable fleetwright.yaml ({0}); write one, or begin with: fleetwright init URL"
    )]
    Policy(String),
    /// The policy has no such cluster.
    #[error("there is access to cluster {name}, which fleetwright.yaml does not have; it has {known}: correct the name, or add the cluster to the policy")]
    NoSuchCluster {
        /// The name in the settings.
        name: ClusterName,
        /// The policy's clusters, comma separated.
        known: String,
    },
    /// Another key signed the deploy branch.
    #[error("no commit of deploy/{0} was signed with our deploy key; restore keys/deploy of the data folder, or name the key with git.deployKey")]
    OtherDeployKey(ClusterName),
    /// A worker thread died.
    #[error("starting was interrupted: {0}")]
    Interrupted(String),
}

impl From<ProjectError> for StartError {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Git(error) => Self::Git(error),
            ProjectError::Index(error) => Self::Index(error),
            ProjectError::Journal(error) => Self::Journal(error),
        }
    }
}

/// What a start leaves to run.
pub(super) struct Started {
    pub(super) core: Core,
    pub(super) remote: Option<Remote>,
    pub(super) watchers: Vec<(ClusterName, Watcher)>,
}

/// Opens everything. Blocks; needs a Tokio runtime for the watchers.
pub(super) fn open(settings: Settings) -> Result<Started, StartError> {
    git_version()?;
    let keys = keys(&settings)?;
    let journal = Journal::open(&settings.data.join("journal.redb"))?;
    let repo = repository(&settings, &keys)?;
    repo.clear_stale_locks()?;
    let templates = templates(&settings)?;
    let index = Index::open(&settings.data.join("index.redb"))?;
    admin_token(&settings.data, &journal)?;
    let mut core = Core {
        in_force: RwLock::new(InForce {
            policy: nothing(),
            commit: nowhere(),
        }),
        watched: BTreeMap::new(),
        settings,
        repo,
        journal,
        index,
        templates,
        keys,
        desk: Mutex::new(Desk::default()),
        remote: Mutex::new(RemoteStatus::default()),
        foreign: Mutex::new(BTreeMap::new()),
        put_back: Mutex::new(BTreeSet::new()),
        deploy_alarms: Mutex::new(BTreeMap::new()),
        prepared: AtomicBool::new(false),
        published: watch::channel(()).0,
        wake: Notify::new(),
        moved: broadcast::channel(4096).0,
    };
    let remote = publish::remote(&core)?;
    if let Some(remote) = &remote {
        first_fetch(&core, remote)?;
    }
    put_in_force(&core, None)?;
    same_deploy_key(&core)?;
    let watchers = watch(&mut core)?;
    load_desk(&core)?;
    if remote.is_none() {
        recover::finish_landing(&core)?;
    }
    load_ended(&core)?;
    catch_up(&core)?;
    publish::start_over(&core)?;
    load_book(&core)?;
    core.journal.forget_old_answers(core.now())?;
    Ok(Started {
        core,
        remote,
        watchers,
    })
}

/// Reads how clusters are reached and begins to watch them. An unreachable one never stops a start.
fn watch(core: &mut Core) -> Result<Vec<(ClusterName, Watcher)>, StartError> {
    let policy = core.in_force().policy;
    let mut watchers = Vec::new();
    for access in core.settings.clusters.clone() {
        let Some(cluster) = policy.clusters.get(&access.name) else {
            let known: Vec<&str> = policy.clusters.keys().map(ClusterName::as_str).collect();
            let known = known.join(", ");
            return Err(StartError::NoSuchCluster { name: access.name, known });
        };
        let target = Target {
            kubeconfig: access.kubeconfig,
            context: access.context,
            namespace: cluster.namespace.clone(),
            namespace_prefix: cluster.namespace_prefix.clone(),
        };
        let connected = Handle::current().block_on(Cluster::connect(target))?;
        let watcher = connected.watch();
        let watched = Watched { cluster: connected, view: watcher.view() };
        core.watched.insert(access.name.clone(), watched);
        watchers.push((access.name, watcher));
    }
    Ok(watchers)
}

/// A deploy branch without any commit of our key is not ours to go on with: its clusters would refuse our commits, and
/// what it holds could not be told from what a person put there.
fn same_deploy_key(core: &Core) -> Result<(), StartError> {
    for cluster in core.in_force().policy.clusters.keys() {
        let Some(head) = core.published_deploy(cluster)? else { continue };
        if trusted(core, &head)?.is_none() {
            return Err(StartError::OtherDeployKey(cluster.clone()));
        }
    }
    Ok(())
}

fn keys(settings: &Settings) -> Result<Keys, StartError> {
    let own = |name: &str| settings.data.join("keys").join(name);
    make_folder(&settings.data.join("keys"))?;
    let key = |given: &Option<std::path::PathBuf>, name: &str, comment: &str| match given {
        Some(path) => SigningKey::load(path),
        None => SigningKey::load_or_generate(&own(name), comment),
    };
    let main = key(&settings.signing_key, "main", "fleetwright main")?;
    let deploy = key(&settings.deploy_key, "deploy", "fleetwright deploy")?;
    let mut ring = KeyRing::new();
    ring.trust(KeyRole::Main, &main.public_line())?;
    ring.trust(KeyRole::Deploy, &deploy.public_line())?;
    write(
        &settings.data.join("allowed_signers"),
        &ring.allowed_signers(&settings.author.email),
    )?;
    Ok(Keys { main, deploy, ring })
}

fn make_folder(path: &Path) -> Result<(), StartError> {
    std::fs::create_dir_all(path).map_err(|source| StartError::File {
        path: path.display().to_string(),
        source,
    })
}

fn write(path: &Path, text: &str) -> Result<(), StartError> {
    std::fs::write(path, text).map_err(|source| StartError::File {
        path: path.display().to_string(),
        source,
    })
}

fn repository(settings: &Settings, keys: &Keys) -> Result<FleetRepo, StartError> {
    let path = &settings.repository;
    let repo = if path.exists() {
        FleetRepo::open(path)?
    } else {
        FleetRepo::init(path)?
    };
    if matches!(settings.mode, Mode::Embedded) && repo.branch("main")?.is_none() {
        skeleton::plant(
            &repo,
            &settings.author,
            &keys.main,
            jiff::Timestamp::now().as_second(),
        )?;
    }
    Ok(repo)
}

pub(super) fn templates(settings: &Settings) -> Result<Templates, StartError> {
    match &settings.templates {
        None => Ok(Templates::embedded()?),
        Some(folder) => {
            let mut sources = BTreeMap::new();
            read_folder(folder, folder, &mut sources)?;
            Ok(Templates::new(sources)?)
        }
    }
}

fn read_folder(
    root: &Path,
    folder: &Path,
    sources: &mut BTreeMap<String, String>,
) -> Result<(), StartError> {
    let fail = |source| StartError::File {
        path: folder.display().to_string(),
        source,
    };
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.is_dir() {
            read_folder(root, &path, sources)?;
        } else if let Some(name) = path
            .strip_prefix(root)
            .ok()
            .and_then(Path::to_str)
            .filter(|it| it.ends_with(".j2"))
        {
            sources.insert(
                name.to_owned(),
                std::fs::read_to_string(&path).map_err(fail)?,
            );
        }
    }
    Ok(())
}

/// An unreachable remote stops a first start only: with a mirror, requests are accepted and wait.
fn first_fetch(core: &Core, remote: &Remote) -> Result<(), StartError> {
    match publish::fetch(core, remote) {
        Ok(()) => Ok(()),
        Err(error) if core.published("main")?.is_some() => {
            tracing::warn!(%error, "the remote is not there; requests are accepted and wait for it");
            super::core::lock(&core.remote).problem = Some(error.to_string());
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Puts a commit's policy and charts in force: the given one, the one remembered, or at the very first start what
/// published main holds.
pub(super) fn put_in_force(core: &Core, commit: Option<&CommitId>) -> Result<(), StartError> {
    let remembered = core
        .journal
        .fact(POLICY)?
        .and_then(|it| it.parse::<CommitId>().ok());
    let known = |commit: &CommitId| core.repo.contains(commit).unwrap_or(false);
    let commit = match (commit.cloned(), remembered.filter(known)) {
        (Some(commit), _) | (None, Some(commit)) => commit,
        (None, None) => {
            let missing = || StartError::Policy("the branch main does not exist".to_owned());
            core.published("main")?.ok_or_else(missing)?
        }
    };
    let policy = read_policy(&core.repo, &commit).map_err(StartError::Policy)?;
    core.journal.remember(POLICY, commit.as_str())?;
    let old = core.repo.reference(POLICY_REF)?;
    let update = RefUpdate { reference: POLICY_REF.to_owned(), old, new: commit.clone() };
    // Only this process moves it; the command line reads it beside a running server.
    let _landed = core.repo.update(&[update])?;
    let in_force = InForce {
        policy: std::sync::Arc::new(policy),
        commit,
    };
    *core
        .in_force
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = in_force;
    core.prepared.store(false, Ordering::Relaxed);
    Ok(())
}

/// The policy at a commit, or the sentence why there is none to use.
pub(super) fn read_policy(repo: &FleetRepo, commit: &CommitId) -> Result<FleetPolicy, String> {
    let bytes = repo
        .read(commit, "fleetwright.yaml")
        .map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("commit {commit} has no such file"))?;
    parse_policy(&String::from_utf8_lossy(&bytes))
}

/// Reads and checks a policy, or says what is wrong with it.
pub(super) fn parse_policy(text: &str) -> Result<FleetPolicy, String> {
    let policy: FleetPolicy = yaml::read(text).map_err(|error| error.to_string())?;
    let wrong = policy.check();
    if wrong.is_empty() {
        return Ok(policy);
    }
    Err(wrong
        .into_iter()
        .map(|it| format!("{} {}", it.pointer, it.detail))
        .collect::<Vec<_>>()
        .join("; "))
}

/// Puts on the desk what the journal holds. What is published by now leaves it at the first look at main.
fn load_desk(core: &Core) -> Result<(), StartError> {
    let mut desk = core.desk();
    for entry in core.journal.entries()? {
        desk.put(entry, None);
    }
    Ok(())
}

/// Works out what every store takes, and goes on with deletions that a stop interrupted.
fn load_book(core: &Core) -> Result<(), StartError> {
    let mut rows = Vec::new();
    core.index.stores(None, &mut |name, row| {
        rows.push((name, row));
        true
    })?;
    let mut desk = core.desk();
    for (name, row) in &rows {
        reserve::settle(core, &mut desk, name, Some(row));
    }
    let asked: Vec<StoreName> = desk.entries().map(|it| it.change.store.clone()).collect();
    for name in asked {
        let row = core.index.store(&name)?;
        reserve::settle(core, &mut desk, &name, row.as_ref());
    }
    drop(desk);
    rows.iter().for_each(|(name, row)| tear_down_unwatched(core, name, row));
    Ok(())
}

/// How changes ended is known to the journal even where a kill took the index back.
fn load_ended(core: &Core) -> Result<(), StartError> {
    let mut missing = Projection::default();
    for change in core.journal.ended()? {
        if core.index.change(&change.id)?.is_none_or(|it| !it.state.is_end()) {
            missing.changes.push(change);
        }
    }
    core.index.apply(&missing)?;
    Ok(())
}

/// The admin token is made once, kept for the person who runs the server, and known to us by its hash only.
fn admin_token(data: &Path, journal: &Journal) -> Result<(), StartError> {
    let path = data.join("admin.token");
    let there = std::fs::read_to_string(&path)
        .ok()
        .map(|it| it.trim().to_owned())
        .filter(|it| !it.is_empty());
    let token = match there {
        Some(token) => token,
        None => {
            let token = new_token();
            write_secret(&path, &token)?;
            token
        }
    };
    let owner: Owner = "admin".parse().expect("a plain word is an owner");
    let caller = Caller {
        subject: "token:admin".to_owned(),
        role: Role::Admin,
        owner,
    };
    journal.put_token(&token_hash(&token), &caller)?;
    Ok(())
}

fn new_token() -> String {
    use base64::Engine;
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    format!(
        "fwt_{}",
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    )
}

/// What is kept of a token.
pub(super) fn token_hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn write_secret(path: &Path, text: &str) -> Result<(), StartError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let fail = |source| StartError::File {
        path: path.display().to_string(),
        source,
    };
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(fail)?;
    writeln!(file, "{text}").map_err(fail)
}

/// Stands for the policy until one is read; nothing is asked of it before that.
fn nothing() -> std::sync::Arc<FleetPolicy> {
    std::sync::Arc::new(FleetPolicy {
        api_version: String::new(),
        kind: String::new(),
        limits: crate::domain::policy::Limits::default(),
        clusters: indexmap::IndexMap::new(),
        engines: indexmap::IndexMap::new(),
        plans: indexmap::IndexMap::new(),
        owners: indexmap::IndexMap::new(),
        deletion: crate::domain::policy::DeletionPolicy::default(),
        approval: Vec::new(),
        proposals: crate::domain::policy::ProposalPolicy::default(),
    })
}

fn nowhere() -> CommitId {
    "0".repeat(40).parse().expect("forty zeros are a commit id")
}
