//! What can become of a fetch or a push, as data; and what git's messages (in the C locale) mean. Pure.

use super::CommandError;

/// What became of a push. All references moved, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum PushOutcome {
    /// Every reference is where it was pushed to.
    Pushed,
    /// Somebody else moved these first: fetch, and derive anew on their tips.
    LostRace {
        /// The references' full names.
        references: Vec<String>,
    },
    /// The server refuses these, and would again: a protected branch, a hook, a read-only repository.
    Denied {
        /// The references that were refused for a reason of their own.
        refusals: Vec<Refusal>,
        /// What the server's hooks said, without secrets.
        said: String,
    },
    /// Nothing is known: fetch and look whether the commits are there before trying again.
    TimedOut,
    /// The server was not reached, or the connection broke; as after [`TimedOut`](Self::TimedOut), look first.
    Unreachable {
        /// Git's message, without secrets.
        detail: String,
    },
}

/// One reference that the server refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its full name.
    pub reference: String,
    /// The server's reason.
    pub reason: String,
}

/// Why the remote could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The address is none that git can fetch from.
    #[error("{url:?} is no address of a Git repository: {rule}")]
    BadUrl {
        /// The address, without secrets.
        url: String,
        /// The rule it breaks, as a sentence.
        rule: &'static str,
    },
    /// No connection, or it broke.
    #[error("the remote {url} can't be reached: {detail}")]
    Unreachable {
        /// The address, without secrets.
        url: String,
        /// Git's message.
        detail: String,
    },
    /// The credentials are missing, wrong, or not enough.
    #[error(
        "the remote {url} refuses the credentials: check the token or key and its rights ({detail})"
    )]
    Denied {
        /// The address, without secrets.
        url: String,
        /// Git's message.
        detail: String,
    },
    /// Nothing that git knows is there.
    #[error(
        "there is no Git repository at {url}, or it is hidden from these credentials ({detail})"
    )]
    NotARepository {
        /// The address, without secrets.
        url: String,
        /// Git's message.
        detail: String,
    },
    /// A branch that was asked for by name is not there.
    #[error("the remote {url} has no such branch ({detail})")]
    NoSuchBranch {
        /// The address, without secrets.
        url: String,
        /// Git's message.
        detail: String,
    },
    /// The deadline passed.
    #[error("the remote {url} did not answer within {seconds} s")]
    TimedOut {
        /// The address, without secrets.
        url: String,
        /// The time it had.
        seconds: u64,
    },
    /// The local git program could not be run.
    #[error(transparent)]
    Program(#[from] CommandError),
    /// Git failed for another reason.
    #[error("git failed with the remote {url}: {detail}")]
    Failed {
        /// The address, without secrets.
        url: String,
        /// Git's message.
        detail: String,
    },
}

/// Git's last words: the lines that say what went wrong, in one line.
pub(super) fn last_words(stderr: &str) -> String {
    let lines: Vec<_> = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let told = |line: &&&str| {
        ["fatal:", "error:", "remote:", "ssh:"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let mut words: Vec<&str> = lines.iter().filter(told).copied().collect();
    if words.is_empty() {
        words = lines;
    }
    let text = words.join("; ");
    let text = if text.is_empty() {
        "git said nothing".to_owned()
    } else {
        text
    };
    text.chars().filter(|c| !c.is_control()).take(600).collect()
}

/// What a failed command's messages mean.
pub(super) fn failure(url: &str, stderr: &str) -> RemoteError {
    const DENIED: [&str; 7] = [
        "Authentication failed",
        "could not read Username",
        "could not read Password",
        "returned error: 401",
        "returned error: 403",
        "Permission denied (",
        "Host key verification failed",
    ];
    const NOTHING: [&str; 6] = [
        "does not appear to be a git repository",
        "is this a git repository",
        "' not found",
        "returned error: 404",
        "Repository not found",
        "does not exist",
    ];
    const UNREACHABLE: [&str; 8] = [
        "unable to access",
        "Could not read from remote repository",
        "hung up unexpectedly",
        "RPC failed",
        "early EOF",
        "unexpected disconnect",
        "Connection reset",
        "expected flush after",
    ];
    let says = |signs: &[&str]| signs.iter().any(|sign| stderr.contains(sign));
    let (url, detail) = (url.to_owned(), last_words(stderr));
    if says(&DENIED) {
        RemoteError::Denied { url, detail }
    } else if stderr.contains("couldn't find remote ref") {
        RemoteError::NoSuchBranch { url, detail }
    } else if says(&NOTHING) {
        RemoteError::NotARepository { url, detail }
    } else if says(&UNREACHABLE) {
        RemoteError::Unreachable { url, detail }
    } else {
        RemoteError::Failed { url, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_sorted_by_what_to_do_about_them() {
        let kind = |stderr: &str| match failure("http://h/x", stderr) {
            RemoteError::Denied { .. } => "denied",
            RemoteError::NotARepository { .. } => "nothing",
            RemoteError::NoSuchBranch { .. } => "branch",
            RemoteError::Unreachable { .. } => "unreachable",
            _ => "failed",
        };
        for (stderr, wanted) in [
            (
                "fatal: could not read Username for 'http://h': terminal prompts disabled",
                "denied",
            ),
            ("fatal: Authentication failed for 'http://h/x/'", "denied"),
            (
                "remote: Permission to o/r.git denied to bot.\nfatal: unable to access 'https://h/': The requested URL \
                 returned error: 403",
                "denied",
            ),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                "denied",
            ),
            (
                "remote: Repository not found.\nfatal: repository 'https://h/x/' not found",
                "nothing",
            ),
            (
                "fatal: '/x' does not appear to be a git repository\nfatal: Could not read from remote repository.",
                "nothing",
            ),
            ("fatal: couldn't find remote ref refs/heads/nope", "branch"),
            (
                "fatal: unable to access 'https://h/': Could not resolve host: h",
                "unreachable",
            ),
            (
                "fatal: unable to access 'https://h/': The requested URL returned error: 503",
                "unreachable",
            ),
            (
                "error: RPC failed; curl 56 Recv failure: Connection reset by peer",
                "unreachable",
            ),
            (
                "ssh: connect to host h port 22: No route to host\nfatal: Could not read from remote repository.",
                "unreachable",
            ),
            (
                "fatal: the receiving end does not support --atomic push",
                "failed",
            ),
            (
                "error: unable to write file: No space left on device",
                "failed",
            ),
            ("", "failed"),
        ] {
            assert_eq!(kind(stderr), wanted, "{stderr}");
        }
        assert_eq!(
            last_words("Counting objects\nerror: one\n\nfatal: two\x1b[0m\n"),
            "error: one; fatal: two[0m"
        );
    }
}
