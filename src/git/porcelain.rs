//! Reading what `git push --porcelain` prints (git-push(1), OUTPUT). Pure: text in, outcome out.

use super::outcome::{PushOutcome, Refusal, last_words};

/// Why a reference was not moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Somebody else was faster.
    Raced,
    /// Refused only because another reference of the same atomic push was.
    Dragged,
    /// For a reason of its own.
    Refused,
    /// The server ended before it reported.
    Unknown,
}

/// Reads a push that ended: `success` is git's exit status. `None` when its output says nothing about references;
/// then [`failure`](super::outcome::failure) reads its messages.
pub(super) fn read(success: bool, stdout: &str, stderr: &str) -> Option<PushOutcome> {
    let moved = STALE.iter().any(|sign| stderr.contains(sign));
    let lines: Vec<_> = stdout.lines().filter_map(porcelain_line).collect();
    let refused = lines.iter().filter(|line| line.refused);
    let mut judged: Vec<_> = refused
        .map(|line| (verdict(line.reason, moved), line))
        .collect();
    if judged
        .iter()
        .all(|(verdict, _)| *verdict == Verdict::Dragged)
    {
        // The whole transaction failed; only the messages tell why.
        let cause = if moved {
            Verdict::Raced
        } else {
            Verdict::Refused
        };
        for (verdict, _) in &mut judged {
            *verdict = cause;
        }
    }
    let with = |wanted| {
        judged
            .iter()
            .filter(move |(verdict, _)| *verdict == wanted)
            .map(|(_, line)| *line)
    };

    let refusals: Vec<_> = with(Verdict::Refused).map(Line::refusal).collect();
    if !refusals.is_empty() {
        return Some(PushOutcome::Denied {
            refusals,
            said: server_said(stderr),
        });
    }
    let references: Vec<_> = with(Verdict::Raced)
        .map(|line| line.reference.to_owned())
        .collect();
    if !references.is_empty() {
        return Some(PushOutcome::LostRace { references });
    }
    if with(Verdict::Unknown).next().is_some() {
        return Some(PushOutcome::Unreachable {
            detail: last_words(stderr),
        });
    }
    (success && !lines.is_empty()).then_some(PushOutcome::Pushed)
}

/// What became of one reference of a push that is not atomic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Moved {
    /// It is where it was pushed to.
    Yes,
    /// It was not where it was expected.
    Raced,
    /// The server refuses it, for this reason.
    Refused(String),
    /// The server ended before it said.
    Unknown,
}

/// Reads a push whose references moved each by itself: their full names, and what became of them.
pub(super) fn each(stdout: &str, stderr: &str) -> Vec<(String, Moved)> {
    let moved = STALE.iter().any(|sign| stderr.contains(sign));
    let lines = stdout.lines().filter_map(porcelain_line);
    let told = lines.map(|line| {
        let what = match (line.refused, verdict(line.reason, moved)) {
            (false, _) => Moved::Yes,
            (true, Verdict::Raced) => Moved::Raced,
            (true, Verdict::Unknown) => Moved::Unknown,
            (true, Verdict::Refused | Verdict::Dragged) => {
                Moved::Refused(format!("{} {}", line.reason, server_said(stderr)))
            }
        };
        (line.reference.to_owned(), what)
    });
    told.collect()
}

/// One line of `git push --porcelain` about a reference.
struct Line<'a> {
    refused: bool,
    reference: &'a str,
    reason: &'a str,
}

impl Line<'_> {
    fn refusal(&self) -> Refusal {
        Refusal {
            reference: self.reference.to_owned(),
            reason: self.reason.to_owned(),
        }
    }
}

/// Reads `<flag>\t<from>:<to>\t<summary> (<reason>)`; other lines are not about a reference.
fn porcelain_line(line: &str) -> Option<Line<'_>> {
    let mut fields = line.splitn(3, '\t');
    let (flag, names, summary) = (fields.next()?, fields.next()?, fields.next()?);
    let (_, reference) = names.rsplit_once(':')?;
    let reason = summary
        .split_once('(')
        .map_or(summary, |(_, rest)| rest.strip_suffix(')').unwrap_or(rest));
    let known = matches!(flag, " " | "*" | "=" | "!" | "+" | "-");
    known.then_some(Line {
        refused: flag == "!",
        reference,
        reason,
    })
}

/// What a server says when a reference moved between its advertisement and its update.
const STALE: [&str; 3] = [
    "but expected",
    "reference already exists",
    "incorrect old value",
];
/// What it says about a reference that it could not move, for whatever reason.
const FAILED_UPDATE: &str = "failed to update ref";

