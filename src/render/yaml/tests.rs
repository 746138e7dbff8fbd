//! Both paths: what they quote, refuse and agree about.

use super::*;
use serde_json::json;

#[test]
fn what_yaml_1_1_would_change_is_quoted() {
    for text in [
        "no",
        "on",
        "y",
        "1_000",
        "12:30",
        "2024-01-01",
        "0x1F",
        "1234e567",
        "<<",
        "=",
        "~",
        "0644",
    ] {
        let out = emit(&json!({ "v": text })).unwrap();
        assert_eq!(out, format!("v: \"{text}\"\n"));
    }
}

#[test]
fn hostile_strings_come_back_unchanged() {
    for text in [
        "\ta\nb",
        "a: b\n--- c",
        "x\"\n  injected: true",
        "\u{85}\u{2028}\u{feff}",
        " lead",
        "é😀",
        "a\r\nb",
    ] {
        let value = json!({ "data": { "k": text }, text: 1 });
        let out = emit(&value).unwrap();
        assert_eq!(
            serde_yaml::from_str::<Value>(&out).unwrap(),
            value,
            "{text:?}"
        );
    }
}

#[test]
fn duplicate_keys_are_refused_with_their_line() {
    let error = read_value("a: 1\nb: 2\na: 3\n").unwrap_err().to_string();
    assert!(error.contains("line 3"), "{error}");
}

/// Texts that one reader or another of YAML takes for something else.
const ODD: [&str; 72] = [
    "",
    " ",
    "~",
    "=",
    "<<",
    "null",
    "Null",
    "true",
    "True",
    "yes",
    "No",
    "y",
    "N",
    "on",
    "OFF",
    "nan",
    "NaN",
    ".nan",
    "inf",
    ".inf",
    "0",
    "-0",
    "1",
    "-1",
    "007",
    "0644",
    "0o17",
    "0x1F",
    "0b1",
    "1_000",
    "_1",
    "1.5",
    "1.",
    ".5",
    "1e3",
    "1E5",
    "12e03a",
    "4e",
    "0e1",
    "1.0.0",
    "1..2",
    "+1",
    "12:30",
    "190:20:30",
    "2024-01-01",
    "2024-01-01T00:00:00Z",
    "2024-01-01T00:00:00.5Z",
    "8b",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "a: b",
    "a:b",
    "a:",
    "a #b",
    "a#b",
    "# a",
    "- a",
    "-",
    "--- a",
    "...",
    "?",
    "&a",
    "*a",
    "!a",
    "|",
    "'a'",
    "\"a\"",
    "a\\b",
    "a\nb",
    "fc00::/7",
    "K\u{e4}se & Brot",
];

fn random(state: &mut u64) -> usize {
    // xorshift64: the same numbers in every run.
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 33).unwrap()
}

fn odd(state: &mut u64) -> String {
    let text = |state: &mut u64| ODD[random(state) % ODD.len()];
    match random(state) % 8 {
        0 => format!("{}{}", text(state), text(state)),
        1 => format!("word {}", text(state)),
        2 => format!("/{}", text(state)),
        3 => text(state).repeat(30),
        _ => text(state).to_owned(),
    }
}

fn tree(state: &mut u64, depth: usize) -> Value {
    let size = random(state) % 4;
    match random(state) % if depth > 4 { 6 } else { 12 } {
        0 => Value::Null,
        1 => json!(random(state).is_multiple_of(2)),
        2 => json!(random(state)),
        3..=5 => Value::String(odd(state)),
        6..=8 => (0..size).map(|_| tree(state, depth + 1)).collect(),
        _ => Value::Object(
            (0..size)
                .map(|_| (odd(state), tree(state, depth + 1)))
                .collect(),
        ),
    }
}

#[test]
fn the_fast_writer_writes_what_the_careful_one_writes() {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let mut written = 0;
    for _ in 0..20_000 {
        let value = json!({ "metadata": { "name": "a" }, "v": tree(&mut state, 0) });
        let mut text = String::new();
        if writer::write(&Node::from(value.clone()), &mut text).is_some() {
            written += 1;
            assert_eq!(text, emit(&value).unwrap(), "{value}");
        }
    }
    assert!(written > 5_000, "only {written} were written the fast way");
}

#[test]
fn every_odd_text_is_written_and_read_the_same_way() {
    for text in ODD {
        for value in [json!({ "v": text }), json!({ text: [text, { text: 1 }] })] {
            let careful = emit(&value).unwrap();
            let nodes = [Node::from(value.clone())];
            assert_eq!(emit_nodes(&nodes).unwrap(), careful, "{value}");
            assert_eq!(read_value(&careful).unwrap(), value);
            let flow = format!("v: {value}\n");
            assert_eq!(read_value(&flow), read_carefully(&flow), "{flow}");
        }
    }
}

