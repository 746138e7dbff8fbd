//! What a commit has behind it.
//!
//! Must not know: what a commit says.

use std::time::Duration;

use super::GitError;
use super::command::GitCommand;
use super::error::Cause;
use super::handle::Handle;
use super::object::ObjectId;
use super::read::{self, Source};
use crate::domain::CommitId;

/// A list of a million commits takes git some seconds.
const LONGEST: Duration = Duration::from_mins(5);

/// What a commit follows, from its bytes: the lines after the first.
fn parents(bytes: &[u8]) -> Vec<CommitId> {
    let lines = bytes.split(|byte| *byte == b'\n').skip(1);
    let named = lines.map_while(|line| std::str::from_utf8(line.strip_prefix(b"parent ")?).ok());
    let ids = named.filter_map(ObjectId::from_hex);
    ids.map(ObjectId::commit).collect()
}

/// The commits that `tip` reaches and `known` does not, parents before children.
pub(super) fn since(
    repo: &Handle<'_>,
    tip: &CommitId,
    known: Option<&CommitId>,
) -> Result<Vec<CommitId>, GitError> {
    match short_line(repo, tip, known)? {
        Some(line) => Ok(line),
        None => rev_list(repo, tip, known),
    }
}

/// The same where one commit follows the other and there are few; `None` where there are merges or many.
fn short_line(
    source: &dyn Source,
    tip: &CommitId,
    known: Option<&CommitId>,
) -> Result<Option<Vec<CommitId>>, GitError> {
    let mut line = Vec::new();
    let mut next = Some(tip.clone());
    while let Some(id) = next.take_if(|id| Some(&*id) != known) {
        let parents = parents(&read::commit(source, &id)?);
        if parents.len() > 1 || (parents.is_empty() && known.is_some()) || line.len() == NEAR {
            return Ok(None);
        }
        next = parents.into_iter().next();
        line.push(id);
    }
    line.reverse();
    Ok(Some(line))
}

/// The same by git's own program, which has the history in a file (git-commit-graph(1)) and need not read every commit.
fn rev_list(
    repo: &Handle<'_>,
    tip: &CommitId,
    known: Option<&CommitId>,
) -> Result<Vec<CommitId>, GitError> {
    for commit in [Some(tip), known].into_iter().flatten() {
        read::commit(repo, commit)?;
    }
    let failed = |cause: Cause| GitError::Library {
        doing: "list the history",
        path: repo.path().to_owned(),
        source: cause,
    };
    let not = known.map(|known| format!("^{known}"));
    let listed = GitCommand::in_repo("rev-list", repo.path())
        .args(["--topo-order", "--reverse", tip.as_str()])
        .args(not)
        .keep_all()
        .run(LONGEST)
        .map_err(|error| failed(error.into()))?;
    if !listed.success {
        return Err(failed(listed.stderr.trim().into()));
    }
    let text = String::from_utf8_lossy(&listed.stdout);
    let ids = text.lines().map(str::parse::<CommitId>);
    ids.collect::<Result<_, _>>()
        .map_err(|error| failed(error.into()))
}

/// How many commits are followed along single parents before the history is searched.
const NEAR: usize = 64;

/// Whether `new` has `old` in its history.
pub(super) fn is_ancestor(
    repo: &Handle<'_>,
    old: &CommitId,
    new: &CommitId,
) -> Result<bool, GitError> {
    let mut at = new.clone();
    for _ in 0..NEAR {
        if at == *old {
            return Ok(true);
        }
        match parents(&read::commit(repo, &at)?).as_slice() {
            [] => return Ok(false),
            [parent] => at = parent.clone(),
            _ => break,
        }
    }
    read::commit(repo, old)?;
    let [old, at] = [old, &at].map(|commit| ObjectId::of_commit(commit).oid());
    let failed = GitError::library("walk the history", repo);
    Ok(old == at || repo.graph_descendant_of(at, old).map_err(failed)?)
}
