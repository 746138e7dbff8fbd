//! The configuration of `serve`: one YAML file, each key also an environment variable, into the workflow's settings.
//!
//! Unknown keys are errors, in the file and in the variables. Secrets come as file paths or variables, never as
//! values in the file, and are never shown. Must not know: what the settings do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::ClusterName;
use crate::domain::limits::Networks;
use crate::domain::webhook::WebhookSource;
use crate::git::{PATIENCE, Person};
use crate::render::yaml;
use crate::telemetry::Format;
use crate::workflow::{ClusterAccess, Mode, Settings};

mod auth;
mod dns;
mod forge;
mod limits;
mod variables;
mod webhooks;

/// Requests that may be queued when nothing else is configured.
pub const QUEUE: usize = 20_000;
/// The word for the pace that GitHub advises, and that pace: at most 6 pushes a minute to one repository. It is the
/// default.
const GITHUB_PACE: (&str, Duration) = ("github", Duration::from_secs(10));
/// Who commits when nothing else is configured.
pub const AUTHOR: &str = "Fleetwright <fleetwright@localhost>";

/// Why a configuration is not taken, as one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// The variables of the process, by name.
pub type Variables = BTreeMap<String, String>;

/// What `serve` runs with.
pub struct Config {
    /// The address to listen at.
    pub listen: String,
    /// What the workflow is started with.
    pub settings: Settings,
    /// The proxies whose word about a client's address is taken.
    pub trusted_proxies: Networks,
    /// The systems that send signed requests.
    pub webhooks: Vec<WebhookSource>,
    /// The log filter.
    pub filter: String,
    /// How log lines look.
    pub format: Format,
    shown: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct File {
    listen: Option<String>,
    data: Option<PathBuf>,
    git: GitSection,
    forge: forge::ForgeSection,
    clusters: Vec<ClusterSection>,
    dns: dns::Section,
    templates: Option<PathBuf>,
    webhooks: Vec<webhooks::WebhookSection>,
    request_limits: limits::RequestLimitsSection,
    queue: Option<usize>,
    push: PushSection,
    telemetry: TelemetrySection,
    auth: auth::AuthSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct GitSection {
    url: Option<String>,
    cluster_url: Option<String>,
    cluster_auth: bool,
    author: Option<String>,
    signing_key: Option<PathBuf>,
    deploy_key: Option<PathBuf>,
    token_file: Option<PathBuf>,
    poll: Option<String>,
    timeout: Option<String>,
    /// From its variable only.
    #[serde(skip)]
    token: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ClusterSection {
    name: ClusterName,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct PushSection {
    pace: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct TelemetrySection {
    filter: Option<String>,
    format: Option<Format>,
}

impl File {
    fn read(text: &str, variables: &Variables) -> Result<Self, ConfigError> {
        let empty = text
            .lines()
            .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        let mut file = if empty {
            Self::default()
        } else {
            yaml::read(text).map_err(|it| ConfigError(it.to_string()))?
        };
        variables::lay_over(&mut file, variables)?;
        Ok(file)
    }
}

impl Config {
    /// Reads a configuration file, with the process's variables over it.
    pub fn load(path: &Path, variables: &Variables) -> Result<Self, ConfigError> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError(format!("cannot read the configuration {name}: {error}"))
        })?;
        Self::read(&text, variables).map_err(|error| ConfigError(format!("{name}: {error}")))
    }

    fn read(text: &str, variables: &Variables) -> Result<Self, ConfigError> {
        let read = File::read(text, variables).and_then(|file| Self::resolve(file, variables));
        read.map_err(|ConfigError(said)| ConfigError(webhooks::without_secrets(&said)))
    }

    fn resolve(file: File, variables: &Variables) -> Result<Self, ConfigError> {
        let listen = file.listen.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let data = file
            .data
            .ok_or_else(|| missing("data", "the folder for journal, index and keys"))?;
        let git = file.git;
        let url = git
            .url
            .ok_or_else(|| missing("git.url", "the address of the fleet repository"))?;
        let pace = pace(file.push.pace.as_deref())?;
        let poll = duration(
            "git.poll",
            git.poll.as_deref().unwrap_or("1m"),
            Duration::from_secs(1),
        )?;
        let timeout = match git.timeout.as_deref() {
            None => PATIENCE,
            Some(text) => duration("git.timeout", text, Duration::from_secs(1))?,
        };
        let author_text = git.author.unwrap_or_else(|| AUTHOR.to_owned());
        let author = person(&author_text)?;
        for (key, path) in [
            ("git.signingKey", &git.signing_key),
            ("git.deployKey", &git.deploy_key),
        ] {
            readable(key, path.as_deref())?;
        }
        let (token, token_from) = token(git.token, git.token_file.as_deref())?;
        let clusters = clusters(&file.clusters)?;
        if let Some(folder) = file.templates.as_deref().filter(|it| !it.is_dir()) {
            return Err(ConfigError(format!(
                "templates: {} is no folder",
                folder.display()
            )));
        }
        let dns = file.dns.server()?;
        let (forge, forge_shown) = forge::access(file.forge, &url)?;
        let queue = file.queue.unwrap_or(QUEUE);
        let trusted_proxies = auth::trusted_proxies(&file.auth)?;
        let proxies = file.auth.trusted_proxies.clone();
        let public_host = auth::public_host(&file.auth)?;
        let oidc = auth::trust(file.auth)?;
        let webhooks = webhooks::sources(&file.webhooks, variables)?;
        let request_limits = file.request_limits.resolve()?;
        let filter = file.telemetry.filter.unwrap_or_else(|| "info".to_owned());
        let format = file.telemetry.format.unwrap_or_default();
        let cluster_url = git.cluster_url.unwrap_or_else(|| url.clone());
        let shown = json!({
            "listen": listen, "data": data, "templates": file.templates, "queue": queue, "clusters": file.clusters,
            "git": {
                "url": without_userinfo(&url), "clusterUrl": without_userinfo(&cluster_url),
                "clusterAuth": git.cluster_auth, "author": author_text, "signingKey": git.signing_key,
                "deployKey": git.deploy_key, "token": token_from, "poll": format!("{}s", poll.as_secs()),
                "timeout": format!("{}s", timeout.as_secs()),
            },
            "forge": forge_shown, "webhooks": webhooks::shown(&file.webhooks), "requestLimits": limits::shown(&request_limits),
            "dns": {"server": dns},
            "push": {"pace": format!("{}s", pace.as_secs())},
            "telemetry": {"filter": filter, "format": format},
            "auth": auth::shown(oidc.as_ref(), &proxies, public_host.as_ref()),
        });
        let settings = Settings {
            repository: data.join("mirror.git"),
            data,
            mode: Mode::Remote {
                url,
                token,
                pace,
                timeout,
                poll,
            },
            cluster_url,
            cluster_auth: git.cluster_auth,
            author,
            signing_key: git.signing_key,
            deploy_key: git.deploy_key,
            forge,
            clusters,
            lift_limits: false,
            request_limits,
            queue,
            oidc,
            public_host,
            dns_server: dns,
            templates: file.templates,
        };
        Ok(Self {
            listen,
            settings,
            trusted_proxies,
            webhooks,
            filter,
            format,
            shown,
        })
    }

    /// What is in force, as YAML, with secrets hidden.
    pub fn in_force(&self) -> Result<String, ConfigError> {
        yaml::emit(&self.shown).map_err(|error| ConfigError(error.to_string()))
    }
}

/// `Name <address>`, as Git writes people.
pub fn person(text: &str) -> Result<Person, ConfigError> {
    let parts = text.strip_suffix('>').and_then(|it| it.split_once(" <"));
    match parts {
        Some((name, email))
            if !name.trim().is_empty() && email.contains('@') && !email.contains(['<', ' ']) =>
        {
            Ok(Person::new(name.trim(), email))
        }
        _ => Err(ConfigError(format!(
            "git.author: {text:?} is no author; write Name <address@example.com>"
        ))),
    }
}

fn missing(key: &str, what: &str) -> ConfigError {
    let variable = variables::name(key);
    ConfigError(format!(
        "{key} is missing: {what}; set it in the file or as {variable}"
    ))
}

/// The least time between two pushes: a preset by its name, or a duration.
fn pace(text: Option<&str>) -> Result<Duration, ConfigError> {
    let (preset, pace) = GITHUB_PACE;
    match text {
        Some(text) if text != preset => duration("push.pace", text, Duration::ZERO),
        _ => Ok(pace),
    }
}

/// A duration of at least `least` (`10s`, `1m30s`).
fn duration(key: &str, text: &str, least: Duration) -> Result<Duration, ConfigError> {
    let parsed = text
        .parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|it| Duration::try_from(it).ok());
    let wrong = || {
        let least = least.as_secs();
        ConfigError(format!(
            "{key}: {text:?} is no duration of {least}s or more; write it like 10s or 1m30s"
        ))
    };
    parsed.filter(|it| *it >= least).ok_or_else(wrong)
}

fn readable(key: &str, path: Option<&Path>) -> Result<(), ConfigError> {
    match path.map(|path| (path, std::fs::File::open(path))) {
        Some((path, Err(error))) => Err(ConfigError(format!(
            "{key}: cannot read {}: {error}",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// The credential of the remote, and the words that stand for it when it is shown.
fn token(
    variable: Option<String>,
    file: Option<&Path>,
) -> Result<(Option<String>, Option<String>), ConfigError> {
    if let Some(token) = variable {
        return Ok((
            Some(token),
            Some(format!("(hidden, from {})", variables::name("git.token"))),
        ));
    }
    let Some(path) = file else {
        return Ok((None, None));
    };
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError(format!("git.tokenFile: cannot read {name}: {error}")))?;
    match text.trim() {
        "" => Err(ConfigError(format!(
            "git.tokenFile: {name} is empty; write the token into it"
        ))),
        token => Ok((
            Some(token.to_owned()),
            Some(format!("(hidden, from {name})")),
        )),
    }
}

fn clusters(sections: &[ClusterSection]) -> Result<Vec<ClusterAccess>, ConfigError> {
    for (place, section) in sections.iter().enumerate() {
        readable(
            &format!("clusters: {}", section.name),
            section.kubeconfig.as_deref(),
        )?;
        if sections[..place].iter().any(|it| it.name == section.name) {
            return Err(ConfigError(format!(
                "clusters: {} is there twice; leave one out",
                section.name
            )));
        }
        let same = |it: &&ClusterSection| {
            it.kubeconfig == section.kubeconfig && it.context == section.context
        };
        if let Some(other) = sections[..place].iter().find(same) {
            return Err(ConfigError(format!(
                "clusters: {} and {} have the same kubeconfig and context; give each its own",
                other.name, section.name
            )));
        }
    }
    let access = |it: &ClusterSection| ClusterAccess {
        name: it.name.clone(),
        kubeconfig: it.kubeconfig.clone(),
        context: it.context.clone(),
    };
    Ok(sections.iter().map(access).collect())
}

/// A URL without what stands before its `@`: that may be a password.
fn without_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://(hidden)@{host}{path}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests;