/// What the fast reader makes of a text is what the careful path makes of it.
fn agree(text: &str) -> bool {
    let one = reader::read(text);
    if let Some(node) = &one {
        let careful = read_carefully(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(node.clone().into_value(), careful, "{text:?}");
    }
    if let Some(nodes) = reader::read_all(text) {
        let fast: Vec<Value> = nodes.into_iter().map(Node::into_value).collect();
        assert_eq!(Ok(fast), read_all(text), "{text:?}");
    }
    one.is_some()
}

#[test]
fn the_fast_reader_reads_odd_words_as_the_careful_one_or_not_at_all() {
    for text in ODD.into_iter().filter(|it| !it.contains('\n')) {
        for around in [
            "v: ?\n",
            "v: [?]\n",
            "v: [ ? , a]\n",
            "v: {a: ?}\n",
            "v: {?: a}\n",
            "v: {\"a\":?}\n",
            "?: v\n",
            "? : v\n",
            "- ?\n",
            "v:\n- ?\n",
            "v:\n- ?: a\n  b: c\n",
            "v:\n  - - ?\n    - a\n",
            "v: ?\n  b\n",
            "v: \"?\"\n",
            "v: a ?\n",
            "v: ? # a\n",
            "v:\n  ?\n",
            "v: ?",
            "?: a\n?: b\n",
            "v: ?\n---\nv: ?\n",
        ] {
            agree(&around.replace('?', text));
        }
    }
}

#[test]
fn the_fast_reader_leaves_what_is_unclear_to_the_careful_one() {
    for text in [
        "",
        "a\n",
        "a: &x 1\nb: *x\n",
        "a: !!str 1\n",
        "a: 1\na: 1\n",
        "a: {b: 1, b: 2}\n",
        "a: yes\n",
        "a: 1.5\n",
        "a: 99999999999999999999\n",
        "a: |\n  b\n",
        "a: >-\n  b\n",
        "a: 'b'\n",
        "a:\n",
        "a:\tb\n",
        "a: b\r\n",
        "? a\n: b\n",
        "<<: {a: 1}\n",
        "%YAML 1.2\n---\na: 1\n",
        "---\na: 1\n",
        "a: 1\n---\n",
        "a: 1\n...\n",
        "a: b \n",
        "a: \u{feff}b\n",
        "a: b\u{2028}c\n",
        "a: \"b\n  c\"\n",
        "a: \"\\ud83d\\ude00\"\n",
        "a: {b: 1,}\n",
        "a: [1 2]\n",
        " a: 1\n",
        "a: 1\n b: 2\n",
        "- a\n",
        "1: a\n",
        "true: a\n",
    ] {
        assert!(reader::read(text).is_none(), "{text:?}");
    }
}

const DOCUMENT: &str = "# A record.\napiVersion: fleetwright.dev/v1\nkind: Store\nmetadata: {\"name\":\"a\",\"n\":-12,\"l\":[]}\n\
    spec:\n  host: a.example.com # b\n  hosts:\n  - b.example.com\n  - {a: b, c: [d, 10.0.0.0/8]}\n  - c: \"x: \\u00e9\"\n\
    \n    d:\n      - - 1\n        - e f\n  version: \"1.0.0\"\n  size: 5Gi\n  protected: false\n";

#[test]
fn the_fast_reader_agrees_about_documents_with_random_faults() {
    let mut state = 0x2545_f491_4f6c_dd1d;
    let pieces = [
        " ", "  ", "\n", "\n  ", "\n- ", "- ", ": ", ":", "\"", "\\", "{", "}", "[", "]", ",",
        ", ", "#", " #", "a", "1", "0", "e", "-", ".", "\n---\n", "---", "'", "|", ">", "&a ",
        "*a", "!", "?", "? ", "%", "@", "~", "\t", "\r", "\u{e9}", "\u{85}",
    ];
    let mut read = 0;
    for _ in 0..60_000 {
        let clean = DOCUMENT.replace(" # b", "");
        let mut text = if random(&mut state).is_multiple_of(4) {
            DOCUMENT.to_owned()
        } else {
            clean
        };
        for _ in 0..=random(&mut state) % 3 {
            let from = place(&text, &mut state);
            let to = text.floor_char_boundary(from + random(&mut state) % 9);
            let piece = pieces[random(&mut state) % pieces.len()];
            let copied = text[from..to].to_owned();
            match random(&mut state) % 4 {
                0 => text.insert_str(from, piece),
                1 => text.replace_range(from..to, piece),
                2 => text.replace_range(from..to, ""),
                _ => {
                    let elsewhere = place(&text, &mut state);
                    text.insert_str(elsewhere, &copied);
                }
            }
        }
        read += usize::from(agree(&text));
    }
    assert!(read > 3_000, "only {read} were read the fast way");
}

/// A place in a text at which characters meet.
fn place(text: &str, state: &mut u64) -> usize {
    text.floor_char_boundary(random(state) % (text.len() + 1))
}

/// JSON as requests bring it, with texts of every kind as keys and values.
fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let odd = (0..ODD.len()).prop_map(|at| ODD[at].to_owned());
    let text = prop_oneof![any::<String>(), odd, "[ -~\t\n]{0,12}"].boxed();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        let object = prop::collection::btree_map(text.clone(), inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest::proptest! {
    /// What comes in is what Git says: to our reader, and to the one that reads as Go's does.
    #[test]
    fn every_value_comes_back_unchanged(value in any_json()) {
        let whole = json!({ "values": value });
        let out = emit(&whole).unwrap();
        proptest::prop_assert_eq!(&read_value(&out).unwrap(), &whole);
        let other: Value = serde_yaml::from_str(&out).unwrap();
        proptest::prop_assert_eq!(&other, &whole);
        let node = emit_nodes(&[Node::from(whole.clone())]).unwrap();
        let other: Value = serde_yaml::from_str(&node).unwrap();
        proptest::prop_assert_eq!(&other, &whole);
    }
}
