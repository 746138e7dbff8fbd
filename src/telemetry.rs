//! Logging: text for people at a terminal, one JSON object a line for everything else, always to stderr.
//!
//! Never logged: tokens, bodies, queries, headers.

use std::io::{IsTerminal, stderr};

use serde::Deserialize;
use tracing_subscriber::EnvFilter;

/// The variable that sets the filter, in the words of `tracing_subscriber` (`info`, `fleetwright::git=debug`).
pub const FILTER_VARIABLE: &str = "FLEETWRIGHT_LOG";

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text on a terminal, else JSON.
    #[default]
    Auto,
    /// Text.
    Text,
    /// JSON.
    Json,
}

/// Starts logging. `filter` is the configured one; [`FILTER_VARIABLE`] wins over it.
///
/// # Errors
/// A sentence, when a filter cannot be read.
pub fn start(filter: &str, format: Format) -> Result<(), String> {
    let variable = std::env::var(FILTER_VARIABLE)
        .ok()
        .filter(|it| !it.is_empty());
    let (source, wanted) = match &variable {
        Some(text) => (FILTER_VARIABLE, text.as_str()),
        None => ("telemetry.filter", filter),
    };
    let filter = wanted.parse::<EnvFilter>().map_err(|error| {
        format!("{source} is no log filter: {error}; write something like info or fleetwright::git=debug")
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_target(false);
    let text = format == Format::Text || (format == Format::Auto && stderr().is_terminal());
    // Only a second start fails; the first one then stays.
    let _ = if text {
        lines.with_ansi(stderr().is_terminal()).try_init()
    } else {
        lines.json().flatten_event(true).try_init()
    };
    Ok(())
}
