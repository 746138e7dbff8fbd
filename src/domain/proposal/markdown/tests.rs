//! Hostile text, and what a reader of Markdown would make of what became of it.

use proptest::prelude::*;

use super::*;

#[test]
fn what_means_something_is_only_text() {
    for (text, escaped) in [
        (
            "Ticket 7, as agreed (see mail).",
            "Ticket 7, as agreed (see mail).",
        ),
        ("a\n\n# b\t c\r\n", "a \\#&#8203; b c"),
        (
            "@octocat and @org/team",
            "\\@&#8203;octocat and \\@&#8203;org/team",
        ),
        ("fixes #1", "fixes \\#&#8203;1"),
        ("closes o/r#12, GH-1", "closes o/r\\#&#8203;12, GH-&#8203;1"),
        (
            "fixes https://github.com/o/r/issues/1",
            "fixes https:&#8203;//github.com/o/r/issues/1",
        ),
        ("WWW.evil.example", "WWW&#8203;.evil.example"),
        ("a@b.example", "a\\@&#8203;b.example"),
        ("0123456789abcdef", "012345&#8203;6789ab&#8203;cdef"),
        ("![x](y)", "!\\[x\\](y)"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("&#64;octocat", "&amp;\\#&#8203;64;octocat"),
        ("$x$", "<span>$</span>x<span>$</span>"),
        (":tada: at 10:30", "\\:&#8203;tada: at 10:&#8203;30"),
        ("- [ ] a", "\\- \\[ \\] a"),
        ("1. a", "1\\. a"),
        (
            "`a` **b** ~~c~~ | d",
            "\\`a\\` \\*\\*b\\*\\* \\~\\~c\\~\\~ \\| d",
        ),
        ("back\\slash", "back\\\\slash"),
        ("a\u{202e}b\u{200b}c\u{7}", "a\u{fffd}b\u{fffd}c\u{fffd}"),
        ("می\u{200c}خواهم", "می\u{200c}خواهم"),
    ] {
        assert_eq!(line(text), escaped, "{text:?}");
    }
}

#[test]
fn code_holds_whatever_is_in_it() {
    for (text, escaped) in [
        ("shop", "`shop`"),
        ("@octocat #1", "`@octocat #1`"),
        ("a`b", "``a`b``"),
        ("``", "``` `` ```"),
        ("", "` `"),
        ("a\nb\u{202e}", "`a b\u{fffd}`"),
    ] {
        assert_eq!(code(text), escaped, "{text:?}");
    }
    for (text, escaped) in [
        ("a: 1\n", "```yaml\na: 1\n```\n"),
        ("a", "```yaml\na\n```\n"),
        ("", "```yaml\n```\n"),
        ("````\n```\n", "`````yaml\n````\n```\n`````\n"),
        ("a\u{1b}[2J\r\tb", "```yaml\na\u{fffd}[2J\u{fffd}\tb\n```\n"),
    ] {
        assert_eq!(fenced("yaml", text), escaped, "{text:?}");
    }
    assert_eq!(
        folded("a</summary>&b", "c\n"),
        "<details><summary><code>a&lt;/summary>&amp;b</code></summary>\n\nc\n\n</details>\n"
    );
}

#[test]
fn a_cut_shows() {
    assert_eq!(clipped("abc", 3), "abc");
    assert_eq!(clipped("abcd", 3), "ab…");
}

/// What comes out of Markdown: escapes and entities are gone. A tag splits the text, so it becomes a space.
fn rendered(escaped: &str) -> String {
    let mut out = String::new();
    let mut rest = escaped;
    let tokens = [
        ("&amp;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#8203;", "\u{200b}"),
        ("<span>$</span>", " $ "),
    ];
    while let Some(c) = rest.chars().next() {
        if let Some((token, text)) = tokens.iter().find(|(token, _)| rest.starts_with(token)) {
            out.push_str(text);
            rest = &rest[token.len()..];
        } else if c == '\\' {
            out.extend(rest[1..].chars().next());
            rest = &rest[2..];
        } else {
            assert!(
                !"&<>`*_[]|~$".contains(c),
                "{c} has a meaning in {escaped:?}"
            );
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// What GitHub would still find in it.
fn triggers(text: &str) -> Vec<String> {
    let lower: Vec<char> = text.to_lowercase().chars().collect();
    let mut found = Vec::new();
    for at in 0..lower.len() {
        let rest: String = lower[at..].iter().take(8).collect();
        let second = rest.chars().nth(1);
        let word = second.is_some_and(|c| c.is_ascii_alphanumeric());
        let digit_at = |n: usize| rest.chars().nth(n).is_some_and(|c| c.is_ascii_digit());
        let hit = (rest.starts_with('@') && word)
            || (rest.starts_with('#') && digit_at(1))
            || (rest.starts_with("gh-") && digit_at(3))
            || rest.starts_with("://")
            || rest.starts_with("www.")
            || rest.starts_with("mailto:") && rest.len() > 7 && !rest.ends_with(['\u{200b}', ' '])
            || rest.chars().take(7).filter(char::is_ascii_hexdigit).count() == 7
            || (rest.starts_with(':') && second.is_some_and(|c| c.is_ascii_lowercase()));
        if hit {
            found.push(rest);
        }
    }
    found
}

/// Text made of what an attacker would write.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "@",
        "octocat",
        "#",
        "1",
        "GH-",
        "gh",
        "-",
        "fixes ",
        "o/r",
        "https",
        ":",
        "//",
        "www",
        ".",
        "mailto:",
        "deadbeef",
        "0123456789abcdef0123456789abcdef01234567",
        "`",
        "```",
        "~~~",
        "\n",
        "\r",
        " ",
        "\t",
        "<",
        ">",
        "<!--",
        "-->",
        "&",
        "&#64;",
        "\\",
        "*",
        "_",
        "[x](y)",
        "![",
        "|",
        "$",
        ":tada:",
        "\u{202e}",
        "\u{200b}",
        "\u{2028}",
        "1. ",
        "- [ ] ",
        "===",
        "# ",
        "> ",
        "+ ",
    ]);
    let any = prop::collection::vec(pieces.prop_map(str::to_owned), 0..24);
    prop_oneof![any.prop_map(|it| it.concat()), ".{0,60}"]
}

proptest! {
    #[test]
    fn whatever_goes_in_triggers_nothing(text in hostile()) {
        let escaped = line(&text);
        prop_assert!(!escaped.chars().any(char::is_control));
        prop_assert!(!escaped.starts_with(['#', '-', '+', '=', '>', ' ', ':']), "{escaped:?}");
        let list = escaped.trim_start_matches(|c: char| c.is_ascii_digit());
        prop_assert!(list.len() == escaped.len() || !list.starts_with(['.', ')']), "{escaped:?}");
        let seen = rendered(&escaped);
        prop_assert_eq!(triggers(&seen), Vec::<String>::new(), "{:?}", escaped);
        // And it is still what was written.
        let blank = |text: &str| text.replace([' ', '\u{200b}'], "");
        prop_assert_eq!(blank(&seen), blank(&one_line(&text)));
    }

    #[test]
    fn nothing_gets_out_of_code(text in hostile()) {
        let span = code(&text);
        let ticks = span.len() - span.trim_start_matches('`').len();
        prop_assert!(span.ends_with(&"`".repeat(ticks)));
        let inside = &span[ticks..span.len() - ticks];
        prop_assert!(longest_run(inside) < ticks, "{span:?}");
        prop_assert!(!inside.starts_with('`') && !inside.ends_with('`') && !inside.is_empty());
        prop_assert!(!span.contains(['\n', '\r']));

        let block = fenced("diff", &text);
        let ticks = block.len() - block.trim_start_matches('`').len();
        let lines: Vec<&str> = block.lines().collect();
        let (first, last) = (lines[0], lines[lines.len() - 1]);
        prop_assert_eq!(first, format!("{}diff", "`".repeat(ticks)));
        prop_assert_eq!(last, "`".repeat(ticks));
        let closes = |line: &&str| line.trim_start().starts_with(&"`".repeat(ticks));
        prop_assert!(!lines[1..lines.len() - 1].iter().any(closes));
        prop_assert!(!block.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')));
    }
}
