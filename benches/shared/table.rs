//! The rows of a benchmark, measured one after the other and printed as a table.

use anyhow::{Result, bail, ensure};

use crate::options::Options;
use crate::report::Report;
use crate::{machine, tell};

/// A row's name and whatever measures it.
pub(crate) type Rows<'a, R> = &'a [(&'static str, R)];

/// Measures the rows that are asked for and prints what came of it; `samples` are those of the disk.
///
/// A row that fails ends nothing: hours of the others' figures must not go with it. The run fails at its end.
pub(crate) fn print<R: Copy>(
    rows: Rows<'_, R>,
    options: &Options,
    samples: usize,
    run: impl FnMut(R, &mut Report) -> Result<()>,
) -> Result<()> {
    known(rows, &options.rows)?;
    let facts = machine::facts()?;
    let before = machine::sync_cost(samples)?;
    let mut report = Report::default();
    let failed = measure(rows, &options.rows, &mut report, run);
    if options.bare {
        println!("{}", report.bare());
        ensure!(failed.is_empty(), "rows failed: {}", failed.join(", "));
        return Ok(());
    }
    println!("## The machine\n");
    for fact in facts {
        println!("- {fact}");
    }
    println!("- before the rows: {before}");
    println!("- after the rows: {}", machine::sync_cost(samples)?);
    println!(
        "\n## The figures\n\nMedians, with least and greatest.\n{}",
        report.markdown()
    );
    ensure!(failed.is_empty(), "rows failed: {}", failed.join(", "));
    Ok(())
}

/// Checks names of rows.
fn known<R>(rows: Rows<'_, R>, names: &[String]) -> Result<()> {
    for name in names {
        if !rows.iter().any(|(row, _)| row == name) {
            let rows: Vec<&str> = rows.iter().map(|(row, _)| *row).collect();
            bail!("there is no row {name:?}; the rows are {}", rows.join(", "));
        }
    }
    Ok(())
}

/// Measures the named rows; all of them where none is named. Gives the rows that failed.
fn measure<R: Copy>(
    rows: Rows<'_, R>,
    names: &[String],
    report: &mut Report,
    mut run: impl FnMut(R, &mut Report) -> Result<()>,
) -> Vec<&'static str> {
    let mut failed = Vec::new();
    for (name, row) in rows {
        if names.is_empty() || names.iter().any(|it| it == name) {
            tell(&format!("row {name}"));
            let before = report.length();
            if let Err(error) = run(*row, report) {
                tell(&format!("row {name} failed: {error:#}"));
                report.note(&format!("row `{name}` failed: {error:#}"));
                failed.push(*name);
            }
            // Whoever ends the run early keeps what was measured.
            tell(&report.since(before));
        }
    }
    failed
}
