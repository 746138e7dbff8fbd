//! What must hold of a data folder whatever happened to it: every accepted change once, branches in step, all sound.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::scenario::Accepted;
use crate::support::api::Api;
use crate::support::git::try_git;

/// How often git looks for damage before it counts.
const LOOKS: usize = 8;

/// Waits until everything accepted is on main, and checks the repository. The first thing that does not hold is told.
pub(crate) fn audit(
    api: &Api,
    repo: &Path,
    all: &[Accepted],
    limit: Duration,
) -> Result<(), String> {
    arrived(api, repo, all, limit)?;
    let log = commits(repo)?;
    for it in all {
        let count = log
            .iter()
            .filter(|(change, _)| *change == it.change)
            .count();
        if count != it.commits {
            return Err(format!("{it:?} has {count} commits"));
        }
    }
    once(&log)?;
    in_order(&log, all)?;
    sound(repo)
}

/// As [`audit`], and the server goes on: one more store is accepted and written.
pub(crate) fn goes_on(
    api: &Api,
    repo: &Path,
    all: &[Accepted],
    limit: Duration,
) -> Result<(), String> {
    arrived(api, repo, all, limit)?;
    let store = format!("afterwards-{}", commits(repo)?.len());
    let body = serde_json::json!({"name": store, "engine": "woocommerce"});
    let (status, answer) = api.try_post("/api/v1/stores", &body)?;
    if status != 202 {
        return Err(format!("it accepts nothing any more: {status} {answer}"));
    }
    let change = answer["id"].as_str().unwrap_or_default().to_owned();
    let more = Accepted {
        change,
        store,
        commits: 1,
        at: 0,
    };
    let all: Vec<Accepted> = all.iter().cloned().chain([more]).collect();
    audit(api, repo, &all, limit)
}

/// Waits until nothing is queued, every accepted change has its commits, and the branches are in step.
fn arrived(api: &Api, repo: &Path, all: &[Accepted], limit: Duration) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let (_, health) = api.try_get("/api/health")?;
        let log = commits(repo)?;
        let counts =
            |it: &&Accepted| log.iter().filter(|(id, _)| *id == it.change).count() < it.commits;
        let missing: Vec<&Accepted> = all.iter().filter(counts).collect();
        // References move one after the other, so for a moment branches may differ.
        let step = in_step(repo);
        if step.is_ok() && missing.is_empty() && health["checks"]["git"]["queued"] == 0 {
            return Ok(());
        }
        if began.elapsed() > limit {
            return Err(format!(
                "after {limit:?} not on main: {missing:?}; {step:?}; health {health}"
            ));
        }
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// Change and step of every commit of ours on main, oldest first.
fn commits(repo: &Path) -> Result<Vec<(String, String)>, String> {
    let trailer = |key: &str| format!("%(trailers:key={key},valueonly,separator=%x20)");
    let (change, step) = (trailer("Fleetwright-Change"), trailer("Fleetwright-Step"));
    let format = format!("--format=%P|{change}|{step}");
    // Without the commit-graph: git warns of one that a power cut tore, until upkeep has replaced it.
    let plain = ["-c", "core.commitGraph=false"];
    let log = ["log", "--reverse", &format, "main"];
    let said = ask(repo, &[plain.as_slice(), log.as_slice()].concat())?;
    let mut found = Vec::new();
    for line in said.lines() {
        let [parents, change, step] = line.split('|').collect::<Vec<_>>()[..] else {
            return Err(format!("main cannot be read: {said}"));
        };
        if parents.contains(' ') {
            return Err("main has a merge that nobody made".to_owned());
        }
        if !change.is_empty() {
            found.push((change.to_owned(), step.to_owned()));
        }
    }
    Ok(found)
}

/// Nothing is written twice, whether it was answered or not.
fn once(log: &[(String, String)]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for it in log {
        if !seen.insert(it) {
            return Err(format!("{it:?} was written twice"));
        }
    }
    Ok(())
}

/// The changes of one store are on main in the order in which they were accepted.
fn in_order(log: &[(String, String)], all: &[Accepted]) -> Result<(), String> {
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for it in all {
        let place = log.iter().position(|(change, _)| *change == it.change);
        let place = place.ok_or_else(|| format!("{it:?} is not on main"))?;
        if last
            .insert(&it.store, place)
            .is_some_and(|before| before > place)
        {
            return Err(format!(
                "{it:?} was written before what was asked for earlier"
            ));
        }
    }
    Ok(())
}

/// main and the deploy branches hold the same, and the deploy branches are signed.
fn in_step(repo: &Path) -> Result<(), String> {
    let signers = repo.with_file_name("allowed_signers");
    let signers = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    for cluster in ["local", "production"] {
        let tree = |branch: &str| {
            let folder = format!("{branch}:clusters/{cluster}");
            ask(repo, &["rev-parse", &folder])
        };
        let deploy = format!("deploy/{cluster}");
        let (here, there) = (tree("main")?, tree(&deploy)?);
        if here != there {
            return Err(format!(
                "main has {here} for {cluster}, {deploy} has {there}"
            ));
        }
        ask(repo, &["-c", &signers, "verify-commit", &deploy])?;
    }
    Ok(())
}

/// Git finds nothing wrong. Upkeep may replace packs while it looks, and repairs a torn commit-graph soon after a
/// start: what is gone at another look was no damage.
fn sound(repo: &Path) -> Result<(), String> {
    let mut said = Ok(String::new());
    for _ in 0..LOOKS {
        said = ask(
            repo,
            &["fsck", "--strict", "--no-dangling", "--no-progress"],
        );
        if said.as_ref().is_ok_and(String::is_empty) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    Err(format!("git fsck: {said:?}"))
}

fn ask(repo: &Path, args: &[&str]) -> Result<String, String> {
    let repo: PathBuf = repo.to_owned();
    match try_git(&repo, args) {
        (true, said) => Ok(said),
        (false, said) => Err(format!("git {args:?}: {said}")),
    }
}
