//! Answers on stdout, in the format the caller asked for.

use std::io::{ErrorKind, Write, stdout};

use serde::Serialize;

use super::args::Format;
use super::failure::Failure;
use crate::render::yaml;

/// What can be printed as a row and by name.
pub(super) trait Listed: Serialize {
    /// The table's heads.
    const HEADS: &'static [&'static str];
    /// The heads of what only a wide table has.
    const WIDE: &'static [&'static str] = &[];
    /// The cells below them.
    fn cells(&self) -> Vec<String>;
    /// The cells below the wide heads.
    fn wide(&self) -> Vec<String> {
        Vec::new()
    }
    /// The name alone.
    fn name(&self) -> String;
}

/// Prints several things; JSON and YAML are lists.
pub(super) fn list<T: Listed>(format: Format, items: &[T]) -> Result<(), Failure> {
    match format {
        Format::Table | Format::Wide => print(&rows(format, items)),
        Format::Name => print(&lines(items.iter().map(Listed::name))),
        Format::Json | Format::Yaml => document(format, &items),
    }
}

/// Prints one thing; `more` follows its row in a table.
pub(super) fn one<T: Listed>(format: Format, item: &T, more: &[String]) -> Result<(), Failure> {
    match format {
        Format::Table | Format::Wide => {
            let row = rows(format, std::slice::from_ref(item));
            print(&format!("{row}{}", lines(more.iter().cloned())))
        }
        Format::Name => print(&lines([item.name()])),
        Format::Json | Format::Yaml => document(format, item),
    }
}

/// Prints something as JSON or YAML; other formats print JSON.
pub(super) fn document<T: Serialize>(format: Format, it: &T) -> Result<(), Failure> {
    let value = serde_json::to_value(it).map_err(Failure::new)?;
    let text = match format {
        Format::Yaml => yaml::emit(&value).map_err(Failure::new)?,
        _ => format!("{value:#}\n"),
    };
    print(&text)
}

/// Writes to stdout. A reader that has gone away (`| head`) is no failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write the answer: {error}")))
        }
        _ => Ok(()),
    }
}

/// Each item on a line of its own.
pub(super) fn lines(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().map(|it| it + "\n").collect()
}

/// Things as a table.
fn rows<T: Listed>(format: Format, items: &[T]) -> String {
    let wide = format == Format::Wide;
    let heads = if wide {
        [T::HEADS, T::WIDE].concat()
    } else {
        T::HEADS.to_vec()
    };
    let cells = |item: &T| {
        let more = if wide { item.wide() } else { Vec::new() };
        [item.cells(), more].concat()
    };
    table(&heads, &items.iter().map(cells).collect::<Vec<_>>())
}

/// Columns as wide as their widest cell; control characters of the server's texts do not reach the terminal.
fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<_> = heads.iter().map(|it| (*it).to_owned()).collect();
    let all: Vec<Vec<String>> = std::iter::once(&head)
        .chain(rows)
        .map(|row| row.iter().map(|it| plain(it)).collect())
        .collect();
    let width = |column: usize| {
        all.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<_> = (0..heads.len()).map(width).collect();
    let row = |cells: &Vec<String>| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines(all.iter().map(row))
}

/// A text without control characters.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_and_hold_no_control_characters() {
        let rows = [
            vec!["a".to_owned(), "ok".to_owned()],
            vec!["long\u{1b}[1m".to_owned(), String::new()],
        ];
        assert_eq!(
            table(&["NAME", "PHASE"], &rows),
            "NAME      PHASE\na         ok\nlong [1m\n"
        );
    }
}
