//! The section `webhooks`: systems that ask for stores by signed messages.
//!
//! Secrets are named by file or variable; a secret in the file itself is an unknown key, hence an error.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ConfigError, Variables};
use crate::domain::Owner;
use crate::domain::request::Role;
use crate::domain::webhook::{WebhookAction, WebhookSecret, WebhookSource};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WebhookSection {
    name: String,
    #[serde(default)]
    secrets: Vec<SecretPlace>,
    role: Role,
    #[serde(default)]
    owners: Vec<Owner>,
    actions: Vec<WebhookAction>,
}

/// Where a secret is. It is never in the configuration itself.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a secret is {file: PATH} or {variable: NAME}, and never written here"
)]
enum SecretPlace {
    /// In a file.
    File { file: PathBuf },
    /// In a variable of the process.
    Variable { variable: String },
}

/// A message without the secrets that somebody wrote where only their places belong.
pub(super) fn without_secrets(message: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+/=_-".contains(c);
    let mut parts = message.split("whsec_");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str("(hidden)");
        text.push_str(part.trim_start_matches(plain));
    }
    text
}

/// The sources, with their secrets read.
pub(super) fn sources(
    sections: &[WebhookSection],
    variables: &Variables,
) -> Result<Vec<WebhookSource>, ConfigError> {
    let mut sources: Vec<WebhookSource> = Vec::new();
    for section in sections {
        let source = source(section, variables)
            .map_err(|why| ConfigError(format!("webhooks: {}: {why}", section.name)))?;
        for other in &sources {
            if other.name == source.name {
                return Err(ConfigError(format!(
                    "webhooks: {} is there twice; leave one out",
                    source.name
                )));
            }
            if source.secrets.iter().any(|it| other.secrets.contains(it)) {
                return Err(ConfigError(format!(
                    "webhooks: {} and {} have a secret in common; a secret says who asks, so give each its own",
                    other.name, source.name
                )));
            }
        }
        sources.push(source);
    }
    Ok(sources)
}

fn source(section: &WebhookSection, variables: &Variables) -> Result<WebhookSource, String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let name = &section.name;
    if !(1..=40).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(
            "the name must have 1 to 40 of the characters a-z, 0-9 and -; commits and the audit show it".to_owned(),
        );
    }
    match (section.role, section.owners.len()) {
        (Role::Merchant, 1) | (Role::Operator, _) => {}
        (Role::Merchant, _) => {
            return Err("the role merchant needs exactly one owner; list it, or take the role operator with several".to_owned());
        }
        (Role::Viewer | Role::Admin, _) => {
            return Err("the role must be merchant or operator".to_owned());
        }
    }
    let secrets = section.secrets.iter().map(|it| it.read(variables));
    Ok(WebhookSource {
        name: name.clone(),
        secrets: secrets.collect::<Result<_, _>>()?,
        role: section.role,
        owners: section.owners.clone(),
        actions: section.actions.clone(),
    })
}

impl SecretPlace {
    fn read(&self, variables: &Variables) -> Result<WebhookSecret, String> {
        let (place, text) = match self {
            Self::File { file } => {
                let place = file.display().to_string();
                let text = std::fs::read_to_string(file);
                let text = text.map_err(|error| format!("cannot read {place}: {error}"))?;
                (place, text)
            }
            Self::Variable { variable } => {
                let text = variables.get(variable).cloned();
                let text = text.ok_or_else(|| format!("the variable {variable} is not set"))?;
                (variable.clone(), text)
            }
        };
        let secret = WebhookSecret::parse(&text);
        secret.map_err(|error| format!("{place} holds no webhook secret: {error}"))
    }

    fn shown(&self) -> String {
        match self {
            Self::File { file } => format!("(hidden, from {})", file.display()),
            Self::Variable { variable } => format!("(hidden, from {variable})"),
        }
    }
}

/// The section as it is shown.
pub(super) fn shown(sections: &[WebhookSection]) -> Value {
    let one = |it: &WebhookSection| {
        let secrets: Vec<String> = it.secrets.iter().map(SecretPlace::shown).collect();
        json!({"name": it.name, "secrets": secrets, "role": it.role, "owners": it.owners, "actions": it.actions})
    };
    Value::Array(sections.iter().map(one).collect())
}
