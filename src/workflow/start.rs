//! From settings to a running fleet: keys, repository, policy, index, desk, in this order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};

use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast, watch};

use super::alarm::trusted;
use super::core::{Core, ForgeStatus, InForce, Keys, RemoteStatus, Watched};
use super::desk::Desk;
use super::events::Events;
use super::metrics::Metrics;
use super::project::catch_up;
use super::query::Catalog;
use super::settings::{Mode, Settings};
use super::tokens::Tokens;
use super::{limits, publish, skeleton};
use crate::cluster::{Cluster, Target, Watcher};
use crate::domain::ClusterName;
use crate::git::{FleetRepo, KeyRing, KeyRole, Remote, SigningKey, git_version};
use crate::index::Index;
use crate::journal::Journal;
use crate::oidc::Issuer;

mod error;
mod forge;
mod load;
mod policy;
mod templates;
mod token;

pub use error::StartError;
pub(super) use forge::open as open_forge;
pub(super) use load::load_folders;
use load::{let_go_of_done, load_book, load_desk, load_ended};
pub(super) use policy::{POLICY_REF, apart_from_shops, parse_policy, put_in_force, read_policy};
use policy::{has_begun, nothing, nowhere};
pub(super) use templates::templates;
use token::admin_token;
pub(super) use token::{REPOSITORY_TOKEN, check_kept_tokens, kept_token, new_token, token_hash};

/// What a start leaves to run.
pub(super) struct Started {
    pub(super) core: Core,
    pub(super) remote: Option<Remote>,
    /// The same, for the branches of proposals.
    pub(super) proposing: Option<Remote>,
    pub(super) watchers: Vec<(ClusterName, Watcher)>,
}

/// Opens everything. Blocks; needs a Tokio runtime for the watchers.
pub(super) fn open(settings: Settings) -> Result<Started, StartError> {
    git_version()?;
    let keys = keys(&settings)?;
    let journal = Journal::open(&settings.data.join("journal.redb"))?;
    // Keys that sign and requests that are accepted are on the disk from here on, and so must be their names.
    sync_folder(&settings.data)?;
    let repo = repository(&settings, &keys, &journal)?;
    repo.confirm()?;
    let templates = templates(&settings)?;
    let index = Index::open(&settings.data.join("index.redb"))?;
    let tokens = Tokens::load(&journal, &admin_token(&settings.data)?)?;
    let issuer = settings.oidc.clone().map(Issuer::new).transpose()?;
    // Whether teams review is known when the policy is.
    let open = |access| forge::open(access, false);
    let forge = settings.forge.as_ref().map(open).transpose()?;
    let request_limits = (!settings.lift_limits).then_some(settings.request_limits);
    let desk = Desk::default();
    let mut core = Core {
        in_force: RwLock::new(InForce {
            policy: nothing(),
            digests: Arc::default(),
            commit: nowhere(),
        }),
        watched: BTreeMap::new(),
        settings,
        repo,
        journal,
        index,
        templates,
        keys,
        busy: desk.busy(),
        desk: Mutex::new(desk),
        remote: Mutex::new(RemoteStatus::default()),
        forge_status: Mutex::new(ForgeStatus::default()),
        upkeep: Mutex::new(None),
        tokens,
        issuer: issuer.map(Arc::new),
        foreign: Mutex::new(BTreeMap::new()),
        unvouched: Mutex::default(),
        schemas: Mutex::new(BTreeMap::new()),
        seen: Mutex::new(None),
        put_back: Mutex::new(BTreeSet::new()),
        deploy_alarms: Mutex::new(BTreeMap::new()),
        tended: Mutex::default(),
        probes: Mutex::default(),
        prepared: AtomicBool::new(false),
        steady: Mutex::new(None),
        published: watch::channel(()).0,
        limits: limits::Limits::new(request_limits),
        wake: Notify::new(),
        hinted: Notify::new(),
        forge,
        proposals: Mutex::default(),
        asked: Mutex::default(),
        propose: Notify::new(),
        look_now: AtomicBool::new(false),
        pushes: Mutex::default(),
        moved: broadcast::channel(4096).0,
        catalog: Catalog::default(),
        events: Events::new(ulid::Ulid::new().to_string()),
        metrics: Metrics::new(),
    };
    let remote = publish::remote(&core)?;
    if let Some(remote) = &remote {
        first_fetch(&core, remote)?;
    }
    put_in_force(&core, None)?;
    same_deploy_key(&core)?;
    let watchers = watch(&mut core)?;
    load_desk(&core)?;
    load_ended(&core)?;
    forge::load_proposals(&core)?;
    let rebuilt = catch_up(&core)?;
    let_go_of_done(&core)?;
    publish::start_over(&core, "derived again after a start")?;
    load_book(&core, rebuilt)?;
    limits::load(&core)?;
    core.journal.forget_old_answers(Core::now())?;
    core.events.begin();
    Ok(Started {
        core,
        proposing: remote.clone(),
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
            return Err(StartError::NoSuchCluster {
                name: access.name,
                known,
            });
        };
        let target = Target {
            kubeconfig: access.kubeconfig,
            context: access.context,
            namespace: cluster.namespace.clone(),
            namespace_prefix: cluster.namespace_prefix.clone(),
        };
        let connected = Handle::current().block_on(Cluster::connect(target))?;
        let watcher = connected.watch();
        let followed = Watched {
            cluster: connected,
            view: watcher.view(),
            receiver: access.receiver,
        };
        core.watched.insert(access.name.clone(), followed);
        watchers.push((access.name, watcher));
    }
    Ok(watchers)
}

/// A deploy branch without any commit of our key is not ours to go on with: its clusters would refuse our commits, and
/// what it holds could not be told from what a person put there.
fn same_deploy_key(core: &Core) -> Result<(), StartError> {
    for cluster in core.in_force().policy.clusters.keys() {
        let Some(head) = core.published_deploy(cluster)? else {
            continue;
        };
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
    ring.trust(KeyRole::Main, main.public_line())?;
    ring.trust(KeyRole::Deploy, deploy.public_line())?;
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

/// Makes the names in a folder survive a power cut.
fn sync_folder(path: &Path) -> Result<(), StartError> {
    let synced = std::fs::File::open(path).and_then(|folder| folder.sync_all());
    synced.map_err(|source| StartError::File {
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

fn repository(
    settings: &Settings,
    keys: &Keys,
    journal: &Journal,
) -> Result<FleetRepo, StartError> {
    let path = &settings.repository;
    let repo = if path.exists() {
        FleetRepo::open(path)?
    } else {
        FleetRepo::init(path)?
    };
    repo.clear_stale_locks()?;
    if matches!(settings.mode, Mode::Embedded) && repo.branch("main")?.is_none() {
        if has_begun(journal)? {
            return Err(StartError::LostMain(path.display().to_string()));
        }
        skeleton::plant(
            &repo,
            &settings.author,
            &keys.main,
            jiff::Timestamp::now().as_second(),
        )?;
    }
    Ok(repo)
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
