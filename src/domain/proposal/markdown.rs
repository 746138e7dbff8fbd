//! Other people's text, put into GitHub's Markdown so that it is read and does nothing.
//!
//! Markdown's own escapes are not enough: mentions, references and emoji are looked for in what comes out of it, where
//! a backslash or an entity is gone again. There a zero-width space breaks them, and code is left alone. Facts: GitHub
//! Flavored Markdown §6.9 (autolinks); GitHub Docs, "Autolinked references and URLs" and "Writing mathematical
//! expressions". Must not know: what a text is about.

use crate::domain::text::hidden;

/// Breaks what GitHub would link, and is not seen. Written as an entity, so that it shows in the source.
const BREAK: &str = "&#8203;";

/// Commits are linked by seven or more of their hex digits.
const HEX_RUN: usize = 6;

/// A text as one line of prose.
pub fn line(text: &str) -> String {
    let text: Vec<char> = one_line(text).chars().collect();
    let mut out = String::new();
    let mut hex = 0;
    for (at, c) in text.iter().enumerate() {
        hex = if c.is_ascii_hexdigit() { hex + 1 } else { 0 };
        if hex > HEX_RUN {
            out.push_str(BREAK);
            hex = 1;
        }
        push(&mut out, *c, &text[..at], text.get(at + 1).copied());
    }
    out
}

/// Adds a character so that it is only itself, whatever stands around it.
fn push(out: &mut String, c: char, before: &[char], next: Option<char>) {
    let previous = before.last();
    let digit_before = previous.is_some_and(char::is_ascii_digit);
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        // Escapes are no help against mathematics.
        '$' => out.push_str("<span>$</span>"),
        '@' | '#' => {
            out.push('\\');
            out.push(c);
            out.push_str(BREAK);
        }
        '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' => {
            out.push('\\');
            out.push(c);
        }
        // What makes a list, a heading or a rule of a line that begins with it.
        '-' | '+' | '=' | ':' if previous.is_none() => {
            out.push('\\');
            out.push(c);
            if c == ':' {
                out.push_str(BREAK);
            }
        }
        '.' | ')' if digit_before => {
            out.push('\\');
            out.push(c);
        }
        // Schemes and emoji.
        ':' if next.is_some_and(|it| it != ' ') => {
            out.push(c);
            out.push_str(BREAK);
        }
        // GH-12, and what a repository itself may have GitHub link.
        '-' if previous.is_some_and(char::is_ascii_alphabetic)
            && next.is_some_and(|it| it.is_ascii_digit()) =>
        {
            out.push(c);
            out.push_str(BREAK);
        }
        // Before the dot: `www.` alone begins a link, whatever follows.
        '.' if is_www(before) => {
            out.push_str(BREAK);
            out.push(c);
        }
        _ => out.push(c),
    }
}

fn is_www(before: &[char]) -> bool {
    let w = |c: &char| c.eq_ignore_ascii_case(&'w');
    before.len() >= 3 && before.iter().rev().take(3).all(w)
}

/// A text as code within a line: the way for names. Not for tables, whose bars go first.
pub fn code(text: &str) -> String {
    let text = one_line(text);
    let ticks = "`".repeat(longest_run(&text) + 1);
    if text.is_empty() {
        return "` `".to_owned();
    }
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Several lines as code of their own. `language` colours it, as in `diff` or `yaml`.
pub fn fenced(language: &'static str, text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| {
            if matches!(c, '\n' | '\t') {
                c
            } else {
                visible(c)
            }
        })
        .collect();
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    let end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

/// Markdown that is folded below one line of code.
pub fn folded(summary: &str, markdown: &str) -> String {
    let text = one_line(summary);
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    // Markdown is read again only after an empty line.
    format!("<details><summary><code>{text}</code></summary>\n\n{markdown}\n</details>\n")
}

/// At most so many characters of a text, with a sign where it was cut.
pub fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// A text on one line, with a sign in place of every character that nobody sees.
fn one_line(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { visible(c) })
        .collect();
    let words: Vec<&str> = text.split(' ').filter(|it| !it.is_empty()).collect();
    words.join(" ")
}

/// The character, or U+FFFD for one that is not seen. Persian and emoji are written with the two joiners.
fn visible(c: char) -> char {
    let joiner = matches!(c, '\u{200c}' | '\u{200d}');
    if hidden(c) && !joiner { '\u{fffd}' } else { c }
}

/// The longest run of backticks in a text.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`');
    runs.map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests;
