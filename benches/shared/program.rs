//! The built binary as a process on a data folder made of a prepared fleet.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::client::Client;
use crate::prepare::{self, Prepared};

/// The first start reads the whole fleet.
const PATIENCE: Duration = Duration::from_mins(30);
const LOOK: Duration = Duration::from_millis(2);

/// A running server; killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    address: String,
    token: String,
    log: PathBuf,
    /// From the start of the process until it could get requests, in seconds.
    pub(crate) ready_in: f64,
}

impl Program {
    /// `fleetwright dev` on a data folder.
    pub(crate) fn dev(data: &Path) -> Result<Self> {
        let args = ["dev", "--listen", "127.0.0.1:0", "--no-limits", "--data"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetwright"));
        Self::start(command.args(args).arg(data), data)
    }

    /// The same, watching the cluster of a kubeconfig.
    pub(crate) fn watching(data: &Path, kubeconfig: &Path) -> Result<Self> {
        // The last run's must not be taken for this one's.
        let _none = fs::remove_file(data.join("address"));
        let args = ["dev", "--listen", "127.0.0.1:0", "--no-limits", "--data"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetwright"));
        let command = command.args(args).arg(data).arg("--kubeconfig");
        Self::start(command.arg(kubeconfig), data)
    }

    /// `fleetwright serve` against a remote that it pushes to as fast as that takes it.
    pub(crate) fn serve(data: &Path, url: &str) -> Result<Self> {
        let config = data.with_extension("yaml");
        let text = format!(
            "listen: 127.0.0.1:0\ndata: {}\ngit: {{url: \"{url}\", poll: 1h}}\npush: {{pace: 0s}}\n",
            data.display()
        );
        fs::write(&config, text)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetwright"));
        Self::start(command.arg("serve").arg("--config").arg(&config), data)
    }

    /// A command that serves and leaves its address and its token in a data folder, as `dev` does.
    pub(crate) fn start(command: &mut Command, data: &Path) -> Result<Self> {
        let log = data.with_extension("log");
        let file = File::options().create(true).append(true).open(&log)?;
        let began = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("fleetwright does not start")?;
        let mut program = Self {
            child,
            address: String::new(),
            token: String::new(),
            log,
            ready_in: 0.0,
        };
        while !program.ready(data)? {
            if began.elapsed() > PATIENCE {
                bail!("not ready in time: {}", program.said());
            }
            std::thread::sleep(LOOK);
        }
        program.ready_in = began.elapsed().as_secs_f64();
        Ok(program)
    }

    fn ready(&mut self, data: &Path) -> Result<bool> {
        if let Some(status) = self.child.try_wait()? {
            bail!("fleetwright ended with {status}: {}", self.said());
        }
        let read = |name| fs::read_to_string(data.join(name)).unwrap_or_default();
        read("address").trim().clone_into(&mut self.address);
        read("admin.token").trim().clone_into(&mut self.token);
        if self.address.is_empty() || self.token.is_empty() {
            return Ok(false);
        }
        let Ok(mut client) = self.client() else {
            return Ok(false);
        };
        Ok(client.get("/readyz")?.0 == 200)
    }

    /// Where it can be asked.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// An admin's token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn client(&self) -> Result<Client> {
        Client::connect(&self.address, &self.token)
    }

    /// CPU time used so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        crate::machine::cpu_seconds(self.child.id())
    }

    /// Memory that is the process's own and no file's, in bytes (proc(5): `RssAnon`).
    pub(crate) fn memory(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|it| it.strip_prefix("RssAnon:"));
        let kibibytes = line.and_then(|it| it.trim().strip_suffix(" kB"));
        let kibibytes: f64 = kibibytes.context("the kernel tells RssAnon")?.parse()?;
        Ok(kibibytes * 1024.0)
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// A data folder of `dev` whose repository is a copy of a prepared fleet; journal and index are not there yet.
pub(crate) fn dev_folder(prepared: &Prepared, data: &Path) -> Result<()> {
    keys(prepared, data)?;
    prepare::our_copy(prepared, &data.join("fleet.git"))
}

/// A data folder of `serve` with the keys that signed a prepared fleet.
pub(crate) fn keys(prepared: &Prepared, data: &Path) -> Result<()> {
    let keys = data.join("keys");
    fs::create_dir_all(&keys)?;
    for name in ["main", "main.pub", "deploy", "deploy.pub"] {
        fs::copy(prepared.keys.join(name), keys.join(name))?;
    }
    Ok(())
}
