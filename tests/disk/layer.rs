//! Builds the layer (`layer.c`) and starts the program on top of it.
//!
//! Commands of git's get a cleaned environment from the program, and with it no layer. A `git` of our own, first in
//! `PATH`, puts them on top of the layer too: what upkeep does to packs belongs to the order of writes.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::support::api::Api;
use crate::support::process::PROGRAM;

/// How long a start or a stop may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program on a data folder, on top of the layer or without it. Killed when dropped; its log is shown when the test has failed.
pub(crate) struct Program {
    child: Option<Child>,
    /// The data folder: what the layer looks at.
    pub(crate) data: PathBuf,
    base: PathBuf,
    layered: bool,
    /// Whether calls that change nothing come into the trace, from the next start on.
    pub(crate) counts: bool,
}

impl Program {
    /// Starts `fleetwright dev` on `base`/data, on top of the layer, and waits until it answers.
    pub(crate) fn start(base: &Path) -> Self {
        let mut this = Self::prepared(base, true);
        this.restart();
        this
    }

    /// As it is without the layer, not started yet.
    pub(crate) fn plain(base: &Path) -> Self {
        Self::prepared(base, false)
    }

    fn prepared(base: &Path, layered: bool) -> Self {
        let base = base.canonicalize().unwrap();
        std::fs::write(base.join("faults"), "").unwrap();
        Self {
            child: None,
            data: base.join("data"),
            base,
            layered,
            counts: false,
        }
    }

    /// Starts the program again, on what is there.
    pub(crate) fn restart(&mut self) {
        self.try_restart().unwrap();
    }

    /// Starts the program again, or tells why it does not answer.
    pub(crate) fn try_restart(&mut self) -> Result<(), String> {
        self.launch();
        let began = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return Err(format!("the server ended with {status}: {}", self.said()));
            }
            let there = |name: &str| self.data.join(name).exists();
            let answers = there("address") && there("admin.token");
            if answers && self.api().try_get("/readyz").is_ok() {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("the server does not answer: {}", self.said()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts the process without waiting for anything.
    pub(crate) fn launch(&mut self) {
        let _gone = std::fs::remove_file(self.data.join("address"));
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.base.join("log"))
            .unwrap();
        let mut command = Command::new(PROGRAM);
        command
            .args(["dev", "--no-limits", "--listen", "127.0.0.1:0", "--data"])
            .arg(&self.data)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        if self.layered {
            let variables = self.variables();
            let tools = tools(&self.base, &variables);
            let path = std::env::var("PATH").unwrap();
            command.envs(variables);
            if self.counts {
                command.env("FLEETWRIGHT_LAYER_CALLS", "yes");
            }
            command.env("PATH", format!("{}:{path}", tools.display()));
        }
        self.child = Some(command.spawn().unwrap());
    }

    /// How the process ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|it| it.try_wait().unwrap())
    }

    /// Waits for the end of a process that ends by itself, or that was told to.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                self.child = None;
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "it ends: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills the process with SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Ends the process as an operator does, with SIGTERM.
    pub(crate) fn stop(&mut self) {
        let id = self.child.as_ref().unwrap().id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(told.success());
        let status = self.wait();
        assert!(status.success(), "a clean stop: {}", self.said());
    }

    pub(crate) fn api(&self) -> Api {
        let read = |name: &str| std::fs::read_to_string(self.data.join(name)).unwrap_or_default();
        let address = read("address");
        let address = address.trim().trim_start_matches("http://");
        Api::new(&format!("http://{address}"), read("admin.token").trim())
    }

    /// The fleet repository.
    pub(crate) fn repo(&self) -> PathBuf {
        self.data.join("fleet.git")
    }

    /// Everything the program has logged.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.base.join("log")).unwrap_or_default()
    }

    /// Where records of everything done below the data folder go.
    pub(crate) fn trace(&self) -> PathBuf {
        self.base.join("trace")
    }

    /// Makes calls fail from now on: lines `call pattern skip count error`, see `layer.c`. An empty text heals.
    pub(crate) fn faults(&self, rules: &str) {
        // Replaced in one write: the layer must never read half a rule.
        std::fs::write(self.base.join("faults"), rules).unwrap();
    }

    fn variables(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("LD_PRELOAD", library()),
            ("FLEETWRIGHT_LAYER_FOLDER", self.data.clone()),
            ("FLEETWRIGHT_LAYER_TRACE", self.trace()),
            ("FLEETWRIGHT_LAYER_FAULTS", self.base.join("faults")),
        ]
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let said = self.said();
            let _told = writeln!(std::io::stderr(), "--- the server's log ---\n{said}");
        }
    }
}

/// A folder with a `git` that starts the real one on top of the layer.
fn tools(base: &Path, variables: &[(&str, PathBuf)]) -> PathBuf {
    let folder = base.join("tools");
    let wrapper = folder.join("git");
    if !wrapper.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let mut script = "#!/bin/sh\n".to_owned();
        for (name, value) in variables {
            script += &format!("export {name}='{}'\n", value.display());
        }
        script += &format!("exec '{}' \"$@\"\n", real_git().display());
        std::fs::write(&wrapper, script).unwrap();
        std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn real_git() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let mut found = std::env::split_paths(&path).map(|it| it.join("git"));
    found.find(|it| it.is_file()).expect("git is installed")
}

/// The built layer; built once for all tests of a run.
fn library() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disk/layer.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("fleetwright-layer-{}.so", std::process::id()));
        let out = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"])
            .arg("-o")
            .arg(&library)
            .arg(source)
            .args(["-ldl", "-lpthread"])
            .output()
            .expect("cc runs");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "the layer is built: {said}");
        library
    };
    BUILT.get_or_init(build).clone()
}
