//! The check on people's own pull requests: whether main would take the records that they edit.
//!
//! It says what main would say, and decides nothing: a head of somebody else's is never adopted or merged. A rule of the
//! repository may require it, so a pull request that edits no record has it as well. Must not know: how records are
//! judged.

use std::collections::{BTreeMap, BTreeSet};

use super::advance::Context;
use super::judge::{Judged, judge};
use super::open::RENDER;
use super::outside::{Done, is_ours};
use super::{Trouble, book};
use crate::domain::CommitId;
use crate::domain::forge::{Annotation, CheckReport, Conclusion, Pull, PullState};
use crate::domain::proposal::identity::subject;
use crate::domain::proposal::markdown;

/// The most records that are looked at; a reviewer is shown no more either.
const MOST: usize = 250;
/// The most files that GitHub lists of a pull request.
const LISTED: usize = 3_000;
/// The most faults that the text lists.
const SHOWN: usize = 50;

/// Judges a pull request at its head and publishes that, unless it is ours or `known` is its head.
pub(super) async fn report(
    context: &Context,
    number: u64,
    known: Option<&CommitId>,
) -> Result<Done, Trouble> {
    let pull = context.forge.pull(number).await?;
    let theirs =
        pull.state == PullState::Open && pull.base == "main" && !is_ours(&context.core, &pull);
    if !theirs || known == Some(&pull.head) {
        return Ok(Done::Over);
    }
    let report = conclusion_on(context, &pull).await?;
    context.forge.report(&pull.head, &report).await?;
    explain(context, &pull, &report).await?;
    Ok(Done::Checked(number, pull.head))
}

/// Says at a commit of the merge queue what the check says of the person's pull request that it ends with.
pub(super) async fn report_on_group(
    context: &Context,
    number: u64,
    group: &CommitId,
) -> Result<(), Trouble> {
    let pull = context.forge.pull(number).await?;
    let report = conclusion_on(context, &pull).await?.urgent();
    Ok(context.forge.report(group, &report).await?)
}

/// What the check says of a pull request at its head.
async fn conclusion_on(context: &Context, pull: &Pull) -> Result<CheckReport, Trouble> {
    let files = context.forge.files(pull.number).await?;
    let listed = files.len();
    let records: BTreeSet<String> = files
        .into_iter()
        .filter(|it| it.starts_with("stores/"))
        .collect();
    Ok(if records.is_empty() && listed < LISTED {
        let title = "no record of a store is changed";
        CheckReport::new(RENDER, Conclusion::Neutral, title)
    } else if records.len() > MOST || listed >= LISTED {
        let title = format!(
            "too much to look at: at most {MOST} records, and less than {LISTED} files; split it"
        );
        CheckReport::new(RENDER, Conclusion::Failure, title)
    } else {
        conclusion(&judged(context, pull, records).await?)
    })
}

async fn judged(
    context: &Context,
    pull: &Pull,
    paths: BTreeSet<String>,
) -> Result<Judged, Trouble> {
    let mut files = BTreeMap::new();
    for path in paths {
        let file = context.forge.file(&path, &pull.head).await?;
        files.insert(path, file);
    }
    let (core, subject) = (context.core.clone(), subject(&pull.author));
    book::blocking(move || judge(&core, &subject, &files)).await
}

/// A commit status has no room for lines: with a token they are told by a comment, once for each head.
async fn explain(context: &Context, pull: &Pull, report: &CheckReport) -> Result<(), Trouble> {
    let access = context.core.settings.forge.as_ref();
    let has_checks = access.is_some_and(|it| it.app().is_some());
    if has_checks || !context.speaks() || report.conclusion != Conclusion::Failure {
        return Ok(());
    }
    let text = format!("At {}: {}\n\n{}", pull.head, report.title, report.summary);
    let said = context.forge.comments(pull.number).await?;
    if said.iter().any(|it| it.body.trim() == text.trim()) {
        return Ok(());
    }
    context.forge.say(pull.number, &text).await?;
    Ok(())
}

fn conclusion(judged: &Judged) -> CheckReport {
    let Judged {
        good,
        faults,
        needed,
    } = judged;
    if faults.is_empty() {
        let title = format!("{} would be accepted", records(good.len()));
        let summary = match needed {
            None => "The policy asks for no approval.".to_owned(),
            Some(needed) => format!(
                "On main this needs {}. Approvals of this pull request's last head count.",
                markdown::line(&needed.sentence())
            ),
        };
        return CheckReport {
            summary,
            ..CheckReport::new(RENDER, Conclusion::Success, title)
        };
    }
    let bad: BTreeSet<&str> = faults.iter().map(|it| it.path.as_str()).collect();
    let title = format!("{} would have no effect on main", records(bad.len()));
    CheckReport {
        summary: summary(faults),
        annotations: faults.clone(),
        ..CheckReport::new(RENDER, Conclusion::Failure, title)
    }
}

fn summary(faults: &[Annotation]) -> String {
    let lines = faults.iter().take(SHOWN).map(|it| {
        let place = markdown::code(&format!("{}:{}", it.path, it.line));
        let message = markdown::line(&markdown::clipped(&it.message, 500));
        format!("- {place} {message}\n")
    });
    let mut text: String = lines.collect();
    if faults.len() > SHOWN {
        text.push_str(&format!("- and {} more\n", faults.len() - SHOWN));
    }
    text
}

fn records(count: usize) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} record{s}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::approval::Needed;

    #[test]
    fn what_main_would_say_is_said_before_the_merge() {
        let needed = Needed {
            approvals: 1,
            teams: vec!["platform".to_owned()],
            ..Needed::default()
        };
        let good = Judged {
            good: vec!["a".parse().unwrap(), "b".parse().unwrap()],
            needed: Some(needed),
            ..Judged::default()
        };
        let report = conclusion(&good);
        assert_eq!(report.conclusion, Conclusion::Success);
        assert_eq!(report.title, "2 records would be accepted");
        assert!(
            report.summary.contains("approval by 1 person (platform)"),
            "{}",
            report.summary
        );
    }

    #[test]
    fn faults_are_annotations_and_hostile_text_among_them_does_nothing() {
        let fault = |line, message: &str| Annotation {
            path: "stores/aa/a.yaml".to_owned(),
            line,
            message: message.to_owned(),
        };
        let faults = vec![
            fault(3, "/spec/plan must be one of small"),
            fault(4, "@everyone fixes #1\n# x"),
        ];
        let judged = Judged {
            good: vec!["b".parse().unwrap()],
            faults: faults.clone(),
            needed: None,
        };
        let report = conclusion(&judged);
        assert_eq!(report.conclusion, Conclusion::Failure);
        assert_eq!(report.title, "1 record would have no effect on main");
        assert_eq!(report.annotations, faults);
        assert!(!report.summary.contains("@everyone"), "{}", report.summary);
        assert_eq!(report.summary.lines().count(), 2, "{}", report.summary);
    }
}
