//! `fleetwright serve`: against a remote fleet repository and real clusters.

use std::io::Write;

use super::args::ServeArgs;
use super::data::DataFolder;
use super::failure::Failure;
use super::{output, run as server};
use crate::config::{Config, Variables};
use crate::domain::forge::{Finding, Severity};
use crate::http::{Exposure, Front};
use crate::telemetry;
use crate::workflow::offline;

/// Runs the command.
pub(super) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    if args.check {
        return check(&config);
    }
    telemetry::start(&config.filter, config.format).map_err(Failure::usage)?;
    let data = DataFolder::take(&config.settings.data)?;
    server::runtime()?.block_on(async {
        let (listener, address) = server::bind(&config.listen).await?;
        let started = |_: &crate::workflow::Fleet| {
            tracing::info!(%address, "Fleetwright serves at {address}");
            data.write_address(address)
        };
        let mut settings = config.settings;
        settings.repository = data.path().join("mirror.git");
        data.path().clone_into(&mut settings.data);
        let front = Front {
            trusted_proxies: config.trusted_proxies,
            webhooks: config.webhooks,
        };
        server::run(listener, settings, Exposure::Network, None, front, started).await
    })
}

/// Says what is in force and, on stderr, what at the forge would stop a server with it.
fn check(config: &Config) -> Result<(), Failure> {
    offline::check_public_host(&config.settings)?;
    output::print(&config.in_force().map_err(Failure::new)?)?;
    let found = server::runtime()?.block_on(offline::forge::examine(&config.settings))?;
    for finding in &found {
        let line = output::plain(&finding.to_string());
        // A reader that has gone away misses the sentences, and still has the exit code.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    let stops = |it: &&Finding| it.severity == Severity::Stops;
    match found.iter().filter(stops).count() {
        0 => Ok(()),
        count => Err(Failure::new(format!(
            "GitHub would stop the server in {count} way{}; the lines that begin with stops say what to do",
            if count == 1 { "" } else { "s" }
        ))),
    }
}

/// The configuration, with the variables of this process over the file.
pub(super) fn load(path: &std::path::Path) -> Result<Config, Failure> {
    let pairs = std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
    Config::load(path, &pairs.collect::<Variables>()).map_err(Failure::new)
}
