//! References: reading them, and moving several of them at once by compare-and-swap.
//!
//! What we move goes to `packed-refs`: one file, synced and renamed, moves all of it in one step. References that git
//! itself wrote lie in files of their own, which win over the packed ones; they are packed before they are moved. (Not
//! through libgit2: it moves one reference after the other, and takes a rewritten file of the same size and moment for
//! the one it knows.) Must not know: what a reference is for.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::GitError;
use super::lock_file::LockFile;
use super::pack::file::sync_folder;
use super::packed_refs::PackedRefs;
use crate::domain::CommitId;

/// How many symbolic references are followed, as git does.
const SYMBOLIC: usize = 5;

/// The empty file that locks of references are links to.
const EMPTY: &str = "fleetwright.empty";

/// One reference's move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// The full name, such as `refs/heads/main`.
    pub reference: String,
    /// Where it must be; `None`: it must not exist.
    pub old: Option<CommitId>,
    /// Where it goes.
    pub new: CommitId,
}

impl RefUpdate {
    /// A move of `refs/heads/<name>`.
    pub fn branch(name: &str, old: Option<CommitId>, new: CommitId) -> Self {
        Self {
            reference: format!("refs/heads/{name}"),
            old,
            new,
        }
    }
}

/// What became of a set of updates.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Landed {
    /// All references moved.
    Yes,
    /// None moved, for this one was not where its update says.
    Moved {
        /// The reference's full name.
        reference: String,
    },
}

/// Where a reference points; symbolic ones are followed.
pub(super) fn read(repo: &Path, name: &str) -> Result<Option<CommitId>, GitError> {
    let mut name = name.to_owned();
    for _ in 0..SYMBOLIC {
        check_name(&name)?;
        match loose(repo, &name)? {
            Some(Loose::Points(id)) => return Ok(Some(id)),
            Some(Loose::Symbolic(target)) => name = target,
            None => return pointed(&packed(repo)?, &name),
        }
    }
    Err(GitError::BadReference { name })
}

/// All references whose full name begins with `prefix`, by name. Symbolic ones are left out.
pub(super) fn list(repo: &Path, prefix: &str) -> Result<Vec<(String, CommitId)>, GitError> {
    // Loose ones first: one that is packed meanwhile is then found among the packed.
    let folder = prefix.rsplit_once('/').map_or("refs", |(folder, _)| folder);
    let mut files = Vec::new();
    names_below(repo, folder, &mut files)?;
    let mut loose_ones = BTreeMap::new();
    for name in files {
        if let (true, Some(Loose::Points(id))) = (name.starts_with(prefix), loose(repo, &name)?) {
            loose_ones.insert(name, id);
        }
    }
    let packed = packed(repo)?;
    let mut found = BTreeMap::new();
    for (name, _) in packed.with_prefix(prefix) {
        if let Some(id) = pointed(&packed, name)? {
            found.insert(name.to_owned(), id);
        }
    }
    found.extend(loose_ones);
    Ok(found.into_iter().collect())
}

/// Moves all references, or none.
///
/// # Errors
/// [`GitError::Unsure`] when they have moved, and the disk could not say that they stay so.
pub(super) fn update(repo: &Path, updates: &[RefUpdate]) -> Result<Landed, GitError> {
    let _locks = lock_all(repo, updates.iter().map(|update| update.reference.as_str()))?;
    let mut file = lock_packed(repo)?;
    let mut refs = packed(repo)?;
    let mut stray = Vec::new();
    for update in updates {
        let name = &update.reference;
        let there = match loose(repo, name)? {
            Some(Loose::Symbolic(_)) => return Err(GitError::BadReference { name: name.clone() }),
            Some(Loose::Points(id)) => {
                stray.push(name.as_str());
                Some(id)
            }
            None => pointed(&refs, name)?,
        };
        if there != update.old {
            return Ok(Landed::Moved {
                reference: name.clone(),
            });
        }
        if let Some(there) = &there {
            refs.set(name, there.as_str());
        } else {
            free_name(repo, &refs, name)?;
        }
    }
    if !stray.is_empty() {
        // Where they are, but packed: only then all of them can move in one step.
        file.replace(&refs.text())?;
        remove_loose(repo, &stray)?;
        file = lock_packed(repo)?;
        // Somebody else may have packed or deleted theirs in between. Ours we hold.
        refs = packed(repo)?;
    }
    for update in updates {
        refs.set(&update.reference, update.new.as_str());
    }
    file.replace(&refs.text())?;
    Ok(Landed::Yes)
}

