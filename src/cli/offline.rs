//! Commands that need no server: `init`, `render`, `policy check`.

use std::io::Read;
use std::path::Path;

use super::args::{InitArgs, PolicyCommand, RenderArgs};
use super::failure::Failure;
use super::output;
use crate::config;
use crate::domain::policy::FleetPolicy;
use crate::render::yaml;
use crate::workflow::offline;

/// `init DIR|URL`
pub(super) fn init(args: &InitArgs) -> Result<(), Failure> {
    let author = config::person(&args.signer.author).map_err(Failure::usage)?;
    let report = offline::init(&args.target, &author, args.signer.key.as_deref())?;
    let (target, files, commit) = (&report.target, report.files.len(), &report.commit);
    output::print(&format!(
        "Wrote {files} files into {target}, commit {commit}\n"
    ))
}

/// `render FILE`
pub(super) fn render(args: &RenderArgs) -> Result<(), Failure> {
    let record = read_file(&args.record)?;
    let policy = args.policy.as_deref().map(read_file).transpose()?;
    let files = offline::render_file(&record, policy.as_deref())?;
    let documents = files.iter().map(|(path, text)| {
        format!(
            "---\n# {path}\n{}",
            text.strip_prefix("---\n").unwrap_or(text)
        )
    });
    output::print(&documents.collect::<String>())
}

/// `policy check FILE`
pub(super) fn policy(command: &PolicyCommand) -> Result<(), Failure> {
    let PolicyCommand::Check { file } = command;
    let name = file.display();
    let policy: FleetPolicy =
        yaml::read(&read_file(file)?).map_err(|error| Failure::new(format!("{name}: {error}")))?;
    let found = [policy.check(), policy.slips()].concat();
    if found.is_empty() {
        return output::print(&format!("{name} is a valid fleet policy\n"));
    }
    output::print(&output::lines(
        found
            .iter()
            .map(|it| format!("{} {}", it.pointer, it.detail)),
    ))?;
    Err(Failure::new(format!(
        "{name} is no valid fleet policy: {} things are wrong",
        found.len()
    )))
}

/// A file's text; `-` is stdin.
pub(super) fn read_file(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(path).map(|it| text = it)
    };
    read.map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
    Ok(text)
}
