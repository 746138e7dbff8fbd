//! A server in a folder of its own, and its answers with all their headers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use ureq::http::{HeaderMap, Request};

use crate::description;
use crate::support::process::{Server, run};

/// A running `dev`, or `serve`.
pub(crate) struct Dev {
    pub(crate) server: Server,
    pub(crate) data: PathBuf,
    pub(crate) base: String,
    pub(crate) token: String,
    /// Further tokens, by their names.
    pub(crate) tokens: BTreeMap<String, String>,
    _folder: TempDir,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Dev {
    /// Starts a server on a free port.
    pub(crate) fn start() -> Self {
        Self::start_as(&[], None)
    }

    /// The same with further arguments.
    pub(crate) fn start_with(more: &[&str]) -> Self {
        Self::start_as(more, None)
    }

    /// The same with a `PATH` of its own.
    pub(crate) fn start_with_path(search: Option<OsString>) -> Self {
        Self::start_as(&[], search)
    }

    fn start_as(more: &[&str], search: Option<OsString>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let path = data.to_str().expect("a plain path");
        let args = [&["dev", "--listen", "127.0.0.1:0", "--data", path], more].concat();
        let server = Server::start_with_path(&args, &data, search);
        Self::of(server, data, folder)
    }

    /// A server that runs already, on a data folder below `folder`.
    pub(crate) fn of(server: Server, data: PathBuf, folder: TempDir) -> Self {
        let mut dev = Self {
            server,
            data,
            base: String::new(),
            token: String::new(),
            tokens: BTreeMap::new(),
            _folder: folder,
        };
        dev.find();
        dev
    }

    /// Starts `serve` over a fleet repository of its own; `more` is laid over its configuration.
    pub(crate) fn serve(more: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (data, fleet) = (folder.path().join("data"), folder.path().join("fleet.git"));
        run(&["init", fleet.to_str().expect("a plain path")]);
        let mut settings = serde_json::json!({
            "listen": "127.0.0.1:0", "data": data, "git": {"url": fleet}, "push": {"pace": "0s"},
        });
        for (key, value) in more.as_object().expect("an object") {
            settings[key] = value.clone();
        }
        let config = folder.path().join("config.yaml");
        std::fs::write(&config, settings.to_string()).expect("written");
        let args = ["serve", "--config", config.to_str().expect("a plain path")];
        Self::of(Server::start(&args, &data), data, folder)
    }

    /// Makes a token and returns its text and its id.
    pub(crate) fn make_token(&self, body: &Value) -> (String, String) {
        let made = self.json("POST", "/api/v1/tokens", body);
        assert_eq!(made.status, 201, "{made:?}");
        let text = |field: &str| made.json()[field].as_str().unwrap_or("?").to_owned();
        (text("token"), text("id"))
    }

    /// Sends a request with another token than the admin's.
    pub(crate) fn bearing(&self, token: &str, method: &str, path: &str, body: &str) -> Reply {
        let authorization = format!("Bearer {token}");
        let mut headers = vec![("Authorization", authorization.as_str())];
        headers.extend((!body.is_empty()).then_some(("Content-Type", "application/json")));
        self.anonymous(method, path, &headers, body)
    }

    /// Reads the address and the token again, after a restart.
    pub(crate) fn find(&mut self) {
        let address = self.read("address").replace("0.0.0.0", "127.0.0.1");
        self.base = format!("http://{address}");
        self.token = self.read("admin.token");
    }

    /// A file of the data folder.
    pub(crate) fn read(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.data.join(name)).expect("the data folder has it");
        text.trim().to_owned()
    }

    /// The address of its fleet repository.
    pub(crate) fn repository(&self) -> String {
        format!("{}/git/fleet.git", self.base)
    }

    /// Reads something as the admin.
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "")
    }

    /// Sends JSON as the admin.
    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> Reply {
        let headers = [("Content-Type", "application/json")];
        self.send(method, path, &headers, &body.to_string())
    }

    /// Creates a store and waits until it is merged.
    pub(crate) fn create(&self, name: &str) -> Value {
        let body = serde_json::json!({"name": name, "engine": "woocommerce"}).to_string();
        let headers = [("Content-Type", "application/json"), ("Prefer", "wait=30")];
        let reply = self.send("POST", "/api/v1/stores", &headers, &body);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    /// Sends a request as the admin.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let token = format!("Bearer {}", self.token);
        let all: Vec<_> = headers
            .iter()
            .copied()
            .chain([("Authorization", token.as_str())])
            .collect();
        self.anonymous(method, path, &all, body)
    }

    /// Sends a request with just these headers. Its answer has to be one that the description knows.
    pub(crate) fn anonymous(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let reply = self.exchange(method, path, headers, body);
        description::of(&self.base).check(method, path, &reply);
        reply
    }

    fn exchange(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(70)))
            .build()
            .new_agent();
        let answer = if body.is_empty() {
            agent.run(request.body(()).expect("a request"))
        } else {
            agent.run(request.body(body.to_owned()).expect("a request"))
        };
        let mut answer = answer.expect("the server answers");
        let media = answer.headers().get("content-type");
        if media.is_some_and(|it| it == "text/event-stream") {
            // It goes on and on; who wants to hear it reads it elsewhere.
            return Reply {
                status: answer.status().as_u16(),
                headers: answer.headers().clone(),
                text: String::new(),
            };
        }
        Reply {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.body_mut().read_to_string().expect("a text"),
        }
    }
}

impl Reply {
    /// The body.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header's text; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|it| it.to_str().ok());
        value.unwrap_or("")
    }

    /// The pointers of a 422.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let json = self.json();
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        let pointer = |it: &Value| it["pointer"].as_str().unwrap_or("?").to_owned();
        errors.iter().map(pointer).collect()
    }

    /// Fails unless it is a problem of this status that names its request.
    pub(crate) fn assert_problem(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
        let media = self.header("content-type");
        assert_eq!(media, "application/problem+json", "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], status, "{self:?}");
        assert_eq!(json["instance"], self.header("x-request-id"), "{self:?}");
        let said = json["detail"].as_str().unwrap_or("");
        assert!(said.len() > 10, "it says what is wrong: {self:?}");
    }
}
