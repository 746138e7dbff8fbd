//! Running the git program: the one place where Fleetwright starts a process.
//!
//! Every command gets the same defensive surroundings, a deadline and bounded output; settings and secrets go through
//! the environment, so that no secret is ever among the arguments (which any user of the machine can list).
//!
//! Must not know: what a command does.

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use super::capture::{Capture, KEPT_OUTPUT};

/// The oldest git that has all we use: `push --atomic` over HTTP, `GIT_CONFIG_COUNT` (2.31), `GIT_CONFIG_GLOBAL`
/// (2.32), and SSH signatures (2.34), which people check our commits with.
const OLDEST: GitVersion = GitVersion {
    major: 2,
    minor: 34,
};

/// The priority that yields to everybody; see setpriority(2).
const LOWEST: i32 = 19;

/// How long a command that is stopped may take to put its things away.
const FAREWELL: Duration = Duration::from_secs(2);
/// How much longer than the command itself its helpers may take for that.
const HELPERS: Duration = Duration::from_millis(500);

/// What a command inherits of our environment, each for its reason; everything else could change what git does.
const INHERITED: [&str; 13] = [
    // Where git and ssh are.
    "PATH",
    "TMPDIR",
    // The ways out of a closed network, and who is trusted there.
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    // The deploy key of an ssh remote.
    "SSH_AUTH_SOCK",
];

/// The surroundings of every command.
const ENVIRONMENT: [(&str, &str); 10] = [
    // No settings of the machine or of a person, no .netrc with somebody's password.
    ("HOME", "/nonexistent"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    // Nobody is there to answer a question.
    ("GIT_TERMINAL_PROMPT", "0"),
    (
        "GIT_SSH_COMMAND",
        "ssh -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=15",
    ),
    // Messages are parsed.
    ("LC_ALL", "C"),
    // Nothing is refreshed on the side.
    ("GIT_OPTIONAL_LOCKS", "0"),
    // No transport that runs a program of the address's choice (ext::).
    ("GIT_ALLOW_PROTOCOL", "file:http:https:ssh"),
    ("GIT_PROTOCOL_FROM_USER", "0"),
];

/// Settings of every command; they win over the repository's.
const SETTINGS: [(&str, &str); 9] = [
    // No hook of the repository runs, whoever put it there.
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.askPass", ""),
    ("credential.helper", ""),
    // Packing is the writer's business.
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    // A connection over which nothing comes is given up. A server at work sends a few bytes every 5 s.
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
];

/// Why the git program could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no `git` in `PATH`.
    #[error("git program not found: install git {OLDEST} or newer")]
    NotFound,
    /// It is too old.
    #[error("git {found} is too old: install git {OLDEST} or newer")]
    TooOld {
        /// What is installed.
        found: GitVersion,
    },
    /// It could not be started or watched.
    #[error("could not run `git {command}`")]
    Run {
        /// The subcommand.
        command: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It was stopped at its deadline.
    #[error("`git {command}` did not end within {seconds} s and was stopped")]
    TimedOut {
        /// The subcommand.
        command: String,
        /// The time it had.
        seconds: u64,
    },
    /// It was stopped because we stop.
    #[error("`git {command}` was stopped, as nobody waits for it any more")]
    Stopped {
        /// The subcommand.
        command: String,
    },
    /// It did not answer as it should.
    #[error("`git {command}` failed: {detail}")]
    Failed {
        /// The subcommand.
        command: String,
        /// The end of what it said.
        detail: String,
    },
}

/// The version of the git program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GitVersion {
    /// As in 2.x.
    pub major: u32,
    /// As in x.34.
    pub minor: u32,
}

impl std::fmt::Display for GitVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl GitVersion {
    /// Reads what `git version` prints, as in `git version 2.39.5 (Apple Git-154)`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("git version ")?.trim().split('.');
        Some(Self {
            major: parts.next()?.parse().ok()?,
            minor: parts.next()?.parse().ok()?,
        })
    }
}

