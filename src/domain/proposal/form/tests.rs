//! Filled forms as GitHub writes them, and as people could.

use serde_json::json;

use super::*;

const TICKED: &str = "- [X] The price of the plan counts against my budget";

/// A form with these answers, and all others empty.
fn form(answers: &[(&str, &str)]) -> String {
    let answer = |field: &Field| {
        let empty = if field.kind == Kind::Consent {
            TICKED
        } else {
            NOTHING
        };
        let given = answers.iter().find(|(id, _)| *id == field.id);
        let text = given.map_or(empty, |(_, text)| text);
        format!("### {}\n\n{text}", field.heading)
    };
    FIELDS.iter().map(answer).collect::<Vec<_>>().join("\n\n")
}

/// Stands for the reader that the workflow has.
fn yaml(text: &str) -> Result<Value, String> {
    serde_yaml::from_str(text).map_err(|error| error.to_string())
}

fn wrong(text: &str) -> Vec<(String, String)> {
    let found = read(text, yaml).expect_err("it is not taken");
    found
        .into_iter()
        .map(|it| (it.pointer, it.detail))
        .collect()
}

#[test]
fn a_filled_form_is_a_request() {
    let text = form(&[
        ("name", "shop"),
        ("engine", "woocommerce"),
        ("plan", "large"),
        ("host", "shop.example.com"),
        (
            "values",
            "```yaml\ntitle: My shop\nadmin:\n  user: ann\n```",
        ),
        ("reason", "Grew out of the old one"),
    ]);
    let filled = read(&text, yaml).expect("it is taken");
    let expected: CreateRequest = serde_json::from_value(json!({
        "name": "shop", "engine": "woocommerce", "plan": "large", "host": "shop.example.com",
        "values": {"title": "My shop", "admin": {"user": "ann"}},
    }))
    .unwrap();
    assert_eq!(filled.request, expected);
    assert_eq!(filled.reason.as_deref(), Some("Grew out of the old one"));
    let windows = text.replace('\n', "\r\n");
    assert_eq!(read(&windows, yaml), Ok(filled));
}

#[test]
fn what_is_left_out_is_left_to_the_policy() {
    let least = form(&[("engine", "woocommerce")]);
    let expected: CreateRequest = serde_json::from_value(json!({"engine": "woocommerce"})).unwrap();
    for text in [
        least.clone(),
        least.replace("- [X]", "- [x]"),
        form(&[("engine", "woocommerce"), ("values", "```yaml\n\n```")]),
        form(&[("engine", "woocommerce"), ("values", "```yaml\n```")]),
        form(&[("engine", "woocommerce"), ("name", "")]),
        format!("\n{least}\n"),
    ] {
        let filled = read(&text, yaml).expect(&text);
        assert_eq!(filled.request, expected, "{text}");
        assert_eq!(filled.reason, None);
    }
}

#[test]
fn fields_that_are_wrong_are_told_together() {
    for (answer, pointer, detail) in [
        (("engine", NOTHING), "/engine", "must be filled in"),
        (("plan", "a\nb"), "/plan", "must be one line"),
        (
            ("name", &*"a".repeat(41)),
            "/name",
            "must have at most 40 characters",
        ),
        (
            ("values", "title: x"),
            "/values",
            "without fences of your own",
        ),
        (
            ("values", "```yaml\na: 1\n```\n```yaml\nb: 1\n```"),
            "/values",
            "without fences of your own",
        ),
        (("values", "```yaml\n- a\n```"), "/values", "must be a map"),
        (("values", "```yaml\na: [\n```"), "/values", "is no YAML"),
        (("reason", &*"a".repeat(201)), "/reason", "at most 200"),
        (("reason", "a\u{202e}b"), "/reason", "nobody sees"),
        (
            ("cost", &*TICKED.replace('X', " ")),
            "/cost",
            "must be filled in",
        ),
        (
            ("cost", "- [x] Something else"),
            "/cost",
            "must be the one box",
        ),
        (
            ("cost", &*format!("{TICKED}\n{TICKED}")),
            "/cost",
            "must be the one box",
        ),
    ] {
        let text = form(&[answer, ("engine", "woocommerce")]);
        let found = wrong(&text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, pointer);
        assert!(found[0].1.contains(detail), "{found:?}");
    }
    let found = wrong(&form(&[("plan", "a\nb"), ("values", "x")]));
    let places: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(places, ["/engine", "/plan", "/values"]);
}

