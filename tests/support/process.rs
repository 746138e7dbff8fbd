//! The built binary as a process: started, killed, started again.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::api::Api;
use super::eventually;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_fleetwright");

/// A running server. Killed when dropped; its log is shown when the test has failed by then.
pub(crate) struct Server {
    child: Child,
    args: Vec<String>,
    /// What it has in its environment beside ours.
    environment: Vec<(&'static str, OsString)>,
    data: PathBuf,
    log: PathBuf,
    /// From the start of the process to the first answer.
    pub(crate) ready_in: Duration,
}

impl Server {
    /// Starts the program with arguments that make it write `data`/address.
    pub(crate) fn start(args: &[&str], data: &Path) -> Self {
        Self::start_with_path(args, data, None)
    }

    /// The same with a `PATH` of its own.
    pub(crate) fn start_with_path(args: &[&str], data: &Path, path: Option<OsString>) -> Self {
        let log = data.with_extension("log");
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        let environment: Vec<_> = path.into_iter().map(|path| ("PATH", path)).collect();
        let child = spawn(&args, &environment, data, &log);
        let mut server = Self {
            child,
            args,
            environment,
            data: data.to_owned(),
            log,
            ready_in: Duration::ZERO,
        };
        server.wait_until_ready();
        server
    }

    /// Kills the process as a power button would, and starts it again.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill();
        self.restart();
    }

    /// Kills the process with SIGKILL and waits for its end.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server ends");
    }

    /// Ends the process as an operator does, with SIGTERM, and waits for its end.
    pub(crate) fn stop(&mut self) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status();
        assert!(told.is_ok_and(|it| it.success()), "the server can be told");
        self.child.wait().expect("the server ends");
    }

    /// Starts the program again with the same arguments.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.args, &self.environment, &self.data, &self.log);
        self.wait_until_ready();
    }

    /// Kills the process and starts it again with this in its environment beside ours.
    pub(crate) fn restart_with(&mut self, environment: Vec<(&'static str, OsString)>) {
        self.environment = environment;
        self.kill_and_restart();
    }

    /// A client with the admin's token.
    pub(crate) fn api(&self) -> Api {
        let read = |name: &str| {
            std::fs::read_to_string(self.data.join(name)).expect("the data folder has it")
        };
        self.api_of(read("admin.token").trim())
    }

    /// A client with another token.
    pub(crate) fn api_of(&self, token: &str) -> Api {
        let address = std::fs::read_to_string(self.data.join("address"));
        let address = address.expect("the data folder has it");
        let address = address.trim().trim_start_matches("http://");
        Api::new(&format!("http://{address}"), token)
    }

    /// The same client after a restart, which may have brought another address.
    pub(crate) fn again(&self, api: &Api) -> Api {
        self.api_of(api.token())
    }

    /// Resident memory in bytes (`VmRSS` of proc(5)).
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("the server runs");
        let line = status
            .lines()
            .find(|it| it.starts_with("VmRSS:"))
            .expect("the kernel tells");
        let kib: u64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|it| it.parse().ok())
            .expect("a number");
        kib * 1024
    }

    fn wait_until_ready(&mut self) {
        let began = Instant::now();
        eventually("the server answers", Duration::from_secs(20), || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the server ended with {status}: {}", self.said());
            }
            let there =
                self.data.join("address").exists() && self.data.join("admin.token").exists();
            if !there {
                return Err("it has no address yet".to_owned());
            }
            self.api().try_get("/readyz").map(drop)
        });
        self.ready_in = began.elapsed();
    }

    /// Everything the server has logged.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _waited = self.child.wait();
        if std::thread::panicking() {
            let said = self.said();
            let _told = writeln!(std::io::stderr(), "--- the server's log ---\n{said}");
        }
    }
}

fn spawn(
    args: &[String],
    environment: &[(&'static str, OsString)],
    data: &Path,
    log: &Path,
) -> Child {
    // A stale address of an earlier run would be taken for this one's.
    let _gone = std::fs::remove_file(data.join("address"));
    let file = File::options()
        .create(true)
        .append(true)
        .open(log)
        .expect("the log can be written");
    Command::new(PROGRAM)
        .args(args)
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("the log can be shared"))
        .stderr(file)
        .spawn()
        .expect("the program starts")
}

/// Runs the program to its end and returns what it printed.
pub(crate) fn run(args: &[&str]) -> String {
    let out = Command::new(PROGRAM)
        .args(args)
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        out.status.success(),
        "fleetwright {args:?}: {said}{}",
        String::from_utf8_lossy(&out.stderr)
    );
    said
}
