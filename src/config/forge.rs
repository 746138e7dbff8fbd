//! The section `forge`: where the fleet repository is hosted, who we are there, and what is used of it.
//!
//! Secrets are named by file, or come by variable; none is written into the file, and none is shown or repeated.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::variables::{Setter, document, set};
use super::{ConfigError, duration, missing, variables};
use crate::domain::webhook::WebhookSecret;
use crate::workflow::{ForgeAccess, ForgeIdentity};

mod address;

use address::{api_address, repository};

/// GitHub's own API; an Enterprise Server has `https://HOST/api/v3`.
const API_URL: &str = "https://api.github.com";
/// How often the forge is asked for what no webhook told.
const POLL: &str = "1m";
/// Secrets that sign deliveries: one, and more while one is being replaced.
const SECRETS: usize = 4;

/// Where the fleet repository is hosted.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ForgeSection {
    /// Nowhere that can do more than git can.
    #[default]
    None,
    /// At GitHub.
    Github(Box<GithubSection>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct GithubSection {
    app_id: Option<u64>,
    installation_id: Option<u64>,
    private_key: Option<Place>,
    token_file: Option<PathBuf>,
    webhook_secret: Option<PathBuf>,
    api_url: Option<String>,
    repository: Option<String>,
    poll: Option<String>,
    forms: Option<bool>,
    comments: Option<bool>,
    /// From its variable only.
    #[serde(skip)]
    token: Option<String>,
    /// From its variable only.
    #[serde(skip)]
    webhook_secret_text: Option<String>,
}

/// A file, or the secret itself where a variable holds that.
#[derive(Deserialize)]
#[serde(from = "PathBuf")]
enum Place {
    File(PathBuf),
    Variable(String),
}

impl From<PathBuf> for Place {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place(hidden)")
    }
}

impl ForgeSection {
    fn github(&mut self) -> &mut GithubSection {
        if let Self::None = self {
            *self = Self::Github(Box::default());
        }
        match self {
            Self::Github(section) => section,
            Self::None => unreachable!("it was made above"),
        }
    }
}

/// The variables of the section. Naming one of GitHub's is asking for GitHub.
pub(super) const KEYS: [(&str, Setter); 12] = [
    ("forge", |file, text| document(&mut file.forge, text)),
    ("forge.github.appId", |file, text| {
        set(&mut file.forge.github().app_id, text)
    }),
    ("forge.github.installationId", |file, text| {
        set(&mut file.forge.github().installation_id, text)
    }),
    ("forge.github.privateKey", |file, text| {
        file.forge.github().private_key = Some(if text.contains("-----BEGIN") {
            Place::Variable(text.to_owned())
        } else {
            Place::File(text.into())
        });
        Ok(())
    }),
    ("forge.github.token", |file, text| {
        file.forge.github().token = Some(text.trim().to_owned());
        Ok(())
    }),
    ("forge.github.tokenFile", |file, text| {
        set(&mut file.forge.github().token_file, text)
    }),
    ("forge.github.webhookSecret", |file, text| {
        file.forge.github().webhook_secret_text = Some(text.to_owned());
        Ok(())
    }),
    ("forge.github.apiUrl", |file, text| {
        set(&mut file.forge.github().api_url, text)
    }),
    ("forge.github.repository", |file, text| {
        set(&mut file.forge.github().repository, text)
    }),
    ("forge.github.poll", |file, text| {
        set(&mut file.forge.github().poll, text)
    }),
    ("forge.github.forms", |file, text| {
        set(&mut file.forge.github().forms, text)
    }),
    ("forge.github.comments", |file, text| {
        set(&mut file.forge.github().comments, text)
    }),
];

/// How the forge is reached, with its secrets read, and the same as it is shown; none where there is no forge.
pub(super) fn access(
    section: ForgeSection,
    git_url: &str,
) -> Result<(Option<ForgeAccess>, Value), ConfigError> {
    let ForgeSection::Github(section) = section else {
        return Ok((None, json!("none")));
    };
    let api_url = api_address(section.api_url.as_deref().unwrap_or(API_URL))?;
    let (owner, repository) = repository(section.repository.as_deref(), git_url)?;
    let (identity, who) = identity(&section)?;
    let (webhook_secrets, secrets_from) = secrets(&section)?;
    let poll = section.poll.as_deref().unwrap_or(POLL);
    let poll = duration("forge.github.poll", poll, Duration::from_secs(1))?;
    let access = ForgeAccess {
        api_url,
        owner,
        repository,
        identity,
        webhook_secrets,
        poll,
        forms: section.forms.unwrap_or(true),
        comments: section.comments.unwrap_or(true),
    };
    let mut shown = json!({
        "apiUrl": access.api_url, "repository": access.full_name(), "webhookSecret": secrets_from,
        "poll": format!("{}s", poll.as_secs()), "forms": access.forms, "comments": access.comments,
    });
    for (key, value) in who {
        shown[key] = value;
    }
    Ok((Some(access), json!({"github": shown})))
}

