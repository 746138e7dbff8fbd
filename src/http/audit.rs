//! `GET /api/v1/audit`: who did what, when and why, as JSON or for a spreadsheet.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::app::App;
use super::auth::Signed;
use super::params::Params;
use super::problem::Problem;
use super::render::blocking;
use crate::domain::audit::{AuditFilter, Kind};
use crate::domain::view::Page;

/// The columns of the audit's commits, as in JSON.
const COMMITS: [&str; 15] = [
    "at",
    "actor",
    "action",
    "store",
    "uid",
    "change",
    "step",
    "commit",
    "reason",
    "approvedBy",
    "title",
    "foreign",
    "author",
    "signer",
    "adopts",
];
/// The columns of refusals and sign-ins.
const ROWS: [&str; 9] = [
    "seq", "at", "kind", "subject", "action", "store", "status", "detail", "hash",
];

/// `GET /api/v1/audit`
pub(super) async fn audit(
    State(app): State<Arc<App>>,
    Signed(caller): Signed,
    mut params: Params,
) -> Result<Response, Problem> {
    let filter = AuditFilter {
        actor: params.text("actor"),
        action: params.text("action"),
        store: params.id("store"),
        commit: params.id("commit"),
        since: time(&mut params, "since"),
        until: time(&mut params, "until"),
    };
    let kind = match params.text("kind").as_deref() {
        None | Some("changes") => None,
        Some("refusals") => Some(Kind::Refusal),
        Some("sign-ins") => Some(Kind::SignIn),
        Some(_) => {
            params.wrong("kind", "must be changes, refusals or sign-ins");
            None
        }
    };
    let format = params.text("format");
    if !matches!(format.as_deref(), None | Some("json" | "csv")) {
        params.wrong("format", "must be json or csv");
    }
    let csv = format.as_deref() == Some("csv");
    let paging = params.paging();
    params.finish()?;
    let (limit, cursor) = (paging.limit, paging.cursor);
    match kind {
        None => {
            let read = move || app.fleet.audit(&caller, &filter, limit, cursor.as_deref());
            answer(blocking(read).await??, csv, &COMMITS)
        }
        Some(kind) => {
            let read = move || {
                app.fleet
                    .noted(&caller, kind, &filter, limit, cursor.as_deref())
            };
            answer(blocking(read).await??, csv, &ROWS)
        }
    }
}

fn time(params: &mut Params, name: &'static str) -> Option<Timestamp> {
    let text = params.text(name)?;
    let time = text.parse().ok();
    if time.is_none() {
        params.wrong(name, "must be a time like 2026-01-31T12:00:00Z");
    }
    time
}

fn answer<T: Serialize>(page: Page<T>, csv: bool, columns: &[&str]) -> Result<Response, Problem> {
    if !csv {
        return Ok(Json(page).into_response());
    }
    let mut text = columns.join(",") + "\r\n";
    for item in &page.items {
        let row = serde_json::to_value(item).map_err(|_| Problem::internal())?;
        let fields: Vec<String> = columns.iter().map(|it| field(&row[it])).collect();
        text.push_str(&fields.join(","));
        text.push_str("\r\n");
    }
    let media = "text/csv; charset=utf-8; header=present";
    let mut response = ([(header::CONTENT_TYPE, media)], text).into_response();
    // A table has no place for a cursor (RFC 8288 has: its target is the same query with it).
    let next = page
        .next
        .map(|next| format!("<?cursor={next}>; rel=\"next\""));
    if let Some(link) = next.and_then(|it| HeaderValue::from_str(&it).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// One field (RFC 4180 §2). A text that a spreadsheet would take for a formula gets an apostrophe before it.
fn field(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("; "),
        other => return other.to_string(),
    };
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let text = if formula { format!("'{text}") } else { text };
    if text.contains([',', '"', '\r', '\n', '\'']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_quoted_and_no_formula_gets_through() {
        let table = [
            (json!(null), ""),
            (json!(7), "7"),
            (json!(true), "true"),
            (json!("plain"), "plain"),
            (json!("a,b"), "\"a,b\""),
            (json!("say \"x\"\nand"), "\"say \"\"x\"\"\nand\""),
            (json!("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\""),
            (json!("+1"), "\"'+1\""),
            (json!("-1"), "\"'-1\""),
            (json!("@a"), "\"'@a\""),
            (json!("\t=1"), "\"'\t=1\""),
        ];
        for (value, text) in table {
            assert_eq!(field(&value), text, "{value}");
        }
    }
}
