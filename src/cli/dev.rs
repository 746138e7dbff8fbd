//! `fleetwright dev`: everything on this machine, with no account, server or cluster needed.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;

use super::args::DevArgs;
use super::data::DataFolder;
use super::failure::Failure;
use super::{hello, run as server};
use crate::config::{self, AUTHOR, QUEUE};
use crate::domain::ClusterName;
use crate::domain::limits::RequestLimits;
use crate::http::{Exposure, Front};
use crate::telemetry::{self, Format};
use crate::workflow::{ClusterAccess, Mode, Settings, offline};

/// The cluster of the skeleton's policy that `--kubeconfig` stands for.
const CLUSTER: &str = "local";

/// Runs the command.
pub(super) fn run(args: &DevArgs) -> Result<(), Failure> {
    telemetry::start("warn,fleetwright=info", Format::Auto).map_err(Failure::usage)?;
    let exposure = exposure(&args.listen)?;
    if let Some(path) = &args.kubeconfig {
        check_kubeconfig(path)?;
    }
    let data = DataFolder::take(&args.data)?;
    let runtime = server::runtime()?;
    runtime.block_on(async {
        let (listener, address) = server::bind(&args.listen).await?;
        let token = match exposure {
            Exposure::Loopback => None,
            Exposure::Network => Some(offline::repository_token(&args.data).map_err(Failure::new)?),
        };
        let settings = settings(
            data.path(),
            &format!("http://{address}/git/fleet.git"),
            args,
        )?;
        let started = |fleet: &crate::workflow::Fleet| {
            data.write_address(address)?;
            hello::print(&args.data, address, fleet)
        };
        let front = Front::default();
        server::run(listener, settings, exposure, token, front, started).await
    })
}

fn settings(data: &Path, url: &str, args: &DevArgs) -> Result<Settings, Failure> {
    let mut settings = embedded(data, url)?;
    let access = |path: &std::path::PathBuf| {
        let name = CLUSTER.parse::<ClusterName>().map_err(Failure::new)?;
        Ok::<_, Failure>(ClusterAccess {
            name,
            kubeconfig: Some(path.clone()),
            context: None,
            receiver: None,
        })
    };
    settings.clusters = args
        .kubeconfig
        .iter()
        .map(access)
        .collect::<Result<_, _>>()?;
    settings.lift_limits = args.no_limits;
    settings.cluster_auth = exposure(&args.listen)? == Exposure::Network;
    Ok(settings)
}

/// The settings of a `dev` data folder whose repository clusters fetch at `url`.
pub(super) fn embedded(data: &Path, url: &str) -> Result<Settings, Failure> {
    Ok(Settings {
        data: data.to_owned(),
        repository: data.join("fleet.git"),
        mode: Mode::Embedded,
        cluster_url: url.to_owned(),
        cluster_auth: false,
        author: config::person(AUTHOR).map_err(Failure::new)?,
        signing_key: None,
        deploy_key: None,
        clusters: Vec::new(),
        forge: None,
        lift_limits: false,
        request_limits: RequestLimits::default(),
        queue: QUEUE,
        oidc: None,
        public_host: None,
        dns_server: None,
        probe: None,
        templates: None,
    })
}

/// Loopback addresses are for this machine alone; on any other the fleet repository asks for a password.
pub(super) fn exposure(listen: &str) -> Result<Exposure, Failure> {
    let addresses: Vec<SocketAddr> = listen
        .to_socket_addrs()
        .map_err(|error| {
            Failure::usage(format!(
                "--listen {listen:?} is no address: {error}; write it like 127.0.0.1:8080"
            ))
        })?
        .collect();
    let here = !addresses.is_empty() && addresses.iter().all(|it| it.ip().is_loopback());
    Ok(if here {
        Exposure::Loopback
    } else {
        Exposure::Network
    })
}

fn check_kubeconfig(path: &Path) -> Result<(), Failure> {
    let name = path.display();
    let advice = "name the file that kubectl uses, or leave --kubeconfig out";
    std::fs::File::open(path).map(drop).map_err(|error| {
        Failure::new(format!(
            "cannot read the kubeconfig {name}: {error}; {advice}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_this_machine_alone() {
        for here in ["127.0.0.1:0", "[::1]:8080", "localhost:8080"] {
            assert_eq!(exposure(here).ok(), Some(Exposure::Loopback), "{here}");
        }
        for network in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:80"] {
            assert_eq!(exposure(network).ok(), Some(Exposure::Network), "{network}");
        }
        for bad in ["127.0.0.1", "nonsense"] {
            assert!(exposure(bad).is_err(), "{bad}");
        }
    }
}
