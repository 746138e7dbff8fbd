//! `charts sync`: the charts that this Fleetwright was built with, beside those that a fleet repository has.
//!
//! A published version never changes, as stores pin it: only versions that are not there are added, and they come into
//! force when an admin vouches for the commit. Must not know: the command line.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail};

use super::{is_url, push, skeleton};
use crate::domain::CommitId;
use crate::git::{CommitSpec, FleetRepo, Landed, Person, RefUpdate, Remote, SigningKey};
use crate::plan::{Edit, Edits};

/// What a sync came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Folders of versions that were added.
    pub added: Vec<String>,
    /// Folders whose files differ from the built-in ones, and stay.
    pub differ: Vec<String>,
    /// The commit that adds them; none where nothing was missing.
    pub commit: Option<CommitId>,
}

/// Adds the built-in chart versions that a fleet repository lacks: a folder with a bare repository, or a URL.
///
/// # Errors
/// When there is no branch main, or the target cannot be reached or written.
pub fn sync(target: &str, author: &Person, key: Option<&Path>) -> anyhow::Result<SyncReport> {
    let scratch = tempfile::tempdir().context("a temporary folder cannot be made")?;
    let key = match key {
        Some(path) => SigningKey::load(path)?,
        None => SigningKey::generate(&scratch.path().join("key"), "fleetwright charts")?,
    };
    if !is_url(target) {
        let repo = FleetRepo::open(Path::new(target))?;
        let main = repo.branch("main")?.with_context(|| nothing_at(target))?;
        let (report, group) = add(&repo, &main, author, &key)?;
        if let (Some(commit), Some(group)) = (&report.commit, group) {
            let moved = RefUpdate::branch("main", Some(main), commit.clone());
            if group.land(&[moved])? != Landed::Yes {
                bail!("somebody else moved main of {target} meanwhile; try again");
            }
        }
        return Ok(report);
    }
    let repo = FleetRepo::init(&scratch.path().join("fleet.git"))?;
    let remote = Remote::new(target, None)?;
    remote.fetch(&repo, &["main"])?;
    let main = repo.reference("refs/remotes/origin/main")?;
    let main = main.with_context(|| nothing_at(remote.url()))?;
    let (report, group) = add(&repo, &main, author, &key)?;
    if let (Some(commit), Some(group)) = (&report.commit, group) {
        let made = RefUpdate::branch("main", None, commit.clone());
        let _landed = group.land(&[made])?;
        push(&repo, &remote, commit)?;
    }
    Ok(report)
}

fn nothing_at(target: &str) -> String {
    format!("{target} has no branch main; fleetwright init begins a fleet repository")
}

/// The commit on top of `main` that adds what is missing, in a group that has yet to land.
fn add<'r>(
    repo: &'r FleetRepo,
    main: &CommitId,
    author: &Person,
    key: &SigningKey,
) -> anyhow::Result<(SyncReport, Option<crate::git::Group<'r>>)> {
    let mut report = SyncReport::default();
    let mut edits = Edits::new();
    let (mut missing, mut differ) = (BTreeSet::new(), BTreeSet::new());
    for (path, edit) in skeleton::files() {
        let Some(folder) = version_folder(&path) else {
            continue;
        };
        if repo.entry(main, &folder)?.is_none() {
            missing.insert(folder);
            edits.insert(path, edit);
        } else if let Edit::Put(bytes) = &edit
            && !repo.holds(main, &path, bytes)?
        {
            differ.insert(folder);
        }
    }
    report.added = missing.into_iter().collect();
    report.differ = differ.into_iter().collect();
    if edits.is_empty() {
        return Ok((report, None));
    }
    let mut group = repo.group()?;
    let list = report.added.join("\n    ");
    let message = format!("add chart versions\n\n    {list}\n\nFleetwright-Action: charts\n");
    report.commit = group.commit(&CommitSpec {
        parent: Some(main),
        grafts: &[],
        edits: &edits,
        even_if_same: false,
        message: &message,
        author,
        committer: author,
        time_seconds: jiff::Timestamp::now().as_second(),
        key,
    })?;
    Ok((report, Some(group)))
}

/// `charts/<engine>/<version>` of a path below it.
fn version_folder(path: &str) -> Option<String> {
    let mut parts = path.split('/');
    let (charts, engine, version) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next()?;
    (charts == "charts").then(|| format!("{charts}/{engine}/{version}"))
}
