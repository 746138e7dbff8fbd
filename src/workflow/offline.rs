//! What the command line does without a running server: begin a repository, print a bootstrap, render a file.

pub mod charts;
pub mod forge;
pub mod index;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};

use super::settings::Settings;
use super::{skeleton, start};
use crate::domain::ClusterName;
use crate::domain::policy::FleetPolicy;
use crate::domain::record::Record;
use crate::git::{FleetRepo, Person, PushOutcome, PushRef, Remote, SigningKey};
use crate::render::{Bootstrap, Templates, bootstrap as render_bootstrap, render_store, yaml};

/// What `init` wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitReport {
    /// Where.
    pub target: String,
    /// The files, by path.
    pub files: Vec<String>,
    /// The commit on main.
    pub commit: String,
}

/// Writes the skeleton and the charts into a new or empty repository: a folder, or the URL of a remote.
///
/// # Errors
/// When the target has commits already, or cannot be reached or written.
pub fn init(target: &str, author: &Person, key: Option<&Path>) -> anyhow::Result<InitReport> {
    let scratch = tempfile::tempdir().context("a temporary folder cannot be made")?;
    let key = match key {
        Some(path) => SigningKey::load(path)?,
        None => SigningKey::generate(&scratch.path().join("key"), "fleetwright init")?,
    };
    if is_url(target) {
        let repo = FleetRepo::init(&scratch.path().join("fleet.git"))?;
        let commit = plant(&repo, author, &key, target)?;
        let remote = Remote::new(target, None)?;
        push(&repo, &remote, &commit)?;
        // Without the credential that the URL may hold.
        return Ok(report(remote.url(), &commit));
    }
    let path = Path::new(target);
    let empty = !path.exists() || path.read_dir().is_ok_and(|mut it| it.next().is_none());
    let repo = if empty {
        FleetRepo::init(path)?
    } else {
        FleetRepo::open(path)?
    };
    let commit = plant(&repo, author, &key, target)?;
    Ok(report(target, &commit))
}

fn is_url(target: &str) -> bool {
    target.contains("://") || (target.contains('@') && target.contains(':'))
}

fn plant(
    repo: &FleetRepo,
    author: &Person,
    key: &SigningKey,
    target: &str,
) -> anyhow::Result<crate::domain::CommitId> {
    if repo.branch("main")?.is_some() {
        bail!(
            "{target} has a branch main already; init writes into a new or empty repository only"
        );
    }
    skeleton::plant(repo, author, key, jiff::Timestamp::now().as_second())?;
    repo.branch("main")?
        .context("the first commit was made but main does not name it")
}

fn push(repo: &FleetRepo, remote: &Remote, commit: &crate::domain::CommitId) -> anyhow::Result<()> {
    let refs = [PushRef {
        local: commit.clone(),
        remote: "refs/heads/main".to_owned(),
    }];
    match remote.push(repo, &refs)? {
        PushOutcome::Pushed => Ok(()),
        PushOutcome::LostRace { .. } => {
            bail!(
                "{} has a branch main already; init writes into an empty repository only",
                remote.url()
            )
        }
        PushOutcome::Denied { refusals, said } => {
            let why: Vec<String> = refusals.into_iter().map(|it| it.reason).collect();
            bail!(
                "{} refuses the push: {} {said}",
                remote.url(),
                why.join(", ")
            )
        }
        PushOutcome::TimedOut => bail!("{} did not answer in time; try again", remote.url()),
        PushOutcome::Unreachable { detail } => {
            bail!("{} cannot be reached: {detail}", remote.url())
        }
    }
}

fn report(target: &str, commit: &crate::domain::CommitId) -> InitReport {
    let files = skeleton::files().into_keys().collect();
    InitReport {
        target: target.to_owned(),
        files,
        commit: commit.to_string(),
    }
}

