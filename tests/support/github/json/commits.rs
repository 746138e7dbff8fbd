//! Commits, changed files, and what a signature is worth.

use serde_json::{Value, json};

use super::super::commit::{Commit, Signature};
use super::super::git::FileChange;
use super::super::state::World;
use super::{node_id, time_of};

/// A commit without its files.
pub(crate) fn commit(world: &World, it: &Commit) -> Value {
    let api = world.repo_api();
    let html = world.repo_html();
    let parent = |id: &String| json!({"sha": id, "url": format!("{api}/commits/{id}"), "html_url": format!("{html}/commit/{id}")});
    json!({
        "sha": it.id,
        "node_id": node_id("C", &it.id),
        "url": format!("{api}/commits/{}", it.id),
        "html_url": format!("{html}/commit/{}", it.id),
        "comments_url": format!("{api}/commits/{}/comments", it.id),
        "commit": {
            "url": format!("{api}/git/commits/{}", it.id),
            "author": ident(&it.author),
            "committer": ident(&it.committer),
            "message": it.message,
            "comment_count": 0,
            "tree": {"sha": it.tree, "url": format!("{api}/git/trees/{}", it.tree)},
            "verification": verification(world, it),
        },
        "author": account_of(world, &it.author),
        "committer": account_of(world, &it.committer),
        "parents": it.parents.iter().map(parent).collect::<Vec<_>>(),
    })
}

/// A commit with its files.
pub(crate) fn full(world: &World, it: &Commit) -> Value {
    let mut shown = commit(world, it);
    let empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904".to_owned();
    let parent = it.parents.first().unwrap_or(&empty);
    let files = world.repo.diff(parent, &it.id);
    let additions: u64 = files.iter().map(|it| it.additions).sum();
    let deletions: u64 = files.iter().map(|it| it.deletions).sum();
    shown["stats"] =
        json!({"additions": additions, "deletions": deletions, "total": additions + deletions});
    shown["files"] = files
        .iter()
        .map(|file| changed(world, &it.id, file))
        .collect();
    shown
}

/// The short form of webhooks.
pub(crate) fn simple(it: &Commit) -> Value {
    let who = |it: &Signature| json!({"name": it.name, "email": it.email});
    json!({
        "id": it.id,
        "tree_id": it.tree,
        "message": it.message,
        "timestamp": time_of(it.committer.at),
        "author": who(&it.author),
        "committer": who(&it.committer),
    })
}

/// The form of a push.
pub(crate) fn pushed(world: &World, it: &Commit, distinct: bool) -> Value {
    let mut shown = simple(it);
    let who = |it: &Signature| json!({"name": it.name, "email": it.email});
    shown["author"] = who(&it.author);
    shown["committer"] = who(&it.committer);
    shown["distinct"] = json!(distinct);
    shown["url"] = json!(format!("{}/commit/{}", world.repo_html(), it.id));
    let parent = it.parents.first().cloned();
    let parent = parent.unwrap_or_else(|| "4b825dc642cb6eb9a060e54bf8d69288fbee4904".to_owned());
    let files = world.repo.diff(&parent, &it.id);
    for (name, status) in [
        ("added", "added"),
        ("removed", "removed"),
        ("modified", "modified"),
    ] {
        let of_kind = files.iter().filter(|it| it.status == status);
        shown[name] = of_kind.map(|it| json!(it.path)).collect();
    }
    shown
}

/// A changed file.
pub(crate) fn changed(world: &World, commit: &str, it: &FileChange) -> Value {
    let (api, html) = (world.repo_api(), world.repo_html());
    let path = path_in_url(&it.path);
    let mut shown = json!({
        "sha": it.blob,
        "filename": it.path,
        "status": it.status,
        "additions": it.additions,
        "deletions": it.deletions,
        "changes": it.additions + it.deletions,
        "blob_url": format!("{html}/blob/{commit}/{path}"),
        "raw_url": format!("{html}/raw/{commit}/{path}"),
        "contents_url": format!("{api}/contents/{path}?ref={commit}"),
    });
    if let Some(patch) = &it.patch {
        shown["patch"] = json!(patch);
    }
    shown
}

/// A path as it stands in an address.
pub(crate) fn path_in_url(path: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const PATH: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~');
    utf8_percent_encode(path, PATH).to_string()
}

fn ident(it: &Signature) -> Value {
    json!({"name": it.name, "email": it.email, "date": time_of(it.at)})
}

/// The account behind an address; GitHub knows its own.
fn account_of(world: &World, it: &Signature) -> Value {
    if it.email == "noreply@github.com" {
        return world.user(super::super::state::WEB_FLOW);
    }
    let found = world.accounts.values().find(|who| who.email() == it.email);
    found.map_or(Value::Null, |who| super::accounts::user(world, who))
}

/// Whether GitHub vouches for a commit, and why not.
pub(crate) fn verification(world: &World, it: &Commit) -> Value {
    let Some(signature) = &it.signature else {
        return json!({"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null});
    };
    let verified = is_verified(world, it);
    json!({
        "verified": verified,
        "reason": if verified { "valid" } else { "unknown_key" },
        "signature": signature,
        "payload": it.payload,
        "verified_at": verified.then(|| time_of(it.committer.at)),
    })
}

/// Whether a commit is signed with GitHub's own key or one that a person registered.
pub(crate) fn is_verified(world: &World, it: &Commit) -> bool {
    let Some(signature) = &it.signature else {
        return false;
    };
    if it.committer.email == "noreply@github.com" {
        return true;
    }
    let Ok(signature) = signature.parse::<ssh_key::SshSig>() else {
        return false;
    };
    let keys = world.accounts.values().flat_map(|who| &who.signing_keys);
    keys.filter_map(|key| key.parse::<ssh_key::PublicKey>().ok())
        .any(|key| key.verify("git", it.payload.as_bytes(), &signature).is_ok())
}
