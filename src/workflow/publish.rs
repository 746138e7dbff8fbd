//! What is landed locally goes out: at once where the repository is the published one, else by a push.

use tokio::runtime::Handle;

use crate::domain::CommitId;
use crate::forge::ForgeError;
use crate::git::{Credential, GitError, PushOutcome, PushRef, RefUpdate, Remote, RemoteError};

use super::core::Core;
use super::settings::Mode;

/// The remote of a fleet; none where the repository is the published one.
pub(super) fn remote(core: &Core) -> Result<Option<Remote>, RemoteError> {
    let Mode::Remote {
        url,
        token,
        timeout,
        ..
    } = &core.settings.mode
    else {
        return Ok(None);
    };
    let credential = token.as_ref().map(|token| Credential::Basic {
        user: "x-access-token".to_owned(),
        password: token.clone(),
    });
    let remote = Remote::new(url, credential)?;
    Ok(Some(remote.with_timeout(*timeout)))
}

/// Goes to the remote with the credential of this moment: an App's token is good for an hour only, and may be withdrawn
/// before. Where it is refused, another is tried once. Blocks.
pub(super) fn as_now<T>(
    core: &Core,
    remote: &Remote,
    go: impl Fn(&Remote) -> Result<T, RemoteError>,
) -> Result<T, RemoteError> {
    let Some(forge) = &core.forge else {
        return go(remote);
    };
    let runtime = Handle::current();
    let away = |error: ForgeError| RemoteError::Unreachable {
        url: remote.url().to_owned(),
        detail: error.to_string(),
    };
    let with = |password: String| {
        let user = "x-access-token".to_owned();
        go(&remote.with_credential(Credential::Basic { user, password }))
    };
    let token = runtime.block_on(forge.token()).map_err(away)?;
    match with(token.clone()) {
        Err(RemoteError::Denied { .. }) => {
            runtime.block_on(forge.token_refused(&token));
            with(runtime.block_on(forge.token()).map_err(away)?)
        }
        done => done,
    }
}

/// The branches that are ours to publish: main and every cluster's.
fn heads(core: &Core) -> Result<Heads, GitError> {
    let heads = core.repo.references("refs/heads/")?.into_iter();
    let ours = |name: &str| name == "main" || name.starts_with("deploy/");
    let named = heads.filter_map(|(full, commit)| {
        let branch = full.strip_prefix("refs/heads/")?;
        ours(branch).then(|| (branch.to_owned(), commit))
    });
    Ok(named.collect())
}

/// Branches and where they are.
pub(super) type Heads = Vec<(String, CommitId)>;

/// What is landed here and not published. Read at one moment, so that main and the deploy branches belong together while
/// another group lands.
pub(super) fn unpublished(core: &Core) -> Result<Heads, GitError> {
    let mut out = Heads::new();
    for (branch, here) in heads(core)? {
        if core.published(&branch)?.as_ref() != Some(&here) {
            out.push((branch, here));
        }
    }
    Ok(out)
}

/// Pushes branches, all or nothing, and notes what the remote has then.
pub(super) fn push(core: &Core, remote: &Remote, out: Heads) -> Result<PushOutcome, RemoteError> {
    let git = |error: GitError| RemoteError::Failed {
        url: remote.url().to_owned(),
        detail: error.to_string(),
    };
    let full = |branch: &str| format!("refs/heads/{branch}");
    let refs: Vec<PushRef> = out
        .iter()
        .map(|(branch, commit)| PushRef {
            local: commit.clone(),
            remote: full(branch),
        })
        .collect();
    let outcome = as_now(core, remote, |it| it.push(&core.repo, &refs))?;
    if matches!(outcome, PushOutcome::Pushed) {
        let mut moves = Vec::new();
        for (branch, new) in out {
            let reference = core.published_ref(&branch);
            let old = core.repo.reference(&reference).map_err(git)?;
            moves.push(RefUpdate {
                reference,
                old,
                new,
            });
        }
        // A fetch that moved one meanwhile knows better; the next look sees what it brought.
        let _landed = core.repo.update(&moves).map_err(git)?;
    }
    Ok(outcome)
}

/// Asks the remote what it has.
pub(super) fn fetch(core: &Core, remote: &Remote) -> Result<(), RemoteError> {
    as_now(core, remote, |it| {
        it.fetch(&core.repo, &["main", "deploy/*"])
    })
}

/// Whether the published branches hold commits that ours do not: somebody else wrote.
pub(super) fn has_diverged(core: &Core) -> Result<bool, GitError> {
    if matches!(core.settings.mode, Mode::Embedded) {
        return Ok(false);
    }
    for (full, there) in core.repo.references("refs/remotes/origin/")? {
        let Some(branch) = full.strip_prefix("refs/remotes/origin/") else {
            continue;
        };
        let here = core.repo.branch(branch)?;
        let contained = match &here {
            Some(here) => core.repo.is_ancestor(&there, here)?,
            None => false,
        };
        if !contained {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Deploy branches that the remote does not have are made anew: theirs came of commits that are derived again.
fn forget_unknown(core: &Core) -> Result<(), GitError> {
    if core.published("main")?.is_none() {
        return Ok(());
    }
    for (branch, _) in heads(core)? {
        if branch.starts_with("deploy/") && core.published(&branch)?.is_none() {
            core.repo.forget(&format!("refs/heads/{branch}"))?;
        }
    }
    Ok(())
}

/// Makes our branches what is published and puts every unpublished entry back in the queue, where it says why: intents
/// are derived again on the new tip, nothing is rebased.
pub(super) fn start_over(core: &Core, why: &str) -> Result<(), GitError> {
    if matches!(core.settings.mode, Mode::Remote { .. }) {
        let mut moves = Vec::new();
        for (full, there) in core.repo.references("refs/remotes/origin/")? {
            let Some(branch) = full.strip_prefix("refs/remotes/origin/") else {
                continue;
            };
            let old = core.repo.branch(branch)?;
            if old.as_ref() != Some(&there) {
                moves.push(RefUpdate::branch(branch, old, there));
            }
        }
        // Only this writer moves the mirror's branches, so the old values are those just read.
        let _landed = core.repo.update(&moves)?;
        forget_unknown(core)?;
    }
    let mut desk = core.desk();
    let again = desk.unpublished();
    desk.start_over(Core::now(), why);
    for (id, _) in again {
        if let Some(entry) = desk.entry(&id) {
            core.ring(&entry.change);
        }
    }
    Ok(())
}