/// The objects that a cluster needs, for `kubectl apply --server-side -f -`; with a token, the Secret that holds it.
///
/// # Errors
/// When the repository has no usable policy, or the policy has no such cluster.
pub fn bootstrap(
    settings: &Settings,
    cluster: &ClusterName,
    url: Option<&str>,
    token: Option<String>,
) -> anyhow::Result<String> {
    let repo = FleetRepo::open(&settings.repository)?;
    let published = repo.reference(start::POLICY_REF)?;
    let main = published
        .context("no policy is in force yet; start the server once with this configuration")?;
    let policy = start::read_policy(&repo, &main).map_err(anyhow::Error::msg)?;
    if !policy.clusters.contains_key(cluster) {
        let known: Vec<&str> = policy.clusters.keys().map(ClusterName::as_str).collect();
        bail!(
            "fleetwright.yaml has no cluster {cluster}; it has {}",
            known.join(", ")
        );
    }
    let key = match &settings.deploy_key {
        Some(path) => SigningKey::load(path)?,
        None => SigningKey::load_or_generate(
            &settings.data.join("keys").join("deploy"),
            "fleetwright deploy",
        )?,
    };
    let facts = Bootstrap {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        digest: String::new(),
        url: url.unwrap_or(&settings.cluster_url).to_owned(),
        deploy_keys: BTreeMap::from([("deploy.sshpub".to_owned(), key.public_line().to_owned())]),
        auth: settings.cluster_auth,
        token,
        trigger: settings.trigger(cluster),
    };
    Ok(render_bootstrap(
        &start::templates(settings)?,
        &policy,
        cluster,
        &facts,
    )?)
}

/// What a record file renders to, by path. Without a policy, that of the built-in skeleton.
///
/// # Errors
/// When either file cannot be read as what it should be.
pub fn render_file(record: &str, policy: Option<&str>) -> anyhow::Result<BTreeMap<String, String>> {
    let mut record: Record = yaml::read(record).context("the record cannot be read")?;
    let policy: FleetPolicy = match policy {
        Some(text) => start::parse_policy(text)
            .map_err(anyhow::Error::msg)
            .context("the policy cannot be used")?,
        None => start::parse_policy(&skeleton_policy()?).map_err(anyhow::Error::msg)?,
    };
    // A record that nobody has accepted yet has no uid; a rendering needs one to show.
    if record.metadata.uid.is_none() {
        record.metadata.uid = Some("0".repeat(26).parse()?);
    }
    let templates = Templates::embedded()?;
    let files = render_store(&templates, &policy, &record)?;
    let all = files
        .shared
        .into_iter()
        .chain(files.own)
        .chain([files.record]);
    Ok(all
        .map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned()))
        .collect())
}

/// The password under which `dev` serves the fleet repository on a network: made once, kept in `git.token` of the data
/// folder (mode 0600).
///
/// # Errors
/// When the file can be neither read nor made.
pub fn repository_token(data: &Path) -> anyhow::Result<String> {
    Ok(start::kept_token(&data.join(start::REPOSITORY_TOKEN))?)
}

/// Checks that the tokens in a data folder are secrets, before a network is let in.
///
/// # Errors
/// Which file is readable by everybody or can be guessed, and what to do.
pub fn check_kept_tokens(data: &Path) -> anyhow::Result<()> {
    Ok(start::check_kept_tokens(data)?)
}

/// Checks that no shop runs beside the dashboard, as far as a policy is known here: the one in force, or what a start that
/// put none in force has fetched.
///
/// # Errors
/// Which cluster's domain the dashboard is under.
pub fn check_public_host(settings: &Settings) -> anyhow::Result<()> {
    match known_policy(settings)? {
        Some(policy) => Ok(start::apart_from_shops(settings, &policy)?),
        None => Ok(()),
    }
}

/// The policy as far as one is known here: the one in force, or what a start that put none in force has fetched.
fn known_policy(settings: &Settings) -> anyhow::Result<Option<FleetPolicy>> {
    let Ok(repo) = FleetRepo::open(&settings.repository) else {
        return Ok(None);
    };
    let commit = match repo.reference(start::POLICY_REF)? {
        None => repo.reference(&settings.mode.published("main"))?,
        in_force => in_force,
    };
    let read = |commit| start::read_policy(&repo, &commit).map_err(anyhow::Error::msg);
    commit.map(read).transpose()
}

fn skeleton_policy() -> anyhow::Result<String> {
    match skeleton::files().remove("fleetwright.yaml") {
        Some(crate::plan::Edit::Put(bytes)) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        _ => bail!("this build of fleetwright has no skeleton"),
    }
}
