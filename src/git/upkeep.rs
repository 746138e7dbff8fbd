//! Upkeep of the repository beside its writer and readers: many small packs become few.
//!
//! The writer leaves a pack for every group, and reading slows down with their number. [`FleetRepo::tidy`] lets git
//! copy the objects of the small ones into a new pack, and deletes them when that one is on the disk and was seen to
//! hold every object of theirs. **No object is ever dropped**, reachable or not: a group whose references have not
//! moved yet is unreachable, and the writer goes on from objects of groups that never landed. (`git repack
//! --geometric -d` drops none either, but deletes before the new pack's folder is synced.)
//!
//! Must not know: when this is due.

use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::command::{CommandError, GitCommand, Output};
use super::object::ObjectId;
use super::packs::{self, Pack};
use super::{FleetRepo, GitError, versions};

/// How long git may take. Some 1 GB is copied in a minute.
const PATIENCE: Duration = Duration::from_mins(30);

/// The file in the repository that tells `git pack-objects` what is no delta.
const ATTRIBUTES: &str = "upkeep.attributes";

/// How long the old packs stay beside the new one.
const GRACE: Duration = Duration::from_millis(500);

/// When a temporary file is nobody's any more: longer than anything that writes one may take.
const LEFTOVER: Duration = Duration::from_hours(1);

/// How upkeep goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Everybody else goes first, and what is written takes little room.
    Gentle,
    /// As fast as can be: on a busy machine who always waits never catches up.
    Urgent,
}

/// What [`FleetRepo::tidy`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Packs that became one.
    pub merged: usize,
    /// Loose objects that went into it.
    pub loose: usize,
    /// The objects it holds.
    pub objects: usize,
    /// Leftovers of killed processes that were deleted.
    pub leftovers: usize,
}

/// Why upkeep was given up. Nothing is lost then: whatever was there is there.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The folder could not be read or changed.
    #[error(transparent)]
    Repository(#[from] GitError),
    /// Git did not do its part.
    #[error(transparent)]
    Program(#[from] CommandError),
    /// The new pack lacks something; the old ones stay.
    #[error(
        "{} does not hold all {wanted} objects, so the packs it was to replace stay: run `git fsck` in the repository",
        index.display()
    )]
    Incomplete {
        /// The new pack's index.
        index: PathBuf,
        /// How many objects it was to hold.
        wanted: usize,
    },
}

impl FleetRepo {
    /// How many packs there are. Costs one look into a folder.
    pub fn packs(&self) -> Result<usize, GitError> {
        packs::number(&self.pack_folder())
    }

    /// Puts small packs and loose objects together, and deletes what killed processes left. Safe beside the writer,
    /// fetches and readers; for one caller at a time. `go_on` is asked every few milliseconds; when it says no, git is
    /// stopped and everything stays as it was.
    ///
    /// # Errors
    /// [`UpkeepError`]; [`CommandError::Stopped`] in it when `go_on` said no.
    pub fn tidy(&self, pace: Pace, go_on: &dyn Fn() -> bool) -> Result<Tidied, UpkeepError> {
        let folder = self.pack_folder();
        let leftovers = packs::clear_leftovers(&folder, LEFTOVER)?;
        let old = packs::to_merge(packs::list(&folder)?);
        let loose = loose_objects(&self.path().join("objects"))?;
        let wanted = contents(&old, &loose)?;
        if wanted.is_empty() {
            return Ok(Tidied {
                leftovers,
                ..Tidied::default()
            });
        }
        let index = self.pack_together(&wanted, pace, go_on)?;
        make_durable(&index, &folder)?;
        let held = packs::names(&index)?.unwrap_or_default();
        if !wanted.iter().all(|id| held.binary_search(id).is_ok()) {
            return Err(UpkeepError::Incomplete {
                index,
                wanted: wanted.len(),
            });
        }
        grace(go_on)?;
        let merged: Vec<&Pack> = old.iter().filter(|pack| pack.index != index).collect();
        if !merged.is_empty() {
            packs::forget_overview(&folder)?;
        }
        for pack in &merged {
            packs::delete(&pack.index)?;
        }
        for (_, file) in &loose {
            packs::delete_file(file)?;
        }
        self.renew_handles();
        Ok(Tidied {
            merged: merged.len(),
            loose: loose.len(),
            objects: held.len(),
            leftovers,
        })
    }

    /// Brings the commit-graph up to the branches, which git's own fetch, push and serving walk history by. Costs what
    /// is new.
    ///
    /// # Errors
    /// As [`tidy`](Self::tidy).
    pub fn graph_commits(&self, go_on: &dyn Fn() -> bool) -> Result<(), UpkeepError> {
        self.write_graph("--split", go_on)
    }

    /// Makes the commit-graph again from nothing. One that is only ever added to keeps what a person's `git prune` took
    /// away, and `git fsck` complains of it. Costs all commits, some 10 µs each.
    ///
    /// # Errors
    /// As [`tidy`](Self::tidy).
    pub fn graph_commits_anew(&self, go_on: &dyn Fn() -> bool) -> Result<(), UpkeepError> {
        self.write_graph("--split=replace", go_on)
    }

