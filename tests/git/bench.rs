//! A repository to try things on, and the git program as the judge of what was done to it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fleetwright::domain::CommitId;
use fleetwright::git::{CommitSpec, FleetRepo, Graft, Landed, Person, RefUpdate, SigningKey};
use fleetwright::plan::{Edit, Edits};

/// The judge: git, without any setting of this machine.
pub(crate) fn git_command(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap());
    command.envs([
        ("HOME", "/nonexistent"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("LC_ALL", "C"),
    ]);
    command.envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_TERMINAL_PROMPT", "0")]);
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Somebody Else");
        command.env(format!("GIT_{role}_EMAIL"), "somebody@example.com");
        command.env(format!("GIT_{role}_DATE"), "1700000000 +0000");
    }
    command
}

/// What git prints, both streams, after it succeeded.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let (success, said) = try_git(dir, args);
    assert!(success, "git {args:?} failed: {said}");
    said
}

/// Whether git succeeded, and what it printed on both streams.
pub(crate) fn try_git(dir: &Path, args: &[&str]) -> (bool, String) {
    let output = git_command(dir)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).trim_end().to_owned(),
    )
}

/// A fresh repository of ours with a key, in a folder that goes with it.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) repo: FleetRepo,
    pub(crate) key: SigningKey,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repo = FleetRepo::init(&dir.path().join("data/fleet.git")).unwrap();
        let key = SigningKey::generate(&dir.path().join("key"), "fleetwright main").unwrap();
        Self { dir, repo, key }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs git in the repository.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(self.repo.path(), args)
    }

    /// An empty bare repository as a forge has it.
    pub(crate) fn upstream(&self, name: &str) -> PathBuf {
        git(
            self.dir.path(),
            &["init", "-q", "--bare", "-b", "main", name],
        );
        self.path(name)
    }

    /// One signed commit that lands nowhere yet.
    pub(crate) fn commit(&self, parent: Option<&CommitId>, edits: &Edits) -> Option<CommitId> {
        self.commit_with(parent, &[], edits)
    }

    pub(crate) fn commit_with(
        &self,
        parent: Option<&CommitId>,
        grafts: &[Graft<'_>],
        edits: &Edits,
    ) -> Option<CommitId> {
        let mut group = self.repo.group().unwrap();
        let commit = group.commit(&self.spec(parent, grafts, edits)).unwrap();
        assert_eq!(group.land(&[]).unwrap(), Landed::Yes);
        commit
    }

    pub(crate) fn spec<'a>(
        &'a self,
        parent: Option<&'a CommitId>,
        grafts: &'a [Graft<'a>],
        edits: &'a Edits,
    ) -> CommitSpec<'a> {
        let message = "store: Create one\n\nFleetwright-Action: create\n";
        let (author, committer) = (person(), person());
        CommitSpec {
            parent,
            grafts,
            edits,
            even_if_same: false,
            message,
            author,
            committer,
            time_seconds: 1_700_000_000,
            key: &self.key,
        }
    }

    /// A commit on a branch of ours.
    pub(crate) fn land(&self, branch: &str, edits: &Edits) -> CommitId {
        let old = self.repo.branch(branch).unwrap();
        let new = self
            .commit(old.as_ref(), edits)
            .expect("the edits change something");
        let update = RefUpdate::branch(branch, old, new.clone());
        assert_eq!(self.repo.update(&[update]).unwrap(), Landed::Yes);
        new
    }
}

/// Puts a shell script into a repository as its hook.
pub(crate) fn install_hook(repo: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let file = repo.join("hooks").join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn person() -> &'static Person {
    static PERSON: std::sync::LazyLock<Person> =
        std::sync::LazyLock::new(|| Person::new("Ada Løve", "ada@example.com"));
    &PERSON
}

/// `(path, content)` to write, or `(path, "")` to delete.
pub(crate) fn edits(list: &[(&str, &str)]) -> Edits {
    let edit = |text: &str| {
        if text.is_empty() {
            Edit::Delete
        } else {
            Edit::Put(text.into())
        }
    };
    list.iter()
        .map(|(path, text)| ((*path).to_owned(), edit(text)))
        .collect()
}

/// The name that git gives to the tree of exactly these files, by way of a work tree and an index of its own.
pub(crate) fn tree_of_files(repo: &Path, files: &BTreeMap<String, String>) -> String {
    let work = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let file = work.path().join("files").join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    std::fs::create_dir_all(work.path().join("files")).unwrap();
    let run = |args: &[&str]| {
        let mut command = git_command(&work.path().join("files"));
        command
            .env("GIT_DIR", repo)
            .env("GIT_WORK_TREE", work.path().join("files"));
        command
            .env("GIT_INDEX_FILE", work.path().join("index"))
            .args(args);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    run(&["add", "-A", "."]);
    run(&["write-tree"])
}

/// A commit that somebody else makes with git's own plumbing; `tree` is the input of `git mktree`.
pub(crate) fn foreign_commit(
    repo: &Path,
    tree: &str,
    parents: &[&CommitId],
    options: &[&str],
) -> CommitId {
    let tree = piped(repo, &["mktree"], tree);
    let mut args: Vec<&OsStr> = options.iter().map(OsStr::new).collect();
    args.extend(["commit-tree", tree.as_str(), "-m", "by hand"].map(OsStr::new));
    for parent in parents {
        args.extend(["-p", parent.as_str()].map(OsStr::new));
    }
    if !options.is_empty() {
        args.push(OsStr::new("-S"));
    }
    let output = git_command(repo).args(args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// Runs git with an input, and gives its output.
pub(crate) fn piped(dir: &Path, args: &[&str], input: &str) -> String {
    let mut command = git_command(dir);
    let mut child = command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {args:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
