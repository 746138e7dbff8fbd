//! Answers that are long, and what they hold until they are read: so many at once, for one caller and for all.
//!
//! A client that asks for lists and reads none holds each answer for as long as the server has patience with it. So an
//! answer has its turn from before it is made until its last byte is with the system. Must not know: what is listed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::problem::Problem;
use crate::domain::request::{Caller, Role};

/// Long answers of one caller at once.
const EACH: usize = 32;
/// Long answers of all callers at once. A page of 200 stores has some 400 KB, so this is 50 MB.
const ALL: usize = 128;
/// How long a request waits for its turn: what is read is gone in milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// Callers whose turns are remembered before those without any are forgotten.
const CALLERS: usize = 1024;

/// Routes whose answers may be long.
const LONG: [&str; 16] = [
    "/",
    "/stores/{name}",
    "/metrics",
    "/api/v1/stores",
    "/api/v1/stores/{name}/changes",
    "/api/v1/stores/{name}/history",
    "/api/v1/stores/{name}/events",
    "/api/v1/stores/{name}/manifests",
    "/api/v1/changes",
    "/api/v1/clusters",
    "/api/v1/plans",
    "/api/v1/engines",
    "/api/v1/audit",
    "/api/v1/foreign",
    "/api/v1/orphans",
    "/api/v1/tokens",
];

/// Whether answers of a route may be long.
pub(super) fn is_long(route: &str) -> bool {
    LONG.contains(&route)
}

/// The turns that are left.
#[derive(Debug)]
pub(super) struct Unread {
    all: Arc<Semaphore>,
    each: usize,
    callers: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// The right to one long answer.
#[derive(Debug)]
pub(super) struct Turn(
    #[expect(dead_code, reason = "they are given back when the turn is dropped")]
    [OwnedSemaphorePermit; 2],
);

impl Unread {
    /// All of them. Where limits are lifted one caller may have them all; memory stays bounded.
    pub(super) fn new(lifted: bool) -> Self {
        Self {
            all: Arc::new(Semaphore::new(ALL)),
            each: if lifted { ALL } else { EACH },
            callers: Mutex::default(),
        }
    }

    /// Waits for a caller's turn.
    pub(super) async fn turn(&self, caller: &Caller) -> Result<Turn, Problem> {
        let own = self.of(holder(caller));
        let both = async {
            let own = own.acquire_owned().await?;
            let one = Arc::clone(&self.all).acquire_owned().await?;
            Ok::<_, tokio::sync::AcquireError>(Turn([own, one]))
        };
        let late = |_| {
            let detail = "long answers that were asked for before are not read yet; read them, and try again";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(header::RETRY_AFTER, "10")
        };
        let turn = timeout(PATIENCE, both).await.map_err(late)?;
        turn.map_err(|_| Problem::internal())
    }

    fn of(&self, holder: String) -> Arc<Semaphore> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= CALLERS {
            // Whoever waits or has a turn holds a handle of their own.
            callers.retain(|_, it| Arc::strong_count(it) > 1);
        }
        let fresh = || Arc::new(Semaphore::new(self.each));
        Arc::clone(callers.entry(holder).or_insert_with(fresh))
    }
}

/// Who a share belongs to: a merchant is an owner, whatever their tokens.
pub(super) fn holder(caller: &Caller) -> String {
    match caller.role {
        Role::Merchant => format!("owner:{}", caller.owner),
        _ => caller.subject.clone(),
    }
}

/// An answer's bytes, with the turn that they have until the last of them is sent.
struct Held {
    bytes: Bytes,
    _turn: Turn,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Has an answer keep its turn until it is sent.
pub(super) async fn held(response: Response, turn: Turn) -> Response {
    let (parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Problem::internal().into_response();
    };
    let body = if bytes.is_empty() {
        Body::empty()
    } else {
        Body::from(Bytes::from_owner(Held { bytes, _turn: turn }))
    };
    Response::from_parts(parts, body)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn caller(subject: &str, role: Role) -> Caller {
        Caller {
            subject: subject.to_owned(),
            role,
            owner: "ann".parse().expect("an owner"),
        }
    }

    /// Whether a caller gets a turn without waiting.
    fn taken(unread: &Unread, caller: &Caller) -> Option<Turn> {
        let turn = tokio::task::unconstrained(unread.turn(caller));
        turn.now_or_never().and_then(Result::ok)
    }

    async fn bytes_of(turn: Turn) -> Bytes {
        let response = held("a long answer".into_response(), turn).await;
        let bytes = to_bytes(response.into_body(), 100).await;
        bytes.expect("the answer")
    }

    #[tokio::test]
    async fn an_answer_has_its_turn_until_the_last_of_it_is_let_go() {
        let unread = Unread::new(false);
        let ann = caller("token:a", Role::Merchant);
        // Given a caller with as many unread answers as one may have.
        let mut answers = Vec::new();
        for _ in 0..EACH {
            let turn = taken(&unread, &ann).expect("a turn");
            answers.push(bytes_of(turn).await);
        }
        // Then there is none more for this owner, and there are for others.
        let also = caller("token:b", Role::Merchant);
        assert!(taken(&unread, &ann).is_none() && taken(&unread, &also).is_none());
        let operator = caller("token:c", Role::Operator);
        assert!(taken(&unread, &operator).is_some());
        // When a part of one answer is left, then it still counts.
        let rest = answers[0].slice(5..);
        answers.remove(0);
        assert!(taken(&unread, &ann).is_none());
        drop(rest);
        assert!(taken(&unread, &ann).is_some());
    }

    #[tokio::test]
    async fn all_together_have_their_bound() {
        let unread = Unread::new(false);
        let mut turns = Vec::new();
        for number in 0..ALL {
            let caller = caller(&format!("token:{}", number % 8), Role::Operator);
            turns.push(taken(&unread, &caller).expect("a turn"));
        }
        let another = caller("token:x", Role::Operator);
        assert!(taken(&unread, &another).is_none());
        turns.pop();
        assert!(taken(&unread, &another).is_some());
    }
}