/// Fields of what is shown.
type Shown = Vec<(&'static str, Value)>;

/// Who we are there: an App, or whoever made the token.
fn identity(section: &GithubSection) -> Result<(ForgeIdentity, Shown), ConfigError> {
    let app = section.app_id.is_some()
        || section.private_key.is_some()
        || section.installation_id.is_some();
    let token = section.token.is_some() || section.token_file.is_some();
    match (app, token) {
        (true, true) => Err(ConfigError(
            "forge.github: an App and a token are two identities; leave out appId, installationId and privateKey, or \
             token and tokenFile"
                .to_owned(),
        )),
        (false, false) => Err(ConfigError(
            "forge.github: nobody to be there; set appId and privateKey of a GitHub App, or tokenFile with a \
             fine-grained token"
                .to_owned(),
        )),
        (true, false) => app_identity(section),
        (false, true) => token_identity(section),
    }
}

fn app_identity(section: &GithubSection) -> Result<(ForgeIdentity, Shown), ConfigError> {
    const KEY: &str = "forge.github.privateKey";
    let id = section.app_id.filter(|it| *it > 0);
    let id = id.ok_or_else(|| missing("forge.github.appId", "the number of the GitHub App"))?;
    let (pem, from) = match &section.private_key {
        None => return Err(missing(KEY, "the file with the private key of the App")),
        Some(Place::File(path)) => (read(KEY, path)?, from_file(path)),
        Some(Place::Variable(text)) => (text.clone(), from_variable(KEY)),
    };
    // Whether it is a key at all is seen when it signs for the first time; a wrong file is seen here.
    if !pem.contains("PRIVATE KEY-----") {
        return Err(ConfigError(format!(
            "{KEY}: there is no private key; it begins with -----BEGIN RSA PRIVATE KEY----- as GitHub gives it"
        )));
    }
    let installation = section.installation_id;
    let shown = vec![
        ("appId", json!(id)),
        ("installationId", json!(installation)),
        ("privateKey", json!(from)),
    ];
    let private_key = pem.into_bytes();
    let identity = ForgeIdentity::App {
        id,
        private_key,
        installation,
    };
    Ok((identity, shown))
}

fn token_identity(section: &GithubSection) -> Result<(ForgeIdentity, Shown), ConfigError> {
    const KEY: &str = "forge.github.tokenFile";
    let (token, from) = match (&section.token, &section.token_file) {
        (Some(token), _) => (token.clone(), from_variable("forge.github.token")),
        (None, Some(path)) => (read(KEY, path)?.trim().to_owned(), from_file(path)),
        (None, None) => return Err(missing(KEY, "the file with the token")),
    };
    if token.is_empty() || !token.bytes().all(|it| it.is_ascii_graphic()) {
        return Err(ConfigError(
            "forge.github: the token is none; it is one word, such as github_pat_…".to_owned(),
        ));
    }
    let shown = vec![("token", json!(from))];
    Ok((ForgeIdentity::Token(token), shown))
}

/// The secrets that sign deliveries, one a line, and where they are from. Without one no delivery is taken.
fn secrets(section: &GithubSection) -> Result<(Vec<WebhookSecret>, Option<String>), ConfigError> {
    const KEY: &str = "forge.github.webhookSecret";
    let (text, from) = match (&section.webhook_secret_text, &section.webhook_secret) {
        (Some(text), _) => (text.clone(), from_variable(KEY)),
        (None, Some(path)) => (read(KEY, path)?, from_file(path)),
        (None, None) => return Ok((Vec::new(), None)),
    };
    let lines = text.lines().map(str::trim).filter(|it| !it.is_empty());
    let secrets: Vec<WebhookSecret> = lines.map(WebhookSecret::of_forge).collect();
    if !(1..=SECRETS).contains(&secrets.len()) {
        let found = secrets.len();
        return Err(ConfigError(format!(
            "{KEY}: {found} secrets are there; write one a line, and at most {SECRETS} while one is being replaced"
        )));
    }
    Ok((secrets, Some(from)))
}

/// The text of a file. What stands in place of its name may be the secret itself, and is told only where it looks like
/// a path.
fn read(key: &str, path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| {
        let name = path.to_string_lossy();
        let plain = name.starts_with(['/', '.']) && !name.contains(char::is_whitespace);
        let name = if plain { &name } else { "(hidden)" };
        ConfigError(format!(
            "{key}: cannot read {name}: {error}; write the path of a file there, never a secret"
        ))
    })
}

fn from_file(path: &Path) -> String {
    format!("(hidden, from {})", path.display())
}

fn from_variable(key: &str) -> String {
    format!("(hidden, from {})", variables::name(key))
}

#[cfg(test)]
mod tests;
