//! The other side of row `store`: a route that says hello, dressed in the layers of the API, in a process of its own.
//!
//! This program once more, so that compiler, allocator, runtime and log are those of ours. The route stands where
//! reading one store stands, so that the guard asks for the same token and role.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::routing::get;
use fleetwright::domain::limits::RequestLimits;
use fleetwright::git::Person;
use fleetwright::http::{App, Exposure, Front, dressed, serve as serve_http};
use fleetwright::telemetry::{self, Format};
use fleetwright::workflow::{Fleet, Mode, Settings};
use tokio::net::TcpListener;

/// Names the data folder of a process that shall say hello and measure nothing.
pub(crate) const VARIABLE: &str = "FLEETWRIGHT_BENCH_HELLO";

/// The data folder, where this process shall say hello.
pub(crate) fn asked_for() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).map(PathBuf::from)
}

/// Says hello until it is killed. Address and token lie in the data folder, as those of `dev` do.
pub(crate) fn serve(data: &Path) -> Result<()> {
    telemetry::start("warn,fleetwright=info", Format::Auto).map_err(anyhow::Error::msg)?;
    std::fs::create_dir_all(data)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let fleet = Fleet::start(settings(data)).await?;
        let app = App::new(fleet, Exposure::Loopback, None, Front::default());
        let hello = Router::new().route("/api/v1/stores/{name}", get(|| async { "Hello, World!" }));
        // `dev` has its probes on the same router; `Program` asks for this one.
        let routes = hello.route("/readyz", get(|| async { "ready" }));
        std::fs::write(data.join("address"), address.to_string())
            .context("the address cannot be told")?;
        serve_http(
            listener,
            &app,
            dressed(app.clone(), routes),
            std::future::pending(),
        )
        .await;
        Ok(())
    })
}

fn settings(data: &Path) -> Settings {
    Settings {
        data: data.to_owned(),
        repository: data.join("fleet.git"),
        mode: Mode::Embedded,
        cluster_url: "http://127.0.0.1/git/fleet.git".to_owned(),
        cluster_auth: false,
        author: Person {
            name: "Fleetwright".to_owned(),
            email: "fleetwright@localhost".to_owned(),
        },
        signing_key: None,
        deploy_key: None,
        clusters: Vec::new(),
        forge: None,
        lift_limits: true,
        request_limits: RequestLimits::default(),
        queue: 1000,
        oidc: None,
        public_host: None,
        dns_server: None,
        probe: None,
        templates: None,
    }
}
