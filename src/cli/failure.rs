//! Failures of a command: one line on stderr and an exit code.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// How a command ended that is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failed,
    Usage,
    WaitingForApproval,
    TimedOut,
}

/// Why a command is not done, as one sentence.
#[derive(Debug)]
pub(super) struct Failure {
    kind: Kind,
    message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Failure {
    /// It failed (exit code 1).
    pub(super) fn new(message: impl fmt::Display) -> Self {
        Self::of(Kind::Failed, &message)
    }

    /// It was called wrongly (exit code 2).
    pub(super) fn usage(message: impl fmt::Display) -> Self {
        Self::of(Kind::Usage, &message)
    }

    /// People must approve first (exit code 3).
    pub(super) fn waiting_for_approval(message: impl fmt::Display) -> Self {
        Self::of(Kind::WaitingForApproval, &message)
    }

    /// It did not get there in time (exit code 4).
    pub(super) fn timed_out(message: impl fmt::Display) -> Self {
        Self::of(Kind::TimedOut, &message)
    }

    fn of(kind: Kind, message: &dyn fmt::Display) -> Self {
        let lines = message.to_string();
        let parts: Vec<_> = lines
            .lines()
            .map(str::trim)
            .filter(|it| !it.is_empty())
            .collect();
        Self {
            kind,
            message: parts.join(" "),
        }
    }

    /// Prints the line and gives the code.
    pub(super) fn report(&self) -> ExitCode {
        let word = if self.kind == Kind::WaitingForApproval {
            "waiting"
        } else {
            "error"
        };
        let _ = writeln!(std::io::stderr(), "{word}: {}", self.message);
        ExitCode::from(match self.kind {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::WaitingForApproval => 3,
            Kind::TimedOut => 4,
        })
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(format!("{error:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line() {
        assert_eq!(Failure::new("a\n  b\n\n").message, "a b");
    }
}
