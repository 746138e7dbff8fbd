//! The git program, away from the configuration of this machine and its users.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// What a layer that makes syncs slower needs: whoever runs beneath it passes it on.
pub(crate) const SLOWNESS: [&str; 2] = ["LD_PRELOAD", "FLEETWRIGHT_SYNC_US"];

/// A git command in a folder, with a fixed author and no settings but the repository's own.
pub(crate) fn command(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(dir).env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.envs([
        ("HOME", "/nonexistent"),
        ("LC_ALL", "C"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
    ]);
    for name in SLOWNESS {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Fleetwright");
        command.env(format!("GIT_{role}_EMAIL"), "fleetwright@localhost");
    }
    command
}

/// Runs git to its end and gives what it printed.
pub(crate) fn run(dir: &Path, args: &[&str]) -> Result<String> {
    let output = command(dir)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .context("git does not start")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {args:?} failed: {said}");
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned())
}

/// Every branch with the tree of its head, one a line: equal texts, equal files.
pub(crate) fn trees(repo: &Path) -> Result<String> {
    run(
        repo,
        &["for-each-ref", "--format=%(refname) %(tree)", "refs/heads"],
    )
}

/// The commit that a branch is at.
pub(crate) fn head(repo: &Path, branch: &str) -> Result<String> {
    run(repo, &["rev-parse", "--verify", branch])
}

/// The object that a path of main is, `stores` or `clusters` say.
pub(crate) fn folder(repo: &Path, path: &str) -> Result<String> {
    run(repo, &["rev-parse", "--verify", &format!("main:{path}")])
}

/// Fails where a commit since `base` changed another number of files than `files`; gives how many commits there are.
pub(crate) fn each_changes(repo: &Path, base: &str, files: usize) -> Result<usize> {
    let range = format!("{base}..HEAD");
    let said = run(repo, &["log", "--format=%x00%H", "--name-only", &range])?;
    let mut count = 0;
    for commit in said.split('\0').skip(1) {
        let mut lines = commit.lines().filter(|it| !it.is_empty());
        let id = lines.next().unwrap_or_default();
        let changed = lines.count();
        ensure!(
            changed == files,
            "{id} in {} changed {changed} files, not {files}",
            repo.display()
        );
        count += 1;
    }
    Ok(count)
}

/// Reads every blob below `dir` of main by `ls-tree` and `cat-file`; gives how many there were, and their bytes.
pub(crate) fn read_all(repo: &Path, dir: &str) -> Result<(usize, usize)> {
    let mut list = command(repo)
        .args(["ls-tree", "-r", "--object-only", "main", dir])
        .stdout(Stdio::piped())
        .spawn()?;
    let names = list.stdout.take().context("ls-tree has an output")?;
    let mut cat = command(repo)
        .args(["cat-file", "--batch", "--buffer"])
        .stdin(names)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = Vec::new();
    cat.stdout
        .take()
        .context("cat-file has an output")?
        .read_to_end(&mut said)?;
    ensure!(
        cat.wait()?.success() && list.wait()?.success(),
        "git failed"
    );
    let (mut count, mut bytes, mut rest) = (0, 0, said.as_slice());
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let head = std::str::from_utf8(&rest[..end])?;
        let size: usize = head
            .rsplit(' ')
            .next()
            .and_then(|it| it.parse().ok())
            .context("cat-file tells a size")?;
        (count, bytes) = (count + 1, bytes + size);
        rest = rest.get(end + size + 2..).unwrap_or_default();
    }
    Ok((count, bytes))
}
