//! What was measured, as Markdown.

use crate::stats::Spread;

/// How a figure is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// Microseconds, given in seconds.
    Micros,
    /// Milliseconds, given in seconds.
    Millis,
    /// Seconds.
    Seconds,
    /// So many a second.
    PerSecond,
    /// Millions of bytes, given in bytes.
    Megabytes,
    /// Thousands of bytes, given in bytes.
    Kilobytes,
}

/// One line of the table of results.
pub(crate) struct Line {
    /// What was measured.
    pub(crate) figure: String,
    /// On which fleet.
    pub(crate) fleet: String,
    pub(crate) ours: Cell,
    /// The other side and its figure; none where there is none.
    pub(crate) rival: Option<(String, Cell)>,
    /// Of pairs in the same round, and what it is a ratio of.
    pub(crate) ratio: Option<(Spread, &'static str)>,
    /// What the project wants to reach.
    pub(crate) reach: &'static str,
}

/// A figure with its unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell(pub(crate) Spread, pub(crate) Unit);

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(spread, unit) = self;
        let (scale, name) = match unit {
            Unit::Micros => (1e6, " µs"),
            Unit::Millis => (1000.0, " ms"),
            Unit::Seconds => (1.0, " s"),
            Unit::PerSecond => (1.0, "/s"),
            Unit::Megabytes => (1e-6, " MB"),
            Unit::Kilobytes => (1e-3, " kB"),
        };
        let [low, mid, high] = [spread.min, spread.median, spread.max].map(|it| number(it * scale));
        if low == high {
            write!(f, "{mid}{name}")
        } else {
            write!(f, "{mid}{name} [{low}–{high}]")
        }
    }
}

/// The lines and the notes of a run.
#[derive(Default)]
pub(crate) struct Report {
    /// Rows of the table, as Markdown.
    lines: Vec<String>,
    /// Items of the list below it, as Markdown.
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn line(&mut self, line: &Line) {
        let (name, cell) = match &line.rival {
            Some((name, cell)) => (name.as_str(), cell.to_string()),
            None => ("–", String::new()),
        };
        let ratio = line.ratio.map_or_else(String::new, |(it, of)| {
            let [low, mid, high] = [it.min, it.median, it.max].map(number);
            format!("{mid}× [{low}–{high}] {of}")
        });
        self.lines.push(format!(
            "| {} | {} | {} | {name} | {cell} | {ratio} | {} |",
            line.figure, line.fleet, line.ours, line.reach
        ));
    }

    /// A fact that belongs to the figures and fits no column.
    pub(crate) fn note(&mut self, text: &str) {
        self.notes.push(format!("- {text}"));
    }

    /// Takes over what another run of this program printed with [`bare`](Self::bare).
    pub(crate) fn adopt(&mut self, printed: &str) {
        for line in printed.lines() {
            if line.starts_with('|') {
                self.lines.push(line.to_owned());
            } else if line.starts_with('-') {
                self.notes.push(line.to_owned());
            }
        }
    }

    /// How many rows and notes there are.
    pub(crate) fn length(&self) -> (usize, usize) {
        (self.lines.len(), self.notes.len())
    }

    /// What came since the report had this length, one a line.
    pub(crate) fn since(&self, (lines, notes): (usize, usize)) -> String {
        [&self.lines[lines..], &self.notes[notes..]]
            .concat()
            .join("\n")
    }

    /// Rows and notes, one a line, without a head.
    pub(crate) fn bare(&self) -> String {
        self.since((0, 0))
    }

    pub(crate) fn markdown(&self) -> String {
        let (lines, notes) = (self.lines.join("\n"), self.notes.join("\n"));
        format!(
            "\n| figure | fleet | ours | other | other's figure | ratio | reach |\n|---|---|---|---|---|---|---|\n{lines}\n\n{notes}\n"
        )
    }
}

/// Three significant digits, and a comma between thousands.
pub(crate) fn number(value: f64) -> String {
    if value >= 1000.0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive figure, rounded to be read"
        )]
        return thousands(value.round() as usize);
    }
    let digits = match value {
        it if it >= 100.0 => 0,
        it if it >= 10.0 => 1,
        it if it >= 1.0 => 2,
        it if it >= 0.1 => 3,
        _ => 4,
    };
    format!("{value:.digits$}")
}

/// A count with a comma between thousands.
pub(crate) fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
