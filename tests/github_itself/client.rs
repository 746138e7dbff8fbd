//! Clients of the stand-in: octocrab, plain HTTP, git.

use std::path::Path;
use std::process::Command;

use octocrab::Octocrab;
use octocrab::models::pulls::PullRequest;
use serde_json::{Value, json};

use crate::github::{GitHub, Options, Rules};

/// A GitHub with one commit on main.
pub(crate) fn begin() -> GitHub {
    begin_with(Options::default())
}

/// The same, begun otherwise.
pub(crate) fn begin_with(options: Options) -> GitHub {
    let github = GitHub::start(options);
    github.seed("main", &[("README.md", "A fleet.\n")]);
    github
}

/// Runs what waits.
pub(crate) fn wait<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(what)
}

fn builder(
    github: &GitHub,
) -> octocrab::OctocrabBuilder<
    octocrab::NoSvc,
    octocrab::DefaultOctocrabBuilderConfig,
    octocrab::NoAuth,
    octocrab::NotLayerReady,
> {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    Octocrab::builder().base_uri(github.api_url()).unwrap()
}

/// octocrab as the App, by its key.
pub(crate) fn as_app(github: &GitHub) -> Octocrab {
    let app = github.app();
    let pem = std::fs::read(&app.key_file).unwrap();
    let key = octocrab::auth::EncodingKey::from_rsa_pem(&pem).unwrap();
    builder(github).app(app.id.into(), key).build().unwrap()
}

/// octocrab as the App's installation.
pub(crate) fn as_installation(github: &GitHub) -> Octocrab {
    let id = github.app().installation;
    as_app(github).installation(id.into()).unwrap()
}

/// octocrab with somebody's token.
pub(crate) fn with_token(github: &GitHub, token: &str) -> Octocrab {
    builder(github)
        .personal_token(token.to_owned())
        .build()
        .unwrap()
}

/// A token of the installation, as git gets one.
pub(crate) fn installation_token(github: &GitHub) -> String {
    let path = format!(
        "/app/installations/{}/access_tokens",
        github.app().installation
    );
    wait(async {
        let made: Value = as_app(github).post(path, Some(&json!({}))).await.unwrap();
        made["token"].as_str().unwrap().to_owned()
    })
}

/// An answer of plain HTTP.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) text: String,
    headers: ureq::http::HeaderMap,
}

impl Reply {
    /// A header, empty where it is not there.
    pub(crate) fn header(&self, name: &str) -> String {
        let value = self.headers.get(name);
        value.map_or(String::new(), |it| it.to_str().unwrap().to_owned())
    }
}

/// Plain HTTP with a token; none where the connection broke.
pub(crate) fn try_http(
    github: &GitHub,
    token: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> Option<Reply> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .timeout_global(Some(std::time::Duration::from_secs(20)));
    let agent: ureq::Agent = config.build().into();
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", github.api_url()));
    if !headers.iter().any(|(name, _)| *name == "user-agent") {
        request = request.header("user-agent", "a test");
    }
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = body.map_or_else(String::new, Value::to_string);
    let mut answer = agent.run(request.body(body).unwrap()).ok()?;
    let text = answer.body_mut().read_to_string().ok()?;
    Some(Reply {
        status: answer.status().as_u16(),
        body: serde_json::from_str(&text).unwrap_or_default(),
        headers: answer.headers().clone(),
        text,
    })
}

/// Plain HTTP with a token.
pub(crate) fn http(
    github: &GitHub,
    token: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Reply {
    try_http(github, token, method, path, body, &[]).expect("an answer")
}

/// GET below the repository's path.
pub(crate) fn get(github: &GitHub, token: &str, path: &str) -> Reply {
    http(
        github,
        token,
        "GET",
        &format!("/repos/acme/fleet{path}"),
        None,
    )
}

/// POST below the repository's path.
pub(crate) fn post(github: &GitHub, token: &str, path: &str, body: &Value) -> Reply {
    http(
        github,
        token,
        "POST",
        &format!("/repos/acme/fleet{path}"),
        Some(body),
    )
}

/// A change on a branch of its own, with a pull request of the App's.
pub(crate) fn proposal(github: &GitHub, branch: &str) -> PullRequest {
    let robot = github.user("robot", crate::github::Role::Write);
    robot.pushes(
        branch,
        &format!("Add {branch}\n\nBecause."),
        &[(&format!("{branch}.txt"), "new\n")],
    );
    wait(async {
        let pulls = as_installation(github);
        let pulls = pulls.pulls("acme", "fleet");
        pulls
            .create(format!("Add {branch}"), branch, "main")
            .body("Please.")
            .send()
            .await
            .unwrap()
    })
}

/// Runs git with a token in its configuration, and returns whether it went well with all it said.
pub(crate) fn git(dir: &Path, token: &str, args: &[&str]) -> (bool, String) {
    use base64::Engine as _;
    let login = base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{token}"));
    let out = Command::new("git")
        .args(args)
        .current_dir(dir)
        .envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
        ])
        .envs([
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "http.extraHeader"),
        ])
        .env(
            "GIT_CONFIG_VALUE_0",
            format!("Authorization: Basic {login}"),
        )
        .envs([
            ("GIT_AUTHOR_NAME", "Ann"),
            ("GIT_AUTHOR_EMAIL", "ann@example.com"),
        ])
        .envs([
            ("GIT_COMMITTER_NAME", "Ann"),
            ("GIT_COMMITTER_EMAIL", "ann@example.com"),
        ])
        .output()
        .unwrap();
    let said = [out.stdout, out.stderr].concat();
    (out.status.success(), String::from_utf8(said).unwrap())
}

/// Rules that want that many approvals.
pub(crate) fn approvals(count: usize) -> Rules {
    Rules {
        pull_request: true,
        approvals: count,
        ..Rules::default()
    }
}
