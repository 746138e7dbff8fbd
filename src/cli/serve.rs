//! `fleetwright serve`: against a remote fleet repository and real clusters.

use super::args::ServeArgs;
use super::data::DataFolder;
use super::failure::Failure;
use super::{output, run as server};
use crate::config::{Config, Variables};
use crate::http::{Exposure, Front};
use crate::telemetry;
use crate::workflow::offline;

/// Runs the command.
pub(super) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    if args.check {
        offline::check_public_host(&config.settings)?;
        return output::print(&config.in_force().map_err(Failure::new)?);
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

/// The configuration, with the variables of this process over the file.
pub(super) fn load(path: &std::path::Path) -> Result<Config, Failure> {
    let pairs = std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
    Config::load(path, &pairs.collect::<Variables>()).map_err(Failure::new)
}
