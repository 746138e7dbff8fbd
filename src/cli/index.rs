//! `index check` and `index rebuild`, on the data folder of a server that is stopped.

use super::args::{IndexArgs, IndexCommand};
use super::data::DataFolder;
use super::failure::Failure;
use super::{dev, output, serve};
use crate::workflow::Settings;
use crate::workflow::offline::index;

/// Runs the command.
pub(super) fn run(command: &IndexCommand) -> Result<(), Failure> {
    match command {
        IndexCommand::Check(args) => check(args),
        IndexCommand::Rebuild(args) => rebuild(args),
    }
}

fn check(args: &IndexArgs) -> Result<(), Failure> {
    let (settings, _held) = stopped(args)?;
    let found = index::check(settings).map_err(|error| Failure::new(format!("{error:#}")))?;
    let tip = found.tip.as_ref().map_or("nothing", |it| it.as_str());
    let mut lines = vec![format!("{} rows compared with Git at {tip}", found.rows)];
    lines.extend(found.differences.iter().map(|it| format!("index: {it}")));
    lines.push(match &found.chain {
        Ok((rows, head)) => format!("journal: {rows} refusals and sign-ins, newest hash {head:?}"),
        Err(why) => format!("journal: the chain of refusals and sign-ins breaks at {why}"),
    });
    output::print(&output::lines(lines))?;
    if found.is_well() {
        return Ok(());
    }
    let advice = match (found.differences.is_empty(), found.chain.is_ok()) {
        (false, true) => "the index is not as Git has it; fleetwright index rebuild makes it anew",
        (true, _) => {
            "the journal was changed by something else than fleetwright; compare it with a copy"
        }
        (false, false) => {
            "the journal was changed by something else than fleetwright, and the index is not as Git has it"
        }
    };
    Err(Failure::new(advice))
}

fn rebuild(args: &IndexArgs) -> Result<(), Failure> {
    let (settings, _held) = stopped(args)?;
    let stores = index::rebuild(settings).map_err(|error| Failure::new(format!("{error:#}")))?;
    output::print(&format!(
        "The index was made anew from Git: {stores} stores, those that are gone included\n"
    ))
}

/// The settings of a stopped server, and its data folder for as long as it is held.
fn stopped(args: &IndexArgs) -> Result<(Settings, DataFolder), Failure> {
    let mut settings = match &args.config {
        Some(path) => serve::load(path)?.settings,
        None => dev::embedded(&args.data, "")?,
    };
    let data = settings.data.display();
    if !settings.data.join("journal.redb").exists() {
        return Err(Failure::new(format!(
            "{data} is no data folder of a server; name one with --data, or its configuration with --config"
        )));
    }
    let held = DataFolder::take(&settings.data)?;
    let inside = settings
        .repository
        .file_name()
        .map(|it| held.path().join(it));
    settings.repository = inside.unwrap_or(settings.repository);
    held.path().clone_into(&mut settings.data);
    Ok((settings, held))
}