#[test]
fn headings_come_once_each_and_in_order() {
    let form = form(&[("engine", "woocommerce")]);
    let long = format!("{form}\n{}", "x".repeat(LONGEST));
    for (text, said) in [
        (String::new(), "ends before \"Name\""),
        ("Hello".to_owned(), "text before the first heading"),
        (format!("Hello\n{form}"), "text before the first heading"),
        (
            form.replace("### Plan", "### Cluster"),
            "\"Cluster\" where \"Plan\" belongs",
        ),
        (
            form.replace("### Plan", "### plan"),
            "\"plan\" where \"Plan\" belongs",
        ),
        (
            form.replace("### Plan", "## Plan"),
            "\"Cluster\" where \"Plan\" belongs",
        ),
        // Whoever writes headings into a field answers later fields twice.
        (
            form.replace("### Plan", "### Plan\n\nlarge\n\n### Plan"),
            "\"Plan\" where \"Cluster\" belongs",
        ),
        (
            form.replace("### Host", "### Owner\n\nalice\n\n### Host"),
            "\"Owner\" where \"Host\" belongs",
        ),
        (
            format!("{form}\n\n### Owner\n\nalice"),
            "\"Owner\" where nothing more belongs",
        ),
        (
            form.split("### Cost").next().unwrap().to_owned(),
            "ends before \"Cost\"",
        ),
        (long, "longer than"),
    ] {
        let found = wrong(&text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "");
        assert!(found[0].1.contains(said), "{found:?}");
    }
}

#[test]
fn the_reply_names_fields_as_the_form_does_and_repeats_nothing_harmful() {
    let text = reply(&[
        Violation::new("", "the form has the heading \"@octocat\""),
        Violation::new("/engine", "must be filled in"),
        Violation::new("/values/title", "fixes #1"),
        Violation::new("/owner", "you may create stores for yourself only"),
    ]);
    assert_eq!(
        text,
        "This request was not taken:
- the form has the heading \"\\@&#8203;octocat\"
- Engine: must be filled in
- Settings, title: fixes \\#&#8203;1
- owner: you may create stores for yourself only

What an issue says after it was opened is not read: open a new one.
"
    );
}

#[test]
fn the_form_that_init_writes_has_the_fields_that_are_read() {
    let file = include_str!("../../../../fleet/.github/ISSUE_TEMPLATE/store.yml");
    let file: Value = serde_yaml::from_str(file).unwrap();
    assert_eq!(file["labels"], json!([LABEL]));
    let body = file["body"].as_array().unwrap();
    assert_eq!(body.len(), FIELDS.len());
    for (entry, field) in body.iter().zip(&FIELDS) {
        let attributes = &entry["attributes"];
        assert_eq!(entry["id"], field.id);
        assert_eq!(attributes["label"], field.heading);
        let (kind, required) = match field.kind {
            Kind::Line => ("input", &entry["validations"]["required"]),
            Kind::Yaml => ("textarea", &entry["validations"]["required"]),
            Kind::Consent => ("checkboxes", &attributes["options"][0]["required"]),
        };
        assert_eq!(entry["type"], kind);
        assert_eq!(
            required.as_bool().unwrap_or(false),
            field.required,
            "{}",
            field.id
        );
        assert_eq!(
            attributes["render"] == "yaml",
            field.kind == Kind::Yaml,
            "{}",
            field.id
        );
        if field.kind == Kind::Consent {
            assert_eq!(attributes["options"][0]["label"], CONSENT);
        }
    }
}