/// The version of the installed git program.
///
/// # Errors
/// [`CommandError::NotFound`] and [`CommandError::TooOld`] say what to install.
pub fn git_version() -> Result<GitVersion, CommandError> {
    let output = GitCommand::new("version").run(Duration::from_secs(10))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = GitVersion::parse(&said).ok_or_else(|| CommandError::Failed {
        command: "version".to_owned(),
        detail: said,
    })?;
    if found < OLDEST {
        Err(CommandError::TooOld { found })
    } else {
        Ok(found)
    }
}

/// A git command to be run.
pub(super) struct GitCommand {
    command: Command,
    name: String,
    settings: Vec<(String, String)>,
    gentle: bool,
    kept: usize,
}

/// What a command said.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) success: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl GitCommand {
    /// `git <name>`, outside any repository.
    pub(super) fn new(name: &str) -> Self {
        let mut command = Command::new(program());
        command.env_clear().current_dir("/").stdin(Stdio::null());
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(ENVIRONMENT).arg(name);
        // A group of its own: an interrupt at the terminal is for us, and does not cut a push in two.
        command.process_group(0);
        let settings = SETTINGS
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        Self {
            command,
            name: name.to_owned(),
            settings,
            gentle: false,
            kept: KEPT_OUTPUT,
        }
    }

    /// `git <name>` in a bare repository, whatever the current folder is.
    pub(super) fn in_repo(name: &str, repo: &Path) -> Self {
        let mut this = Self::new(name);
        this.command.env("GIT_DIR", repo);
        this
    }

    /// Adds arguments, none of them secret.
    pub(super) fn args<I: AsRef<std::ffi::OsStr>>(
        mut self,
        args: impl IntoIterator<Item = I>,
    ) -> Self {
        self.command.args(args);
        self
    }

    /// Adds a variable of the environment.
    pub(super) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds a setting, which may be secret.
    pub(super) fn setting(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((key.into(), value.into()));
        self
    }

    /// Lets the command read a file from where it is.
    pub(super) fn input(mut self, file: File) -> Self {
        self.command.stdin(file);
        self
    }

    /// Lets everybody else go first.
    pub(super) fn gently(mut self) -> Self {
        self.gentle = true;
        self
    }

    /// Keeps all that it prints, however much: for what answers in lists.
    pub(super) fn keep_all(mut self) -> Self {
        self.kept = usize::MAX;
        self
    }

    /// The command, with its settings in the environment (`GIT_CONFIG_COUNT`, see git-config(1)).
    pub(super) fn into_command(self) -> Command {
        let mut command = self.command;
        command.env("GIT_CONFIG_COUNT", self.settings.len().to_string());
        for (at, (key, value)) in self.settings.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{at}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{at}"), value);
        }
        command
    }

    /// Runs the command to its end, or stops it when `limit` is over. A command that fails is no error here: see
    /// [`Output::success`].
    pub(super) fn run(self, limit: Duration) -> Result<Output, CommandError> {
        self.run_while(limit, &|| true)
    }

    /// As [`run`](Self::run), and stops it as soon as `go_on` says no; that is asked every few milliseconds.
    pub(super) fn run_while(
        self,
        limit: Duration,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Output, CommandError> {
        let name = self.name.clone();
        let failed = |source| CommandError::Run {
            command: name.clone(),
            source,
        };
        let (gentle, kept) = (self.gentle, self.kept);
        let mut command = self.into_command();
        let spawned = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.map_err(|error| started(error, &name))?;
        if gentle {
            // Where the system does not let us, it works as anybody does.
            rustix::process::setpriority_process(Some(Pid::from_child(&child)), LOWEST).ok();
        }
        let stdout = Capture::start(child.stdout.take(), kept);
        let stderr = Capture::start(child.stderr.take(), KEPT_OUTPUT);
        let Some(status) = wait(&mut child, &stdout, limit, go_on).map_err(failed)? else {
            stop(&mut child).map_err(failed)?;
            return Err(if go_on() {
                CommandError::TimedOut {
                    command: name,
                    seconds: limit.as_secs(),
                }
            } else {
                CommandError::Stopped { command: name }
            });
        };
        let stderr = String::from_utf8_lossy(&stderr.finish()).into_owned();
        Ok(Output {
            success: status.success(),
            stdout: stdout.finish(),
            stderr,
        })
    }
}

