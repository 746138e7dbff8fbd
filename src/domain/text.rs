//! Characters that make a text look like another one to the person who reads it.
//!
//! What is accepted is reviewed as a diff, in a browser or a terminal. Must not know: which field a text is.

/// Whether a character has no place in a name: whoever reads the name does not see it.
///
/// Control characters (C0, C1, DEL), line and paragraph separators, everything that [`turns`] text around, and marks
/// without a width of their own. Letters of all scripts are fine.
pub fn hidden(c: char) -> bool {
    c.is_control()
        || turns(c)
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Why a character has no place in free text, either; none where it may stand there.
///
/// Tabs and line feeds are text, and so are the joiners that Persian and emoji are written with. Escapes drive
/// terminals, separators other than the line feed make one line look like two (YAML 1.1 §5.4 breaks lines there), and
/// what turns text around shows a reviewer something else than programs read (CVE-2021-42574).
pub fn deceptive(c: char) -> Option<&'static str> {
    match c {
        '\t' | '\n' => None,
        '\r' => Some("a carriage return; end lines with a line feed alone"),
        '\u{85}' | '\u{2028}' | '\u{2029}' => {
            Some("a separator that looks like the end of a line; use a line feed")
        }
        _ if c.is_control() => Some("a control character; leave it out"),
        _ if turns(c) => Some(
            "a character that turns the text around it; leave it out, letters have their own direction",
        ),
        '\u{feff}' => Some("a byte order mark; leave it out"),
        _ => None,
    }
}

/// Embeddings, overrides and isolates of the bidirectional algorithm (UAX #9 §2).
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_all_scripts_are_text_and_tricks_are_not() {
        for text in [
            "Café Ünïcode",
            "فروشگاه می\u{200c}خواهم",
            "חנות",
            "店舗",
            "👩\u{200d}👩\u{200d}👧 ✨",
            "a\tb\nc",
        ] {
            assert_eq!(text.chars().find_map(deceptive), None, "{text}");
        }
        for text in [
            "a\u{0}b",
            "\u{1b}[2J",
            "a\rb",
            "a\u{85}b",
            "a\u{2028}b",
            "\u{202e}txt.exe",
            "\u{2066}a",
            "\u{feff}a",
            "\u{7f}",
            "\u{9b}31m",
        ] {
            assert!(text.chars().any(|c| deceptive(c).is_some()), "{text:?}");
            assert!(text.chars().any(hidden), "{text:?}");
        }
        for name in [
            "al\u{200b}ice",
            "al\u{ad}ice",
            "alice\u{3164}",
            "\u{e0061}alice",
        ] {
            assert!(name.chars().any(hidden), "{name:?}");
        }
        assert!(!"Ann-Sophie Müller ✨ 店".chars().any(hidden));
    }
}
