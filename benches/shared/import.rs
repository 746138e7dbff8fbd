//! `git fast-import` as a long-lived process: the fastest way into a repository that git itself offers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use anyhow::{Context as _, Result, ensure};
use fleetwright::plan::Edit;

use crate::fleet::Batch;
use crate::git;

/// How one importer differs from git's defaults.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tuning {
    /// Settings, as in `-c name=value`.
    pub(crate) settings: &'static [&'static str],
    /// Options of fast-import.
    pub(crate) options: &'static [&'static str],
}

/// A running `git fast-import`.
pub(crate) struct Importer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    checkpoints: usize,
}

impl Importer {
    pub(crate) fn start(repo: &Path, tuning: Tuning) -> Result<Self> {
        let mut command = git::command(repo);
        for setting in tuning.settings {
            command.args(["-c", setting]);
        }
        let mut child = command
            .args(["fast-import", "--quiet"])
            .args(tuning.options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("git fast-import does not start")?;
        let input = child.stdin.take().context("fast-import has an input")?;
        let output = child.stdout.take().context("fast-import has an output")?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
            checkpoints: 0,
        })
    }

    /// CPU time used so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        crate::machine::cpu_seconds(self.child.id())
    }

    pub(crate) fn send(&mut self, stream: &[u8]) -> Result<()> {
        self.input
            .write_all(stream)
            .context("fast-import ended early")
    }

    /// Has everything sent so far written, synced and shown by its branches, and waits for that.
    pub(crate) fn checkpoint(&mut self) -> Result<()> {
        self.checkpoints += 1;
        let told = format!("progress {}\n", self.checkpoints);
        self.send(format!("checkpoint\n{told}").as_bytes())?;
        let mut line = String::new();
        while line != told {
            line.clear();
            let read = self.output.read_line(&mut line)?;
            ensure!(read > 0, "fast-import ended before its checkpoint");
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        drop(self.input);
        ensure!(self.child.wait()?.success(), "fast-import failed");
        Ok(())
    }
}

/// What one file of a commit holds.
pub(crate) enum Content<'a> {
    /// The blob that was sent with this mark.
    Mark(usize),
    /// These bytes.
    Inline(&'a [u8]),
}

/// Adds a blob with a mark.
pub(crate) fn blob(stream: &mut Vec<u8>, mark: usize, bytes: &[u8]) {
    stream.extend_from_slice(format!("blob\nmark :{mark}\n").as_bytes());
    data(stream, bytes);
}

/// Adds a commit on top of a branch.
pub(crate) fn commit<'a>(
    stream: &mut Vec<u8>,
    branch: &str,
    seconds: i64,
    message: &str,
    files: impl Iterator<Item = (&'a str, Content<'a>)>,
) {
    let head = format!(
        "commit refs/heads/{branch}\ncommitter Fleetwright <fleetwright@localhost> {seconds} +0000\n"
    );
    stream.extend_from_slice(head.as_bytes());
    data(stream, message.as_bytes());
    for (path, content) in files {
        match content {
            Content::Mark(mark) => {
                stream.extend_from_slice(format!("M 100644 :{mark} {path}\n").as_bytes());
            }
            Content::Inline(bytes) => {
                stream.extend_from_slice(format!("M 100644 inline {path}\n").as_bytes());
                data(stream, bytes);
            }
        }
    }
    stream.push(b'\n');
}

/// Makes a branch of the repository known to the importer.
pub(crate) fn known_branch(stream: &mut Vec<u8>, branch: &str) {
    let text = format!("reset refs/heads/{branch}\nfrom refs/heads/{branch}^0\n\n");
    stream.extend_from_slice(text.as_bytes());
}

fn data(stream: &mut Vec<u8>, bytes: &[u8]) {
    stream.extend_from_slice(format!("data {}\n", bytes.len()).as_bytes());
    stream.extend_from_slice(bytes);
    stream.push(b'\n');
}

/// Adds a batch: a commit per change on main, a commit per touched cluster on its deploy branch. Each content is sent
/// once, though two branches hold it. `mark` is the last mark in use, and moves on.
pub(crate) fn batch(stream: &mut Vec<u8>, batch: &Batch, mark: &mut usize, seconds: i64) {
    let mut marks = std::collections::BTreeMap::new();
    for change in &batch.changes {
        for (path, edit) in &change.main {
            if let Edit::Put(bytes) = edit {
                *mark += 1;
                blob(stream, *mark, bytes);
                marks.insert(path.as_str(), *mark);
            }
        }
        let files = change.main.keys();
        let files = files.map(|path| (path.as_str(), Content::Mark(marks[path.as_str()])));
        commit(stream, "main", seconds, &change.message, files);
    }
    for (cluster, edits) in &batch.deploys {
        let files = edits.keys();
        let files = files.map(|path| (path.as_str(), Content::Mark(marks[path.as_str()])));
        let text = format!("deploy to {cluster}\n\nFleetwright-Sequence: {mark}\n");
        commit(stream, &format!("deploy/{cluster}"), seconds, &text, files);
    }
}
