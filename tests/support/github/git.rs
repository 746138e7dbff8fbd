//! The bare repository, by git's own program: what is read from it, and the objects GitHub itself makes.
//!
//! Objects never change, so what was read once is kept. Must not know: pull requests, people, rules.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use super::commit::Commit;

/// One changed file between two commits.
#[derive(Debug, Clone)]
pub(crate) struct FileChange {
    pub(crate) path: String,
    /// `added`, `removed`, `modified`.
    pub(crate) status: &'static str,
    /// The blob, where there is one.
    pub(crate) blob: Option<String>,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
    /// The hunks, without the file's header; none of a binary file.
    pub(crate) patch: Option<String>,
}

/// Who a commit names.
#[derive(Debug, Clone)]
pub(crate) struct Ident {
    pub(crate) name: String,
    pub(crate) email: String,
    /// As git writes it: seconds and zone.
    pub(crate) date: String,
}

/// A commit to make.
pub(crate) struct NewCommit<'a> {
    pub(crate) tree: &'a str,
    pub(crate) parents: &'a [&'a str],
    pub(crate) author: &'a Ident,
    pub(crate) committer: &'a Ident,
    pub(crate) message: &'a str,
    /// Signed with GitHub's key.
    pub(crate) signed: bool,
}

/// The repository.
pub(crate) struct Repo {
    dir: PathBuf,
    /// GitHub's own signing key.
    key: PathBuf,
    commits: Mutex<BTreeMap<String, Commit>>,
    diffs: Mutex<BTreeMap<(String, String), Vec<FileChange>>>,
    /// What git said to questions about commits.
    said: Mutex<BTreeMap<String, Result<String, String>>>,
}

