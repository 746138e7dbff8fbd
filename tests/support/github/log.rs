//! What was asked, by whom, and what came back.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// A request to the API, or a push.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LoggedCall {
    pub(crate) at: Timestamp,
    pub(crate) method: String,
    /// The path below the API's base.
    pub(crate) path: String,
    pub(crate) query: String,
    /// Such as `installation:20123001`, `user:1001`, `app:123001`, `anonymous`.
    pub(crate) identity: String,
    /// 0 while there is no answer, and for ever when there is none.
    pub(crate) status: u16,
    /// What was sent, where it is JSON; the commands of a push.
    pub(crate) request: Value,
    /// What came back, where it is JSON and not large.
    pub(crate) answer: Value,
}

/// All of them, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) calls: Vec<LoggedCall>,
}

/// Larger answers are not kept, in bytes.
const LARGEST: usize = 256 * 1024;

impl Log {
    /// A request came in; the number is for [`Log::end`].
    pub(crate) fn begin(&mut self, method: &str, path: &str, query: &str, request: Value) -> usize {
        self.calls.push(LoggedCall {
            at: Timestamp::now(),
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            identity: "anonymous".to_owned(),
            status: 0,
            request,
            answer: Value::Null,
        });
        self.calls.len() - 1
    }

    /// Whose it is.
    pub(crate) fn identify(&mut self, number: usize, identity: &str) {
        identity.clone_into(&mut self.calls[number].identity);
    }

    /// Its answer.
    pub(crate) fn end(&mut self, number: usize, status: u16, body: &[u8]) {
        let call = &mut self.calls[number];
        call.status = status;
        if body.len() <= LARGEST {
            call.answer = serde_json::from_slice(body).unwrap_or(Value::Null);
        }
    }
}
