//! The same history once more, signed: fast-import of git 2.39 takes no signatures, and only signed commits count.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use git2::{Oid, Repository, Tree};

use super::pack::Commits;
use crate::fleet::{BEGAN, Fleet};
use crate::signer::Signer;

/// The message of the first commit.
pub(super) const FIRST: &str = "begin the fleet\n\nFleetwright-Action: init\n";

/// The mode of a folder in a tree.
const FOLDER: i32 = 0o040_000;

/// Replaces main, whose commits and trees these are, by signed commits with the same trees, and makes every deploy branch
/// of it.
pub(super) fn sign(
    fleet: &Fleet,
    repo: &Path,
    keys: &Path,
    unsigned: &[(String, String)],
) -> Result<()> {
    let (main, deploy) = (
        Signer::load(&keys.join("main"))?,
        Signer::load(&keys.join("deploy"))?,
    );
    ensure!(
        unsigned.len() == fleet.shape.stores + 1,
        "a commit per store"
    );
    let mut made = Commits::new();
    let mut tip = None;
    for (number, (_, tree)) in unsigned.iter().enumerate() {
        // Trailers of a creation are known again from the store's number.
        let (message, after) = match number.checked_sub(1) {
            None => (FIRST.to_owned(), 0),
            Some(store) => (fleet.created_message(store)?, store),
        };
        let seconds = BEGAN + i64::try_from(after)?;
        tip = Some(commit(&mut made, tree, tip, seconds, &message, &main)?);
    }
    let tip = tip.context("there is a first commit")?;
    let mut heads = vec![("refs/heads/main".to_owned(), tip)];
    let seconds = BEGAN + i64::try_from(fleet.shape.stores)?;
    let (_, last) = unsigned.last().context("there is a last commit")?;
    let opened = Repository::open_bare(repo)?;
    let root = opened.find_tree(last.parse()?)?;
    for cluster in fleet.clusters() {
        let tree = deploy_tree(&opened, &root, cluster.as_str())?.to_string();
        let text =
            format!("deploy to {cluster}\n\nFleetwright-Source: {tip}\nFleetwright-Sequence: 1\n");
        let head = commit(&mut made, &tree, None, seconds, &text, &deploy)?;
        heads.push((format!("refs/heads/deploy/{cluster}"), head));
    }
    made.install(repo)?;
    for (name, head) in heads {
        opened.reference(&name, head, true, "signed")?;
    }
    Ok(())
}

fn commit(
    made: &mut Commits,
    tree: &str,
    parent: Option<Oid>,
    seconds: i64,
    message: &str,
    key: &Signer,
) -> Result<Oid> {
    let parent = parent.map_or_else(String::new, |it| format!("parent {it}\n"));
    let person = format!("Fleetwright <fleetwright@localhost> {seconds} +0000");
    let head = format!("tree {tree}\n{parent}author {person}\ncommitter {person}\n");
    let signature = key.sign(format!("{head}\n{message}").as_bytes())?;
    let signature = signature.trim_end().replace('\n', "\n ");
    made.add(&format!("{head}gpgsig {signature}\n\n{message}"))
}

/// The charts and the cluster's folder of a commit, and nothing else.
fn deploy_tree(repo: &Repository, root: &Tree<'_>, cluster: &str) -> Result<Oid> {
    let at = |path: &str| root.get_path(Path::new(path)).map(|it| it.id());
    let mut clusters = repo.treebuilder(None)?;
    clusters.insert(cluster, at(&format!("clusters/{cluster}"))?, FOLDER)?;
    let mut whole = repo.treebuilder(None)?;
    whole.insert("charts", at("charts")?, FOLDER)?;
    whole.insert("clusters", clusters.write()?, FOLDER)?;
    Ok(whole.write()?)
}
