//! The testbed: a real Kubernetes control plane and real Flux controllers as plain processes on this machine.
//!
//! A test starts one with [`Testbed::start`] and speaks to it through its kubeconfig; everything is gone when the value is
//! dropped. The programs come from `tests/testbed/build.sh`; a testbed that was not built is an error, never a reason to skip.
//! This module knows nothing of Fleetwright: what it starts is what any user of Flux would run.

mod certificates;
mod cluster;
mod commands;
mod component;
mod error;
mod folders;
mod kubeconfig;
mod kubectl;
mod ports;
mod processes;
mod programs;
mod readiness;
mod setup;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

pub(crate) use component::Component;
pub(crate) use error::Error;
use ports::Port;
use processes::Processes;
use setup::Setup;

/// The namespace of the Flux controllers (`RUNTIME_NAMESPACE`).
pub(crate) const FLUX_NAMESPACE: &str = "flux-system";

/// What a test may choose.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The addresses of Services. A /24 is full after some 250 of them, which is a failure one can provoke.
    pub(crate) service_cluster_ip_range: String,
    /// Nothing but etcd and the API server, with what lies in the cluster of a whole testbed: objects change only when
    /// somebody writes them.
    pub(crate) control_plane_only: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            service_cluster_ip_range: "10.0.0.0/12".into(),
            control_plane_only: false,
        }
    }
}

/// A running cluster. Dropping it kills every process; a panicking test leaves the logs behind and says where.
#[derive(Debug)]
pub(crate) struct Testbed {
    processes: Processes,
    setup: Setup,
    ready_in: Duration,
    failed: bool,
}

impl Testbed {
    /// Starts everything and returns when the API answers, the node is ready and Flux runs.
    pub(crate) fn start(options: Options) -> Result<Self, Error> {
        let started = Instant::now();
        let mut testbed = Self {
            processes: Processes::new(),
            setup: Setup::prepare(options)?,
            ready_in: Duration::ZERO,
            failed: true,
        };
        // On an error `failed` is still set, so that dropping the half-started testbed keeps the logs.
        testbed.start_all()?;
        testbed.failed = false;
        testbed.ready_in = started.elapsed();
        Ok(testbed)
    }

    fn start_all(&self) -> Result<(), Error> {
        self.spawn(&[Component::Etcd, Component::ApiServer])?;
        self.wait(&[Component::Etcd, Component::ApiServer])?;
        if self.setup.options.control_plane_only {
            return cluster::install(&self.setup);
        }
        self.spawn(&[
            Component::ControllerManager,
            Component::Scheduler,
            Component::Kwok,
        ])?;
        cluster::install(&self.setup)?;
        self.spawn(&Component::FLUX)?;
        cluster::wait_for_controllers(&self.setup)?;
        self.wait(&Component::FLUX)?;
        readiness::all_running(&self.setup, &self.processes)
    }

    /// How long the start took.
    pub(crate) fn ready_in(&self) -> Duration {
        self.ready_in
    }

    /// The administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.setup.kubeconfig
    }

    /// Where notification-controller takes webhooks, once it runs: `http://127.0.0.1:<port>`.
    pub(crate) fn webhooks(&self) -> String {
        let address = self.setup.ports.address(Port::NotificationReceiver);
        format!("http://{address}")
    }

    /// A kubeconfig of the administrator's whose certificate is good for `lifetime` from now.
    pub(crate) fn short_lived_kubeconfig(&self, lifetime: Duration) -> Result<String, Error> {
        let certificates = &self.setup.certificates;
        let (client, key) = certificates.short_lived(lifetime)?;
        let address = self.setup.ports.address(Port::ApiServer);
        Ok(kubeconfig::text(&address, certificates, (&client, &key)))
    }

    /// Stops a component where it is, or lets it go on: its connections stay open and nobody answers on them.
    pub(crate) fn freeze(&self, component: Component, on: bool) {
        let id = self.process_id(component).expect("it runs").to_string();
        let signal = if on { "-STOP" } else { "-CONT" };
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.is_ok_and(|it| it.success()), "it can be signalled");
    }

    /// The path of a program that was built with the testbed, such as `helm` or `kubectl`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.setup.programs.path(name)
    }

    /// Runs kubectl as the administrator and gives whatever came out, a refusal too.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<Output, Error> {
        kubectl::output(&self.setup, arguments, None)
    }

    /// Runs kubectl as the administrator and gives its standard output; a refusal is an error with kubectl's message.
    pub(crate) fn kubectl_ok(&self, arguments: &[&str]) -> Result<String, Error> {
        kubectl::run(&self.setup, arguments)
    }

    /// Applies YAML on the server's side, as the administrator.
    pub(crate) fn kubectl_apply(&self, yaml: &str) -> Result<String, Error> {
        kubectl::run_with_input(&self.setup, &["apply", "--server-side", "-f", "-"], yaml)
    }

    /// Runs kubectl with `input` on standard input and gives its standard output, for instance to apply as another account
    /// (`--as=system:serviceaccount:<namespace>:<name>`).
    pub(crate) fn kubectl_with_input(
        &self,
        arguments: &[&str],
        input: &str,
    ) -> Result<String, Error> {
        kubectl::run_with_input(&self.setup, arguments, input)
    }

    /// Kills a component and waits until it is gone.
    pub(crate) fn stop(&self, component: Component) {
        self.processes.stop(component);
    }

    /// Starts a component, killing it first if it runs, and waits until it answers. Its data are as they were.
    pub(crate) fn restart(&self, component: Component) -> Result<(), Error> {
        self.spawn(&[component])?;
        self.wait(&[component])
    }

    /// Removes what a stopped component has stored, such as the artifacts of source-controller.
    pub(crate) fn erase_data(&self, component: Component) -> Result<(), Error> {
        let folder = self.setup.data(component)?;
        std::fs::remove_dir_all(&folder).map_err(Error::file(folder))
    }

    /// The process id of a component that was not stopped.
    pub(crate) fn process_id(&self, component: Component) -> Option<u32> {
        self.processes.id(component)
    }

    /// What a component has logged so far, over all its restarts.
    pub(crate) fn log(&self, component: Component) -> Result<String, Error> {
        let path = self.setup.log_path(component);
        let bytes = std::fs::read(&path).map_err(Error::file(path))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The folder with one log for each component.
    pub(crate) fn logs(&self) -> PathBuf {
        self.setup.logs()
    }

    fn spawn(&self, components: &[Component]) -> Result<(), Error> {
        components.iter().try_for_each(|&component| {
            let command = commands::command(&self.setup, component)?;
            self.processes.start(component, command)
        })
    }

    fn wait(&self, components: &[Component]) -> Result<(), Error> {
        components
            .iter()
            .try_for_each(|&component| readiness::wait(&self.setup, &self.processes, component))
    }
}

impl Drop for Testbed {
    #[expect(
        clippy::print_stderr,
        reason = "somebody has to be told where the logs are"
    )]
    fn drop(&mut self) {
        // First, or the logs would end with complaints about folders that are being removed.
        self.processes.stop_all();
        if self.failed || std::thread::panicking() {
            self.setup.keep_logs();
            eprintln!("testbed: the logs are in {}", self.logs().display());
        }
    }
}
