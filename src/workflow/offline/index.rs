//! `index check` and `index rebuild`: the index against Git, and the chain of refusals and sign-ins.
//!
//! Both open what a server opens, in its place: nobody else may use the data folder meanwhile.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::domain::CommitId;
use crate::index::Index;
use crate::journal::{Chain, Journal};
use crate::workflow::project::catch_up;
use crate::workflow::settings::Settings;
use crate::workflow::start;

/// Differences that are told one by one.
const TOLD: usize = 20;

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// The newest commit that was compared.
    pub tip: Option<CommitId>,
    /// Rows that were compared.
    pub rows: usize,
    /// How index and Git differ, row by row; the last one counts those left out.
    pub differences: Vec<String>,
    /// The chain of refusals and sign-ins: rows and newest hash, or where it breaks.
    pub chain: Result<(u64, String), String>,
}

impl Checked {
    /// Whether all is well.
    pub fn is_well(&self) -> bool {
        self.differences.is_empty() && self.chain.is_ok()
    }
}

/// Follows the chain, reads Git afresh, and holds the index against that. The index stays as it is.
///
/// # Errors
/// When the data folder holds no fleet that can be opened.
pub fn check(settings: Settings) -> anyhow::Result<Checked> {
    let scratch = tempfile::tempdir().context("a temporary folder cannot be made")?;
    let chain = chain(&settings)?;
    let runtime = Runtime::new().context("the runtime cannot be started")?;
    let _entered = runtime.enter();
    let mut core = start::open(settings)?.core;
    let kept = rows(&core.index)?;
    core.index = Index::open(&scratch.path().join("index.redb"))?;
    catch_up(&core)?;
    let fresh = rows(&core.index)?;
    Ok(Checked {
        tip: core.index.tip()?,
        rows: fresh.len(),
        differences: differences(&kept, &fresh),
        chain,
    })
}

/// Throws the index away and makes it anew from Git and the journal; returns how many stores it holds.
///
/// # Errors
/// When the data folder holds no fleet that can be opened.
pub fn rebuild(settings: Settings) -> anyhow::Result<u64> {
    let path = settings.data.join("index.redb");
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} cannot be removed", path.display()));
        }
        _ => {}
    }
    let runtime = Runtime::new().context("the runtime cannot be started")?;
    let _entered = runtime.enter();
    let core = start::open(settings)?.core;
    core.index.flush()?;
    Ok(core.index.len()?)
}

fn chain(settings: &Settings) -> anyhow::Result<Result<(u64, String), String>> {
    let path = settings.data.join("journal.redb");
    if !path.exists() {
        anyhow::bail!(
            "{} does not exist; name the data folder of a server with --data or --config",
            path.display()
        );
    }
    let journal = Journal::open(&path)?;
    Ok(match journal.check_notes()? {
        Chain::Whole { rows, head } => Ok((rows, head.hash)),
        Chain::Broken { seq, why } => Err(format!("row {seq}: {why}")),
    })
}

/// Every row that Git and the journal decide, under a name that people know. What clusters show is left out.
fn rows(index: &Index) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut all = BTreeMap::new();
    index.stores(None, &mut |name, row| {
        let facts = json!({
            "record": row.record, "uid": row.uid, "desired": row.desired, "specHash": row.spec_hash,
            "template": row.template, "policy": row.policy, "removed": row.removed_at.is_some(),
        });
        all.insert(format!("store {name}"), facts);
        true
    })?;
    index.changes(None, &mut |it| {
        let facts = json!({
            "store": it.store, "uid": it.uid, "action": it.action, "requester": it.requester, "commit": it.commit,
        });
        all.insert(format!("change {}", it.id), facts);
        true
    })?;
    index.histories(&mut |uid, item| {
        let name = format!("commit {} in the history of {uid}", item.commit);
        all.insert(name, json!(item));
    })?;
    index.audit(None, &mut |item| {
        all.insert(format!("commit {} in the audit", item.commit), json!(item));
        true
    })?;
    Ok(all)
}

fn differences(kept: &BTreeMap<String, Value>, fresh: &BTreeMap<String, Value>) -> Vec<String> {
    let missing = fresh.keys().filter(|it| !kept.contains_key(*it));
    let missing = missing.map(|it| format!("{it} is missing"));
    let wrong = kept.iter().filter_map(|(name, row)| match fresh.get(name) {
        None => Some(format!("{name} is not in Git")),
        Some(right) if right != row => Some(format!("{name} is not as in Git")),
        Some(_) => None,
    });
    let mut found: Vec<String> = missing.chain(wrong).collect();
    if found.len() > TOLD {
        let more = found.len() - TOLD;
        found.truncate(TOLD);
        found.push(format!("and {more} more"));
    }
    found
}