/// Deletes a reference, if it is there.
pub(super) fn forget(repo: &Path, name: &str) -> Result<(), GitError> {
    let _locks = lock_all(repo, std::iter::once(name))?;
    let file = lock_packed(repo)?;
    let mut refs = packed(repo)?;
    if refs.get(name).is_some() {
        refs.remove(name);
        file.replace(&refs.text())?;
    }
    if loose(repo, name)?.is_some() {
        remove_loose(repo, &[name])?;
    }
    Ok(())
}

/// Writes the packed references again as they are: when this returns, what they say survives a power cut, whatever an
/// earlier failure left in doubt.
pub(super) fn confirm(repo: &Path) -> Result<(), GitError> {
    let file = lock_packed(repo)?;
    sync_folder(&repo.join("objects/pack"))?;
    let refs = packed(repo)?;
    file.replace(&refs.text())
}

/// What a reference's own file says.
enum Loose {
    Points(CommitId),
    Symbolic(String),
}

fn loose(repo: &Path, name: &str) -> Result<Option<Loose>, GitError> {
    let path = repo.join(name);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(GitError::io("read", &path)(error)),
    };
    let text = String::from_utf8_lossy(&text);
    if let Some(target) = text.strip_prefix("ref:") {
        return Ok(Some(Loose::Symbolic(target.trim().to_owned())));
    }
    match text.trim_end().parse() {
        Ok(id) => Ok(Some(Loose::Points(id))),
        Err(_) => Err(GitError::BrokenReference { path }),
    }
}

fn packed(repo: &Path) -> Result<PackedRefs, GitError> {
    let path = packed_path(repo);
    let text = match fs::read(&path) {
        // Whoever writes the file begins with a header: without a byte it has lost all of them.
        Ok(text) if text.is_empty() => return Err(GitError::BrokenReference { path }),
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(GitError::io("read", &path)(error)),
    };
    PackedRefs::parse(&text).ok_or(GitError::BrokenReference { path })
}

fn packed_path(repo: &Path) -> PathBuf {
    repo.join("packed-refs")
}

fn pointed(refs: &PackedRefs, name: &str) -> Result<Option<CommitId>, GitError> {
    let id = refs.get(name).map(str::parse);
    id.transpose().map_err(|_| GitError::BadReference {
        name: name.to_owned(),
    })
}

/// The full names of the files below a folder of references.
fn names_below(repo: &Path, folder: &str, names: &mut Vec<String>) -> Result<(), GitError> {
    let path = repo.join(folder);
    let entries = match fs::read_dir(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(GitError::io("list", &path))?,
    };
    for entry in entries {
        let entry = entry.map_err(GitError::io("list", &path))?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let kind = entry.file_type().map_err(GitError::io("look at", &path))?;
        let full = format!("{folder}/{name}");
        if kind.is_dir() {
            names_below(repo, &full, names)?;
        } else if !name.ends_with(".lock") {
            names.push(full);
        }
    }
    Ok(())
}

/// A name whose reference is to be made must be no folder of others, and have no other as its folder.
fn free_name(repo: &Path, refs: &PackedRefs, name: &str) -> Result<(), GitError> {
    let below = refs.with_prefix(&format!("{name}/")).next().is_some();
    let parents = name.match_indices('/').skip(1).map(|(at, _)| &name[..at]);
    let mut above = parents.filter(|parent| refs.get(parent).is_some());
    let mut files = Vec::new();
    names_below(repo, name, &mut files)?;
    if below || above.next().is_some() || !files.is_empty() {
        return Err(GitError::BadReference {
            name: name.to_owned(),
        });
    }
    Ok(())
}

fn lock_all<'a>(
    repo: &Path,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<LockFile>, GitError> {
    let empty = repo.join(EMPTY);
    names
        .map(|name| {
            check_name(name)?;
            LockFile::hold(&repo.join(name), name, &empty)
        })
        .collect()
}

fn lock_packed(repo: &Path) -> Result<LockFile, GitError> {
    LockFile::take(&packed_path(repo), "packed-refs")
}

/// Deletes references' own files; what they said is packed, and their locks are held.
fn remove_loose(repo: &Path, names: &[&str]) -> Result<(), GitError> {
    for name in names {
        let path = repo.join(name);
        fs::remove_file(&path).map_err(GitError::io("delete", &path))?;
        if let Some(folder) = path.parent() {
            // A file that came back after a power cut would win over what is packed.
            sync_folder(folder)?;
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), GitError> {
    // The zero byte first: the library panics on it.
    if name.starts_with("refs/") && !name.contains('\0') && git2::Reference::is_valid_name(name) {
        Ok(())
    } else {
        Err(GitError::BadReference {
            name: name.chars().take(200).collect(),
        })
    }
}