impl Repo {
    /// Opens the bare repository, or makes it where the folder is empty. `secrets` gets GitHub's signing key.
    pub(crate) fn open(dir: &Path, secrets: &Path) -> Self {
        let key = secrets.join("web-flow");
        let repo = Self {
            dir: dir.to_owned(),
            key,
            commits: Mutex::default(),
            diffs: Mutex::default(),
            said: Mutex::default(),
        };
        if !dir.join("HEAD").exists() {
            std::fs::create_dir_all(dir).expect("the repository's folder can be made");
            repo.git(&["init", "--quiet", "--bare", "--initial-branch=main"]);
        }
        repo.git(&["config", "receive.autogc", "false"]);
        if !repo.key.exists() {
            let key = repo.key.to_str().expect("a readable path");
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "web-flow", "-f", key])
                .status();
            assert!(made.is_ok_and(|it| it.success()), "ssh-keygen makes a key");
        }
        repo
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// All branches, by name without `refs/heads/`.
    pub(crate) fn branches(&self) -> BTreeMap<String, String> {
        let said = self.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
        let lines = said.lines().filter_map(|line| line.split_once(' '));
        lines
            .filter_map(|(name, id)| Some((name.strip_prefix("refs/heads/")?, id)))
            .map(|(name, id)| (name.to_owned(), id.to_owned()))
            .collect()
    }

    pub(crate) fn is_ancestor(&self, old: &str, new: &str) -> bool {
        self.remembered(&["merge-base", "--is-ancestor", old, new])
            .is_ok()
    }

    pub(crate) fn merge_base(&self, one: &str, other: &str) -> Option<String> {
        self.remembered(&["merge-base", one, other]).ok()
    }

    /// The full id that a name or short id stands for.
    pub(crate) fn resolve(&self, name: &str) -> Option<String> {
        let name = format!("{name}^{{commit}}");
        self.try_git(&[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &name,
        ])
        .ok()
    }

    /// The tree of both sides merged; none where they conflict.
    pub(crate) fn merged_tree(&self, ours: &str, theirs: &str) -> Option<String> {
        let args = ["merge-tree", "--write-tree", "--no-messages", ours, theirs];
        self.remembered(&args).ok()
    }

    /// The ids of the commits in `head` and not in `base`, oldest first.
    pub(crate) fn between(&self, base: &str, head: &str) -> Vec<String> {
        let range = format!("{base}..{head}");
        let said = self.remembered(&["rev-list", "--reverse", "--topo-order", &range]);
        let said = said.unwrap_or_default();
        said.lines().map(str::to_owned).collect()
    }

    /// What git says about commits named by their full ids: that never changes, so it is asked once.
    fn remembered(&self, args: &[&str]) -> Result<String, String> {
        let question = args.join(" ");
        if let Some(known) = self.said.lock().expect("no panic").get(&question) {
            return known.clone();
        }
        let said = self.try_git(args);
        let mut all = self.said.lock().expect("no panic");
        all.insert(question, said.clone());
        said
    }

    /// One commit; none where there is no such commit.
    pub(crate) fn commit(&self, id: &str) -> Option<Commit> {
        if let Some(known) = self.commits.lock().expect("no panic").get(id) {
            return Some(known.clone());
        }
        let raw = self.try_git_raw(&["cat-file", "commit", id]).ok()?;
        let commit = Commit::parse(id, &String::from_utf8_lossy(&raw));
        self.commits
            .lock()
            .expect("no panic")
            .insert(id.to_owned(), commit.clone());
        Some(commit)
    }

    /// What changes from `old` to `new`, with patches.
    pub(crate) fn diff(&self, old: &str, new: &str) -> Vec<FileChange> {
        let key = (old.to_owned(), new.to_owned());
        if let Some(known) = self.diffs.lock().expect("no panic").get(&key) {
            return known.clone();
        }
        let base = ["diff-tree", "-r", "--no-renames", "--no-color"];
        let raw = self.git(&[&base[..], &["--raw", "--abbrev=40", "-z", old, new]].concat());
        let numbers = self.git(&[&base[..], &["--numstat", "-z", old, new]].concat());
        let text = self.git(&[&base[..], &["--patch", "--no-prefix", old, new]].concat());
        let files = super::diff::read(&raw, &numbers, &text);
        self.diffs
            .lock()
            .expect("no panic")
            .insert(key, files.clone());
        files
    }

    /// Makes a commit.
    pub(crate) fn make(&self, new: &NewCommit) -> String {
        let mut args = vec!["-c", "gpg.format=ssh", "-c"];
        let key = format!("user.signingkey={}", self.key.display());
        args.extend([key.as_str(), "commit-tree"]);
        if new.signed {
            args.push("-S");
        }
        for parent in new.parents {
            args.extend(["-p", parent]);
        }
        args.push(new.tree);
        let mut command = self.command(&args);
        command.envs([
            ("GIT_AUTHOR_NAME", &new.author.name),
            ("GIT_AUTHOR_EMAIL", &new.author.email),
            ("GIT_AUTHOR_DATE", &new.author.date),
            ("GIT_COMMITTER_NAME", &new.committer.name),
            ("GIT_COMMITTER_EMAIL", &new.committer.email),
            ("GIT_COMMITTER_DATE", &new.committer.date),
        ]);
        let said = run(command, new.message.as_bytes()).expect("the commit can be made");
        String::from_utf8_lossy(&said).trim().to_owned()
    }

    /// Moves a branch from what it was (empty: it must not be there) to `new`. False where it moved meanwhile.
    pub(crate) fn move_branch(&self, branch: &str, new: &str, old: &str) -> bool {
        let name = format!("refs/heads/{branch}");
        let nothing = "0".repeat(40);
        let old = if old.is_empty() { &nothing } else { old };
        self.try_git(&["update-ref", &name, new, old]).is_ok()
    }

    /// Deletes a branch.
    pub(crate) fn delete_branch(&self, branch: &str) -> bool {
        let name = format!("refs/heads/{branch}");
        self.try_git(&["update-ref", "-d", &name]).is_ok()
    }

    /// Entries of a folder at a commit (kind, id, size, path), or the one of a file.
    pub(crate) fn list(&self, commit: &str, path: &str) -> Vec<(String, String, u64, String)> {
        let path = path.trim_matches('/');
        let at = if path.is_empty() {
            commit.to_owned()
        } else {
            format!("{commit}:{path}")
        };
        let kind = self.try_git(&["cat-file", "-t", &at]).unwrap_or_default();
        let said = match kind.as_str() {
            "blob" => self.git(&["ls-tree", "-l", "--full-tree", commit, "--", path]),
            "tree" | "commit" => self.git(&["ls-tree", "-l", "--full-tree", &at]),
            _ => return Vec::new(),
        };
        said.lines().filter_map(super::diff::tree_entry).collect()
    }

    /// The bytes of a blob.
    pub(crate) fn blob(&self, id: &str) -> Vec<u8> {
        self.try_git_raw(&["cat-file", "blob", id])
            .unwrap_or_default()
    }

    /// Runs git; its failure is a defect of the stand-in.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.try_git(args)
            .unwrap_or_else(|said| panic!("git {args:?}: {said}"))
    }

    /// Runs git and returns what it printed, or what it complained of.
    pub(crate) fn try_git(&self, args: &[&str]) -> Result<String, String> {
        let said = self.try_git_raw(args)?;
        Ok(String::from_utf8_lossy(&said).trim_end().to_owned())
    }

    fn try_git_raw(&self, args: &[&str]) -> Result<Vec<u8>, String> {
        run(self.command(args), b"")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = plain_git(&self.dir);
        command.args(args);
        command
    }
}

/// Git away from this machine's own configuration.
pub(crate) fn plain_git(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    command
}

/// Runs a command to its end with this input.
pub(crate) fn run(mut command: Command, input: &[u8]) -> Result<Vec<u8>, String> {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().expect("git starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // What ends early does not read its input: that is no error.
    let _written = stdin.write_all(input);
    drop(stdin);
    let out = child.wait_with_output().expect("git ends");
    if out.status.success() {
        Ok(out.stdout)
    } else {
        Err(String::from_utf8_lossy(&out.stderr).trim().to_owned())
    }
}
