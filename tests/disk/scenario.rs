//! What clients ask for while the disk is watched, and how they note what was accepted.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::api::{Answer, Api};
use crate::trace::{Op, mark};

/// A request that was answered with 202.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    /// The change.
    pub(crate) change: String,
    /// The store it is about.
    pub(crate) store: String,
    /// How many commits it becomes: a deletion has two.
    pub(crate) commits: usize,
    /// Its place in the trace: whatever is cut later must not lose it.
    pub(crate) at: usize,
}

/// A client that notes what was accepted in the order of the trace.
pub(crate) struct Client<'t> {
    pub(crate) api: Api,
    pub(crate) trace: &'t Path,
}

impl Client<'_> {
    pub(crate) fn create(&self, store: &str) -> Answer {
        let body = json!({"name": store, "engine": "woocommerce"});
        self.note(store, 1, self.api.try_post("/api/v1/stores", &body))
    }

    pub(crate) fn change(&self, store: &str, plan: &str) -> Answer {
        let path = format!("/api/v1/stores/{store}");
        self.note(store, 1, Ok(self.api.patch(&path, &json!({"plan": plan}))))
    }

    pub(crate) fn delete(&self, store: &str) -> Answer {
        let path = format!("/api/v1/stores/{store}");
        self.note(store, 2, Ok(self.api.delete(&path)))
    }

    /// The answer; 0 when there was none.
    fn note(&self, store: &str, commits: usize, answer: Result<Answer, String>) -> Answer {
        let (status, body) = answer.unwrap_or_else(|error| (0, Value::String(error)));
        if status == 202 {
            let change = body["id"].as_str().unwrap();
            mark(self.trace, &format!("{change} {store} {commits}"));
        }
        (status, body)
    }

    /// Creates a store, changes it, and deletes it when told to. Nothing is waited for.
    pub(crate) fn lives(&self, store: &str, dies: bool) {
        let mut answers = vec![self.create(store), self.change(store, "medium")];
        if dies {
            answers.push(self.delete(store));
        }
        for (status, body) in answers {
            assert_eq!(status, 202, "{store}: {body}");
        }
    }
}

/// Several clients at once, each with stores of its own; groups of several commits come of it.
pub(crate) fn busy(api: &Api, trace: &Path, clients: usize, stores: usize) {
    std::thread::scope(|scope| {
        for client in 0..clients {
            let it = Client {
                api: api.clone(),
                trace,
            };
            scope.spawn(move || {
                for store in 0..stores {
                    it.lives(&format!("s{client}-{store}"), store % 3 == 2);
                }
            });
        }
    });
}

/// What was accepted, read from the markers of a trace.
pub(crate) fn accepted(ops: &[Op]) -> Vec<Accepted> {
    let read = |(at, op): (usize, &Op)| {
        let Op::Marker { text } = op else { return None };
        let [change, store, commits] = text.split(' ').collect::<Vec<_>>()[..] else {
            return None;
        };
        Some(Accepted {
            change: change.to_owned(),
            store: store.to_owned(),
            commits: commits.parse().unwrap(),
            at,
        })
    };
    ops.iter().enumerate().filter_map(read).collect()
}