/// What a refusal means; `moved` when the server's messages say that a reference moved meanwhile.
fn verdict(reason: &str, moved: bool) -> Verdict {
    const RACED: [&str; 4] = [
        "fetch first",
        "non-fast-forward",
        "stale info",
        "cannot lock ref",
    ];
    const DRAGGED: [&str; 3] = [
        "atomic push failed",
        "atomic push failure",
        "atomic transaction failed",
    ];
    let is = |signs: &[&str]| signs.iter().any(|sign| reason.contains(sign));
    if is(&DRAGGED) {
        Verdict::Dragged
    } else if is(&RACED) || is(&STALE) || (moved && reason == FAILED_UPDATE) {
        Verdict::Raced
    } else if reason.contains("failed to report status") {
        Verdict::Unknown
    } else {
        Verdict::Refused
    }
}

/// The lines that came from the server, without git's own.
fn server_said(stderr: &str) -> String {
    let lines = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote:"))
        .map(str::trim);
    lines
        .filter(|line| !line.is_empty())
        .take(40)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: &str = "To http://h/fleet.git\n";
    const A: &str = "0123456789012345678901234567890123456789";

    /// Standard output of a push of two references, from what it says about each.
    fn said(main: &str, deploy: &str) -> String {
        let line = |text: &str, name: &str| {
            let (flag, summary) = text.split_at(1);
            format!("{flag}\t{A}:refs/heads/{name}\t{}\n", summary.trim_start())
        };
        format!("{TO}{}{}", line(main, "main"), line(deploy, "deploy/eu"))
    }

    /// An outcome in a few words.
    fn told(outcome: Option<PushOutcome>) -> String {
        match outcome {
            None => "nothing".to_owned(),
            Some(PushOutcome::LostRace { references }) => format!("lost {}", references.join(" ")),
            Some(PushOutcome::Denied { refusals, said }) => {
                let refusals: Vec<_> = refusals
                    .iter()
                    .map(|r| format!("{}: {}", r.reference, r.reason))
                    .collect();
                format!("denied {} | {said}", refusals.join(", "))
            }
            Some(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn a_push_s_report_is_read_line_by_line() {
        let declined = "! [remote rejected] (pre-receive hook declined)";
        let dragged = "! [remote rejected] (atomic push failure)";
        let protected = "! [remote rejected] (protected branch hook declined)";
        let whole = "! [remote rejected] (atomic transaction failed)";
        let hook = "remote: GH006: Protected branch update failed.        \nremote: \nerror: failed to push some refs\n";
        let moved =
            "remote: error: cannot lock ref 'refs/heads/main': is at 1 but expected 2        \n";
        for (success, main, deploy, stderr, outcome) in [
            (true, "  0123456..89abcde", "* [new branch]", "", "Pushed"),
            (true, "= [up to date]", "= [up to date]", "", "Pushed"),
            (
                false,
                "! [rejected] (fetch first)",
                "! [rejected] (atomic push failed)",
                "",
                "lost refs/heads/main",
            ),
            (
                false,
                "! [rejected] (non-fast-forward)",
                "! [rejected] (atomic push failed)",
                "",
                "lost refs/heads/main",
            ),
            (
                false,
                "! [rejected] (stale info)",
                dragged,
                "",
                "lost refs/heads/main",
            ),
            (
                false,
                "! [remote rejected] (failed to update ref)",
                dragged,
                moved,
                "lost refs/heads/main",
            ),
            (
                false,
                whole,
                whole,
                moved,
                "lost refs/heads/main refs/heads/deploy/eu",
            ),
            (
                false,
                protected,
                dragged,
                hook,
                "denied refs/heads/main: protected branch hook declined | GH006: Protected branch update failed.",
            ),
            (
                false,
                declined,
                declined,
                "",
                "denied refs/heads/main: pre-receive hook declined, refs/heads/deploy/eu: pre-receive hook declined | ",
            ),
            (
                false,
                "! [remote rejected] (failed to update ref)",
                dragged,
                "remote: error: disk full\n",
                "denied refs/heads/main: failed to update ref | error: disk full",
            ),
            (
                false,
                whole,
                whole,
                "",
                "denied refs/heads/main: atomic transaction failed, refs/heads/deploy/eu: atomic transaction failed | ",
            ),
            (
                false,
                "! [remote failure] (remote failed to report status)",
                "! [remote failure] (remote failed to report status)",
                "fatal: the remote end hung up unexpectedly\n",
                "Unreachable { detail: \"fatal: the remote end hung up unexpectedly\" }",
            ),
        ] {
            let stdout = said(main, deploy) + if success { "Done\n" } else { "" };
            assert_eq!(
                told(read(success, &stdout, stderr)),
                outcome,
                "{stdout}{stderr}"
            );
        }
        // After a broken connection git may still say this, and it means nothing.
        assert_eq!(
            told(read(
                false,
                "Everything up-to-date\n",
                "fatal: the remote end hung up\n"
            )),
            "nothing"
        );
    }
}
