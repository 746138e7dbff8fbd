//! The git program as a person uses it, away from this machine's own configuration.

use std::path::Path;
use std::process::Command;

/// Runs git and returns what it printed; a failure fails the test.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let (ok, said) = try_git(dir, args);
    assert!(ok, "git {args:?} in {}: {said}", dir.display());
    said
}

/// Runs git and returns whether it succeeded, with everything it printed.
pub(crate) fn try_git(dir: &Path, args: &[&str]) -> (bool, String) {
    let out = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .envs([
            ("GIT_AUTHOR_NAME", "Ann"),
            ("GIT_AUTHOR_EMAIL", "ann@example.com"),
        ])
        .envs([
            ("GIT_COMMITTER_NAME", "Ann"),
            ("GIT_COMMITTER_EMAIL", "ann@example.com"),
        ])
        .output()
        .expect("git runs");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    (out.status.success(), said.trim().to_owned())
}

/// A person's clone, brought up to date, changed, committed and pushed.
pub(crate) struct Person<'a> {
    /// Where the clone is.
    pub(crate) clone: std::path::PathBuf,
    url: &'a str,
}

impl<'a> Person<'a> {
    /// Clones `url` below `dir`.
    pub(crate) fn clones(url: &'a str, dir: &Path) -> Self {
        let clone = dir.join("ann");
        git(dir, &["clone", "--quiet", url, "ann"]);
        Self { clone, url }
    }

    /// Changes files on a branch and pushes them, unsigned; again on top when somebody else was faster.
    pub(crate) fn pushes(&self, branch: &str, message: &str, change: &dyn Fn(&Path)) -> String {
        for _ in 0..20 {
            git(
                &self.clone,
                &[
                    "fetch",
                    "--quiet",
                    self.url,
                    &format!("+refs/heads/{branch}:refs/remotes/origin/{branch}"),
                ],
            );
            git(
                &self.clone,
                &[
                    "checkout",
                    "--quiet",
                    "-B",
                    branch,
                    &format!("origin/{branch}"),
                ],
            );
            change(&self.clone);
            git(&self.clone, &["add", "--all"]);
            git(
                &self.clone,
                &["commit", "--quiet", "--allow-empty", "--message", message],
            );
            let (ok, _) = try_git(
                &self.clone,
                &[
                    "push",
                    "--quiet",
                    self.url,
                    &format!("HEAD:refs/heads/{branch}"),
                ],
            );
            if ok {
                return git(&self.clone, &["rev-parse", "HEAD"]);
            }
        }
        panic!("somebody else was faster twenty times");
    }
}
