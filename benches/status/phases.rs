//! Phases as the API tells them, and whether they are those that the objects say.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::client::Client;
use crate::fleet;
use crate::program::Program;

/// The phase of a store whose upgrade failed, and of one that is well.
pub(crate) const PHASES: [&str; 2] = ["Degraded", "Ready"];
/// How often it is looked whether phases are right.
const LOOK: Duration = Duration::from_millis(20);
/// Wrong stores that an error names.
const NAMED: usize = 3;

/// As much of a page as it takes to see who is in which phase: kubectl prints no more than that either.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    items: Vec<Item<'a>>,
    next: Option<&'a str>,
}

#[derive(Deserialize)]
struct Item<'a> {
    name: &'a str,
    phase: &'a str,
}

/// The phase that a store's objects say.
pub(crate) fn expected(failing: bool) -> &'static str {
    PHASES[usize::from(!failing)]
}

/// How many stores are in each phase, by the program's own metrics: the cheapest question about all of them.
pub(crate) fn counts(client: &mut Client) -> Result<BTreeMap<String, usize>> {
    let (status, text) = client.get("/metrics")?;
    ensure!(status == 200, "no metrics: {status} {text}");
    let mut counts = BTreeMap::new();
    for line in text
        .lines()
        .filter(|it| it.starts_with("fleetwright_stores{"))
    {
        let phase = line
            .split("phase=\"")
            .nth(1)
            .and_then(|it| it.split('"').next());
        let count = line.rsplit(' ').next().and_then(|it| it.parse().ok());
        let (phase, count): (&str, usize) = phase.zip(count).context("a count by phase")?;
        *counts.entry(phase.to_owned()).or_default() += count;
    }
    counts.retain(|_, count| *count > 0);
    Ok(counts)
}

/// Waits until so many stores are in a phase.
pub(crate) fn wait_for(
    program: &Program,
    (phase, count): (&str, usize),
    patience: Duration,
) -> Result<()> {
    let began = Instant::now();
    let mut client = program.client()?;
    loop {
        let counts = counts(&mut client)?;
        if counts.get(phase).copied().unwrap_or(0) == count {
            return Ok(());
        }
        if began.elapsed() > patience {
            let seconds = patience.as_secs();
            bail!(
                "{count} stores are {phase} by their objects; after {seconds} s the API tells {counts:?}"
            );
        }
        std::thread::sleep(LOOK);
    }
}

/// Waits until every store has the phase that its objects say; answers those that have not in time.
pub(crate) fn settle(
    program: &Program,
    failing: &[bool],
    patience: Duration,
) -> Result<Vec<String>> {
    let began = Instant::now();
    let well = failing.iter().filter(|it| !**it).count();
    let counted = wait_for(program, ("Ready", well), patience);
    loop {
        let wrong = wrong(program, failing)?;
        if wrong.is_empty() || counted.is_err() || began.elapsed() > patience {
            return Ok(wrong);
        }
        std::thread::sleep(LOOK);
    }
}

/// Stores of which the list of all says another phase than their objects.
pub(crate) fn wrong(program: &Program, failing: &[bool]) -> Result<Vec<String>> {
    let listed = list(&mut program.client()?, "")?;
    let mut wrong = Vec::new();
    for (number, failing) in failing.iter().enumerate() {
        let name = fleet::name(number)?.to_string();
        let (is, should) = (listed.get(&name), expected(*failing));
        if is.is_none_or(|it| it != should) {
            wrong.push(format!("{name} is {is:?} and not {should}"));
        }
    }
    Ok(wrong)
}

/// Fails where some are wrong, and names the first.
pub(crate) fn none_wrong(wrong: &[String]) -> Result<()> {
    let named = wrong[..wrong.len().min(NAMED)].join("; ");
    ensure!(
        wrong.is_empty(),
        "{} phases are wrong: {named}",
        wrong.len()
    );
    Ok(())
}

/// The phases of all stores that a filter lets through, page by page.
pub(crate) fn list(client: &mut Client, filter: &str) -> Result<BTreeMap<String, String>> {
    let mut phases = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/stores?limit=200{filter}{cursor}");
        let (status, body) = client.get(&path)?;
        ensure!(status == 200, "no list: {status} {body}");
        let page: Page<'_> = serde_json::from_str(&body)?;
        for item in page.items {
            phases.insert(item.name.to_owned(), item.phase.to_owned());
        }
        let Some(next) = page.next else {
            return Ok(phases);
        };
        cursor = format!("&cursor={next}");
    }
}
