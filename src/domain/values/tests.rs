//! What values may hold, as a table.

use serde_json::json;

use super::*;

fn texts(values: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in values.as_object().expect("an object") {
        let pointer = member("/values", key);
        let mut texts = Texts {
            found: &mut found,
            told: 0,
        };
        texts.key(key, &pointer);
        texts.value(value, &pointer, 1);
    }
    found.into_iter().map(|it| it.pointer).collect()
}

#[test]
fn texts_that_deceive_are_found_wherever_they_are() {
    let table = [
        (
            json!({"title": "Café\n\tund mehr ✨", "no": "yes", "1e3": "0644"}),
            vec![],
        ),
        (json!({"title": "a\u{202e}b"}), vec!["/values/title"]),
        (json!({"a": [{"b/c": "\u{0}"}]}), vec!["/values/a/0/b~1c"]),
        (json!({"a\u{200b}": 1}), vec!["/values/a\u{200b}"]),
        (
            json!({"a": {"line\nbreak": "x"}}),
            vec!["/values/a/line\nbreak"],
        ),
    ];
    for (values, pointers) in table {
        assert_eq!(texts(&values), pointers, "{values}");
    }
}

#[test]
fn nesting_ends_and_long_lists_of_faults_do_too() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(texts(&json!({"a": nested(DEPTH)})).len(), 0);
    assert_eq!(texts(&json!({"a": nested(DEPTH + 1)})).len(), 1);
    assert_eq!(texts(&json!({"a": vec!["\u{0}"; 1000]})).len(), TOLD);
}