    fn write_graph(&self, how: &str, go_on: &dyn Fn() -> bool) -> Result<(), UpkeepError> {
        let command = GitCommand::in_repo("commit-graph", self.path())
            .args(["write", "--reachable", how, "--no-progress"])
            .gently();
        succeeded("commit-graph", &command.run_while(PATIENCE, go_on)?)?;
        Ok(())
    }

    fn pack_folder(&self) -> PathBuf {
        self.path().join("objects/pack")
    }

    /// Has git write a pack of exactly these objects, and gives its index. What is stored as a delta stays one, and
    /// versions of a folder become deltas unless it is urgent; nothing else is compressed again.
    fn pack_together(
        &self,
        wanted: &[ObjectId],
        pace: Pace,
        go_on: &dyn Fn() -> bool,
    ) -> Result<PathBuf, UpkeepError> {
        let folder = self.pack_folder();
        let repo = self.handle()?;
        let list = list_for_git(&folder, &repo, wanted)?;
        let attributes = self.path().join(ATTRIBUTES);
        fs::write(&attributes, versions::ATTRIBUTES).map_err(GitError::io("write", &attributes))?;
        let command = GitCommand::in_repo("pack-objects", self.path())
            .args(["--quiet", "--threads=1", "--delta-base-offset"])
            .setting("core.attributesFile", attributes.to_string_lossy())
            .input(list);
        let command = match pace {
            Pace::Gentle => command.gently(),
            Pace::Urgent => command.args(["--window=0"]),
        };
        let command = command.args([folder.join("pack")]);
        let output = succeeded("pack-objects", &command.run_while(PATIENCE, go_on)?)?;
        let name = String::from_utf8_lossy(&output);
        if ObjectId::from_hex(name.trim()).is_none() {
            return Err(failed("pack-objects", "it names no pack").into());
        }
        Ok(folder.join(format!("pack-{}.idx", name.trim())))
    }
}

/// Waits for those who looked into the folder before the new pack was there and have yet to open an old one. (They
/// would look again, once; this way they need not.)
fn grace(go_on: &dyn Fn() -> bool) -> Result<(), CommandError> {
    let end = Instant::now() + GRACE;
    while Instant::now() < end {
        if !go_on() {
            return Err(CommandError::Stopped {
                command: "pack-objects".to_owned(),
            });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Everything in these packs and files, pack by pack. A pack that vanished, or whose index is not whole, ends it.
fn contents(packs: &[Pack], loose: &[(ObjectId, PathBuf)]) -> Result<Vec<ObjectId>, UpkeepError> {
    let mut names: Vec<ObjectId> = loose.iter().map(|(name, _)| *name).collect();
    for pack in packs {
        let here = packs::names(&pack.index)?.ok_or_else(|| UpkeepError::Incomplete {
            index: pack.index.clone(),
            wanted: usize::try_from(pack.objects).unwrap_or(usize::MAX),
        })?;
        names.extend(here);
    }
    Ok(names)
}

/// An unnamed file with one object a line, to be read from its beginning.
fn list_for_git(
    folder: &Path,
    repo: &git2::Repository,
    wanted: &[ObjectId],
) -> Result<File, GitError> {
    let failed = || GitError::io("write into", folder);
    let file = tempfile::tempfile_in(folder).map_err(failed())?;
    let mut list = io::BufWriter::new(file);
    versions::named(repo, wanted, &mut |id, name| {
        writeln!(list, "{id} {}", one_line(name)).map_err(failed())
    })?;
    let rewound = list.into_inner().map_err(io::IntoInnerError::into_error);
    let rewound = rewound.and_then(|mut file| file.rewind().map(|()| file));
    rewound.map_err(failed())
}

/// A person's folder may have any name. What git makes of a long or a strange one is a hint less.
fn one_line(name: &str) -> String {
    let plain = name.chars().filter(|c| !c.is_control());
    plain.take(1000).collect()
}

/// Syncs a pack, its index and the folder that names them, whatever git was told to sync.
fn make_durable(index: &Path, folder: &Path) -> Result<(), GitError> {
    for path in [&index.with_extension("pack"), index, folder] {
        let synced = File::open(path).and_then(|file| file.sync_all());
        synced.map_err(GitError::io("sync", path))?;
    }
    Ok(())
}

/// Objects that have a file each, as `ab/cdef…`.
fn loose_objects(objects: &Path) -> Result<Vec<(ObjectId, PathBuf)>, GitError> {
    let mut found = Vec::new();
    for first in 0..=u8::MAX {
        let first = format!("{first:02x}");
        let folder = objects.join(&first);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(GitError::io("list", &folder))?,
        };
        for entry in entries {
            let path = entry.map_err(GitError::io("list", &folder))?.path();
            let rest = path.file_name().and_then(|it| it.to_str());
            // Anything else is a file in the making.
            if let Some(name) = rest.and_then(|rest| ObjectId::from_hex(&format!("{first}{rest}")))
            {
                found.push((name, path));
            }
        }
    }
    Ok(found)
}

fn succeeded(command: &str, output: &Output) -> Result<Vec<u8>, CommandError> {
    if output.success {
        Ok(output.stdout.clone())
    } else {
        Err(failed(command, output.stderr.trim()))
    }
}

fn failed(command: &str, detail: &str) -> CommandError {
    CommandError::Failed {
        command: command.to_owned(),
        detail: detail.to_owned(),
    }
}
