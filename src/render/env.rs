//! The minijinja environment: strict, and unable to print anything but JSON scalars, maps and lists.

use std::fmt::Write;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

/// Steps one template may take: far more than a store's files need, far fewer than would hold up the writer.
const FUEL: u64 = 200_000;

/// An environment without templates.
pub(super) fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_recursion_limit(50);
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        env.set_syntax(syntax);
    }
    env.set_formatter(json_scalar);
    // With them a template could print text that is not JSON.
    env.remove_filter("safe");
    env.remove_filter("tojson");
    env
}

/// Prints a value as JSON. YAML is a superset of it, but for characters that YAML 1.1 takes for line breaks.
fn json_scalar(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if value.is_undefined() {
        // The engine's own formatter raises the error of a strict environment, with the place.
        return minijinja::escape_formatter(out, state, value);
    }
    // An included template arrives as finished text.
    if value.is_safe() {
        return out
            .write_str(value.as_str().unwrap_or_default())
            .map_err(Error::from);
    }
    if let Some(text) = value.as_str().filter(|it| is_clear(it)) {
        out.write_char('"')?;
        out.write_str(text)?;
        return out.write_char('"').map_err(Error::from);
    }
    let json = serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    if json.is_ascii() && !json.contains('\u{7f}') {
        return out.write_str(&json).map_err(Error::from);
    }
    for c in json.chars() {
        let breaks = matches!(
            c,
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        );
        if breaks {
            write!(out, "\\u{:04x}", u32::from(c))?;
        } else {
            out.write_char(c)?;
        }
    }
    Ok(())
}

/// Whether a text stands between quotes as it is, in JSON and in YAML.
fn is_clear(text: &str) -> bool {
    let clear = |b: u8| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\';
    text.bytes().all(clear)
}
