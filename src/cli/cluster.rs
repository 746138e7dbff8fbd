//! `fleetwright cluster …`: what a cluster needs, and what is astray in those that a server watches.

use super::args::{BootstrapArgs, ClusterCommand, Format, Server};
use super::client::Client;
use super::failure::Failure;
use super::output::Listed;
use super::{client, data, dev, output, serve};
use crate::domain::orphan::Orphan;
use crate::http::Exposure;
use crate::workflow::offline;

/// Runs one of the commands.
pub(super) fn run(command: &ClusterCommand) -> Result<(), Failure> {
    match command {
        ClusterCommand::Bootstrap(args) => bootstrap(args),
        ClusterCommand::Orphans { server } => orphans(server),
    }
}

/// `cluster orphans`: a table has a sentence about each below its row.
fn orphans(server: &Server) -> Result<(), Failure> {
    let client = Client::new(&server.url)?;
    let found = client.list::<Orphan>("/api/v1/orphans", &[])?;
    output::list(server.output, &found)?;
    if server.output != Format::Table {
        return Ok(());
    }
    let told = |it: &Orphan| {
        let text = format!(
            "{}/{}: {}; {}",
            it.cluster, it.store, it.message, it.next_step
        );
        output::plain(&text)
    };
    output::print(&output::lines(found.iter().map(told)))
}

impl Listed for Orphan {
    const HEADS: &'static [&'static str] = &["CLUSTER", "STORE", "REASON", "OBJECTS"];
    const WIDE: &'static [&'static str] = &["UID", "WHAT", "NEXT STEP"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.cluster.to_string(),
            self.store.to_string(),
            format!("{:?}", self.reason),
            self.objects.join(", "),
        ]
    }

    fn wide(&self) -> Vec<String> {
        vec![
            self.uid.clone().unwrap_or_default(),
            self.message.clone(),
            self.next_step.clone(),
        ]
    }

    fn name(&self) -> String {
        format!("{}/{}", self.cluster, self.store)
    }
}

/// `cluster bootstrap CLUSTER`
fn bootstrap(args: &BootstrapArgs) -> Result<(), Failure> {
    let url = args.url.as_deref();
    let mut settings = match &args.config {
        Some(path) => serve::load(path)?.settings,
        None => dev_settings(args)?,
    };
    if let Some(url) = url {
        url.clone_into(&mut settings.cluster_url);
    }
    // What `dev` serves on a network asks for a password; a served fleet's Secret is its operator's to make.
    let token = match &args.config {
        None if settings.cluster_auth => Some(offline::repository_token(&args.data)?),
        _ => None,
    };
    let text = offline::bootstrap(&settings, &args.cluster, url, token)?;
    output::print(&text)
}

/// The settings of a `dev` folder; the address is that of its server, or `dev`'s default one.
fn dev_settings(args: &BootstrapArgs) -> Result<crate::workflow::Settings, Failure> {
    let address = data::address(&args.data);
    let base = address
        .as_ref()
        .map_or(client::DEFAULT_URL.to_owned(), |it| format!("http://{it}"));
    let mut settings = dev::embedded(&args.data, &format!("{base}/git/fleet.git"))?;
    if let Some(address) = address {
        settings.cluster_auth = dev::exposure(&address)? == Exposure::Network;
    }
    Ok(settings)
}