/// Where git is. With its path the system starts it without a copy of our page tables, which takes the longer the more
/// memory we use; a bare name that is looked up in the child's `PATH` would need one.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    let found = places.find_map(|folder| {
        let file = folder.join("git");
        let about = file.metadata().ok()?;
        (about.is_file() && about.permissions().mode() & 0o111 != 0).then_some(file)
    });
    // Where it is nowhere, the start says so.
    found.unwrap_or_else(|| PathBuf::from("git"))
}

/// What it means that a command did not start.
pub(super) fn started(error: io::Error, name: &str) -> CommandError {
    if error.kind() == io::ErrorKind::NotFound {
        CommandError::NotFound
    } else {
        CommandError::Run {
            command: name.to_owned(),
            source: error,
        }
    }
}

/// How long it takes at least and at most until it is asked again whether a child has ended.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(10);
/// The same for one that has closed its output: it is about to end.
const ENDING: Duration = Duration::from_micros(50);

/// Waits for a child to end; `None` when the time is over first, or `go_on` says no. A child that ends closes its output,
/// which is noticed at once.
fn wait(
    child: &mut Child,
    stdout: &Capture,
    limit: Duration,
    go_on: &dyn Fn() -> bool,
) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    let mut pause = SHORTEST;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline || !go_on() {
            return Ok(None);
        }
        pause = if stdout.ends_within(pause) {
            ENDING
        } else {
            (pause * 2).min(LONGEST)
        };
    }
}

/// Stops a child and all that it started. It is asked first: git then deletes its lock files and unfinished packs, which
/// it would leave for good when it is killed.
fn stop(child: &mut Child) -> io::Result<()> {
    let group = Pid::from_child(child);
    rustix::process::kill_process_group(group, Signal::TERM)?;
    // It stays known to the system, so that its group's number is no other's, until we have killed the rest.
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let deadline = Instant::now() + FAREWELL;
    while Instant::now() < deadline && rustix::process::waitid(WaitId::Pid(group), ended)?.is_none()
    {
        std::thread::sleep(Duration::from_millis(5));
    }
    // They were asked as well. Whether any is left cannot be told while the group has its ended leader.
    std::thread::sleep(HELPERS);
    rustix::process::kill_process_group(group, Signal::KILL)?;
    child.wait().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_every_make_of_git() {
        let found = |text| GitVersion::parse(text).map(|version| version.to_string());
        assert_eq!(found("git version 2.39.5\n").as_deref(), Some("2.39"));
        assert_eq!(
            found("git version 2.50.1 (Apple Git-155)\n").as_deref(),
            Some("2.50")
        );
        assert_eq!(found("git version 3.0.0-rc1\n").as_deref(), Some("3.0"));
        assert_eq!(found("jit 1"), None);
        assert!(GitVersion { major: 3, minor: 0 } > OLDEST);
        assert_eq!(
            CommandError::NotFound.to_string(),
            "git program not found: install git 2.34 or newer"
        );
    }

    #[test]
    fn a_command_ends_at_its_deadline() {
        // `git hash-object --stdin` waits for its input, which never comes.
        let mut command = GitCommand::new("hash-object").args(["--stdin"]);
        let (reader, _writer) = io::pipe().unwrap();
        command.command.stdin(reader);
        let began = Instant::now();
        let error = command.run(Duration::from_millis(200)).unwrap_err();
        assert!(matches!(error, CommandError::TimedOut { .. }), "{error}");
        assert!(began.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_command_is_asked_to_end_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let (up, asked) = (folder.path().join("up"), folder.path().join("asked"));
        // A helper of git's that puts its things away when it is asked.
        let helper =
            "!trap 'touch \"$ASKED\"; exit' TERM; touch \"$UP\"; while :; do sleep 0.01; done";
        let command = GitCommand::new("slow").setting("alias.slow", helper);
        let command = command.env("UP", &up).env("ASKED", &asked);
        let stopped = command.run_while(Duration::from_mins(1), &|| !up.exists());
        assert!(
            matches!(stopped, Err(CommandError::Stopped { .. })),
            "{stopped:?}"
        );
        assert!(asked.exists());
    }
}
