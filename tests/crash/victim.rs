//! The process that is killed: started without waiting, killed alone or with its children, watched for orphans.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::dice::tell;
use crate::support::api::Api;
use crate::support::process::PROGRAM;

/// How long a start may take. It takes some 0.1 s, plus what a kill left to be done.
const START: Duration = Duration::from_secs(30);

/// Whom a kill hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kill {
    /// The process alone, as the kernel does when memory runs out.
    Alone,
    /// With every command of git's that it runs, as the end of a container does.
    WithChildren,
}

/// The program with a data folder that outlives it.
pub(crate) struct Victim {
    args: Vec<String>,
    data: PathBuf,
    child: Option<Child>,
    began: Instant,
    /// One thread for each kill that left children behind: how long the last of them lived.
    orphans: Vec<JoinHandle<Duration>>,
}

impl Victim {
    pub(crate) fn new(args: Vec<String>, data: &Path) -> Self {
        Self {
            args,
            data: data.to_owned(),
            child: None,
            began: Instant::now(),
            orphans: Vec::new(),
        }
    }

    /// Starts the program and does not wait for it.
    pub(crate) fn launch(&mut self) {
        assert!(self.child.is_none(), "one at a time");
        // A stale address would be taken for the new one.
        let _gone = std::fs::remove_file(self.data.join("address"));
        let _kept = std::fs::rename(self.log(0), self.log(1));
        let log = File::create(self.log(0)).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(&self.args).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.began = Instant::now();
        self.child = Some(command.spawn().unwrap());
    }

    /// Waits until the program answers, and gives the time since its launch.
    pub(crate) fn ready(&mut self) -> Duration {
        loop {
            self.lives();
            if let Some(api) = self.try_api()
                && api
                    .try_get("/readyz")
                    .is_ok_and(|(status, _)| status == 200)
            {
                return self.began.elapsed();
            }
            let waited = self.began.elapsed();
            assert!(
                waited < START,
                "not ready within {START:?}: {}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Fails when the program has ended by itself: no kill may leave a data folder that it refuses.
    pub(crate) fn lives(&mut self) {
        let ended = self.child.as_mut().unwrap().try_wait().unwrap();
        if let Some(status) = ended {
            panic!("the program ended by itself with {status}: {}", self.said());
        }
    }

    pub(crate) fn api(&self) -> Api {
        self.try_api().expect("a ready server has an address")
    }

    fn try_api(&self) -> Option<Api> {
        let read = |name: &str| std::fs::read_to_string(self.data.join(name)).ok();
        let (address, token) = (read("address")?, read("admin.token")?);
        Some(Api::new(
            &format!("http://{}", address.trim()),
            token.trim(),
        ))
    }

    /// Kills the program, which must be running.
    pub(crate) fn kill(&mut self, kill: Kill) {
        self.lives();
        self.end(kill);
    }

    /// Kills the program, or finds that it has ended as it was asked to.
    pub(crate) fn end(&mut self, kill: Kill) {
        let mut child = self.child.take().unwrap();
        let children = descendants(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        if kill == Kill::WithChildren {
            for pid in &children {
                let _gone = kill_process(pid_of(*pid), Signal::KILL);
            }
        } else if !children.is_empty() {
            self.orphans
                .push(std::thread::spawn(move || outlived(&children)));
        }
    }

    /// Asks the program to end, and does not wait for it.
    pub(crate) fn ask_to_end(&self) {
        let id = self.child.as_ref().unwrap().id();
        kill_process(pid_of(id), Signal::TERM).unwrap();
    }

    /// Lets the program end by itself.
    pub(crate) fn stop(&mut self) {
        self.ask_to_end();
        let mut child = self.child.take().unwrap();
        let status = child.wait().unwrap();
        assert!(
            status.success(),
            "it stopped with {status}: {}",
            self.said()
        );
    }

    /// Whether a command of git's runs for the program, such as `push`.
    pub(crate) fn runs(&self, command: &str) -> bool {
        let Some(child) = &self.child else {
            return false;
        };
        children(child.id()).into_iter().any(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).nth(1) == Some(command.as_bytes())
        })
    }

    /// Waits for the children of killed processes; how many kills left some, and how long the last one lived.
    pub(crate) fn orphans(&mut self) -> (usize, Duration) {
        let lived: Vec<Duration> = self
            .orphans
            .drain(..)
            .map(|it| it.join().unwrap())
            .collect();
        (lived.len(), lived.into_iter().max().unwrap_or_default())
    }

    /// What this run and the one before it logged.
    pub(crate) fn said(&self) -> String {
        let read = |age| std::fs::read_to_string(self.log(age)).unwrap_or_default();
        format!("--- before ---\n{}\n--- now ---\n{}", read(1), read(0))
    }

    fn log(&self, age: usize) -> PathBuf {
        self.data.with_extension(format!("log.{age}"))
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.end(Kill::WithChildren);
        }
        if std::thread::panicking() {
            tell(&self.said());
        }
    }
}

fn pid_of(id: u32) -> Pid {
    Pid::from_raw(id.try_into().unwrap()).unwrap()
}

/// The processes that a process has started and that run (proc(5), `children`).
fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let lists = tasks.filter_map(|it| std::fs::read_to_string(it.path().join("children")).ok());
    lists
        .flat_map(|list| {
            let pids = list.split_whitespace().map(|pid| pid.parse().unwrap());
            pids.collect::<Vec<u32>>()
        })
        .collect()
}

fn descendants(pid: u32) -> Vec<u32> {
    let mut found = children(pid);
    let mut at = 0;
    while at < found.len() {
        found.extend(children(found[at]));
        at += 1;
    }
    found
}

/// How long processes live on.
fn outlived(pids: &[u32]) -> Duration {
    let began = Instant::now();
    // `Z`: ended, and its new parent has not asked yet.
    let runs = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| !rest.starts_with('Z'))
    };
    while pids.iter().any(runs) {
        std::thread::sleep(Duration::from_millis(2));
    }
    began.elapsed()
}
