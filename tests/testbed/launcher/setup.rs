//! What every process of a testbed is told: where programs, keys, ports and folders are.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Options;
use super::certificates::Certificates;
use super::component::Component;
use super::error::Error;
use super::folders::{Folder, fast_root};
use super::kubeconfig;
use super::ports::{Port, Ports};
use super::programs::Programs;

/// Everything that is decided before the first process starts.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) options: Options,
    pub(super) programs: Programs,
    pub(super) ports: Ports,
    pub(super) certificates: Certificates,
    pub(super) kubeconfig: PathBuf,
    /// Logs, keys, kubeconfig and data.
    pub(super) work: Folder,
    /// TMPDIR of the Flux controllers.
    fast: Folder,
}

impl Setup {
    /// Finds the programs, claims ports, makes folders, keys and the kubeconfig.
    pub(super) fn prepare(options: Options) -> Result<Self, Error> {
        let programs = Programs::find()?;
        let ports = Ports::claim()?;
        let work = Folder::create(&std::env::temp_dir())?;
        let fast = Folder::create(&fast_root())?;
        let certificates = Certificates::make(&work.path().join("keys"))?;
        let kubeconfig = work.path().join("kubeconfig");
        kubeconfig::write(&kubeconfig, &ports.address(Port::ApiServer), &certificates)?;
        work.inner("logs")?;
        work.inner("home")?;
        Ok(Self {
            options,
            programs,
            ports,
            certificates,
            kubeconfig,
            work,
            fast,
        })
    }

    /// The log of one component.
    pub(super) fn log_path(&self, component: Component) -> PathBuf {
        self.logs().join(format!("{}.log", component.name()))
    }

    /// The folder of the logs.
    pub(super) fn logs(&self) -> PathBuf {
        self.work.path().join("logs")
    }

    /// The folder for what a component stores, such as Flux's artifacts. It outlives a restart of the component.
    pub(super) fn data(&self, component: Component) -> Result<PathBuf, Error> {
        self.work.inner(&format!("data/{}", component.name()))
    }

    /// A fresh kubectl of this cluster.
    pub(super) fn kubectl(&self) -> Command {
        let mut command = Command::new(self.programs.path("kubectl"));
        self.environment(&mut command, self.work.path());
        command
    }

    /// Gives `command` the environment of every process here, and nothing of the caller's but PATH.
    pub(super) fn environment(&self, command: &mut Command, temporary: &Path) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.work.path().join("home"))
            .env("TMPDIR", temporary)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("RUNTIME_NAMESPACE", super::FLUX_NAMESPACE);
    }

    /// The folder for a component's temporary files.
    pub(super) fn temporary(&self, component: Component) -> Result<PathBuf, Error> {
        self.fast.inner(component.name())
    }

    /// Keeps logs, keys and kubeconfig, but not the data, which may be large.
    pub(super) fn keep_logs(&mut self) {
        let _ = std::fs::remove_dir_all(self.work.path().join("data"));
        self.work.keep();
    }
}
