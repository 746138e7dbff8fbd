//! A client of the API, as thin as it gets: JSON in, JSON out.

use std::time::Duration;

use serde_json::Value;

use super::eventually;

/// A client with a token.
#[derive(Clone)]
pub(crate) struct Api {
    base: String,
    token: String,
    agent: ureq::Agent,
}

/// An answer: status and body.
pub(crate) type Answer = (u16, Value);

impl Api {
    pub(crate) fn new(base: &str, token: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(70)));
        Self {
            base: base.to_owned(),
            token: token.to_owned(),
            agent: config.build().into(),
        }
    }

    /// The server's address.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Its token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// GET, or why there is no answer.
    pub(crate) fn try_get(&self, path: &str) -> Result<Answer, String> {
        let request = self
            .agent
            .get(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token));
        read(request.call())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.try_get(path).expect("the server answers")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).expect("the server answers")
    }

    /// POST, or why there is no answer.
    pub(crate) fn try_post(&self, path: &str, body: &Value) -> Result<Answer, String> {
        let request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token));
        read(
            request
                .header("content-type", "application/json")
                .send(body.to_string()),
        )
    }

    /// A write under an idempotency key, or why there is no answer. A DELETE has no body.
    pub(crate) fn try_write(
        &self,
        method: &str,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Result<Answer, String> {
        let url = format!("{}{path}", self.base);
        let bearer = format!("Bearer {}", self.token);
        let request = match method {
            "POST" => self.agent.post(url),
            "PATCH" => self.agent.patch(url),
            _ => {
                let request = self.agent.delete(url).header("authorization", bearer);
                return read(request.header("idempotency-key", key).call());
            }
        };
        let kind = if method == "PATCH" {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let request = request.header("authorization", bearer);
        let request = request.header("idempotency-key", key);
        read(request.header("content-type", kind).send(body.to_string()))
    }

    /// POST, with the answer as it came: status, `Retry-After`, body.
    pub(crate) fn post_raw(&self, path: &str, body: &Value) -> (u16, Option<String>, String) {
        let request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token));
        let request = request.header("content-type", "application/json");
        let mut answer = request.send(body.to_string()).expect("the server answers");
        let retry = answer.headers().get("retry-after");
        let retry = retry.map(|it| it.to_str().expect("plain text").to_owned());
        let body = answer.body_mut().read_to_string().expect("a body");
        (answer.status().as_u16(), retry, body)
    }

    /// POST that waits until the change is merged.
    pub(crate) fn post_waiting(&self, path: &str, body: &Value) -> Answer {
        let request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token));
        let request = request
            .header("content-type", "application/json")
            .header("prefer", "wait=30");
        read(request.send(body.to_string())).expect("the server answers")
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        let request = self
            .agent
            .patch(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token));
        read(
            request
                .header("content-type", "application/merge-patch+json")
                .send(body.to_string()),
        )
        .expect("the server answers")
    }

    /// PATCH of what was just read, and only of that.
    pub(crate) fn patch_if_match(&self, path: &str, body: &Value) -> Answer {
        let (url, token) = (
            format!("{}{path}", self.base),
            format!("Bearer {}", self.token),
        );
        let there = self.agent.get(&url).header("authorization", &token);
        let answer = there.call().expect("the server answers");
        let etag = answer.headers().get("etag").expect("a store has an ETag");
        let asked = self
            .agent
            .patch(&url)
            .header("authorization", &token)
            .header("content-type", "application/merge-patch+json")
            .header("if-match", etag.to_str().expect("plain text"));
        read(asked.send(body.to_string())).expect("the server answers")
    }

    /// POST without parameters, held to what an `ETag` stands for.
    pub(crate) fn post_if_match(&self, path: &str, etag: &str) -> Answer {
        let request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token));
        read(request.header("if-match", etag).send_empty()).expect("the server answers")
    }

    /// POST without parameters: the answer, and its `ETag`.
    pub(crate) fn post_for_etag(&self, path: &str) -> (String, Value) {
        let request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token));
        let answer = request.send_empty().expect("the server answers");
        let etag = answer.headers().get("etag").expect("an ETag");
        let etag = etag.to_str().expect("plain text").to_owned();
        let (status, body) = read(Ok(answer)).expect("an answer");
        assert_eq!(status, 200, "{body}");
        (etag, body)
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        let request = self
            .agent
            .delete(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token));
        read(request.call()).expect("the server answers")
    }

    /// Asks for a store and returns the change's id.
    pub(crate) fn create(&self, body: &Value) -> String {
        accepted(self.post("/api/v1/stores", body))
    }

    /// Deletes a store and returns the change's id.
    pub(crate) fn remove(&self, store: &str) -> String {
        accepted(self.delete(&format!("/api/v1/stores/{store}")))
    }

    /// A store, which must exist.
    pub(crate) fn store(&self, name: &str) -> Value {
        let (status, body) = self.get(&format!("/api/v1/stores/{name}"));
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Waits until a store is in a phase and returns it.
    pub(crate) fn store_in(&self, name: &str, phase: &str, limit: Duration) -> Value {
        eventually(&format!("store {name} is {phase}"), limit, || {
            let (status, body) = self.try_get(&format!("/api/v1/stores/{name}"))?;
            if status == 200 && body["phase"] == phase {
                Ok(body)
            } else {
                Err(format!("{status} {body}"))
            }
        })
    }

    /// Waits until a change is in a state and returns it.
    pub(crate) fn change_in(&self, id: &str, state: &str, limit: Duration) -> Value {
        eventually(&format!("change {id} is {state}"), limit, || {
            let (status, body) = self.try_get(&format!("/api/v1/changes/{id}"))?;
            if status == 200 && body["state"] == state {
                Ok(body)
            } else {
                Err(format!("{status} {body}"))
            }
        })
    }
}

/// The id of an accepted change.
pub(crate) fn accepted((status, body): Answer) -> String {
    assert_eq!(status, 202, "{body}");
    body["id"].as_str().expect("a change has an id").to_owned()
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, String> {
    let mut answer = answer.map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    let text = answer
        .body_mut()
        .read_to_string()
        .map_err(|error| error.to_string())?;
    Ok((
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    ))
}
