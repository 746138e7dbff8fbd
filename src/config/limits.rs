//! The section `requestLimits`: how many requests merchants may send.

use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ConfigError, duration};
use crate::domain::limits::{LONGEST, MOST, RequestLimits, Rule};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct RequestLimitsSection {
    pub(super) writes: RuleSection,
    pub(super) creates: RuleSection,
    pub(super) creates_per_address: RuleSection,
}

/// What is left out stays as it is by default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RuleSection {
    pub(super) count: Option<u32>,
    pub(super) per: Option<String>,
}

impl RequestLimitsSection {
    /// The limits in force.
    pub(super) fn resolve(&self) -> Result<RequestLimits, ConfigError> {
        let default = RequestLimits::default();
        Ok(RequestLimits {
            writes: self.writes.resolve("writes", default.writes)?,
            creates: self.creates.resolve("creates", default.creates)?,
            creates_per_address: self
                .creates_per_address
                .resolve("createsPerAddress", default.creates_per_address)?,
        })
    }
}

impl RuleSection {
    fn resolve(&self, name: &str, default: Rule) -> Result<Rule, ConfigError> {
        let key = |part: &str| format!("requestLimits.{name}.{part}");
        let count = self.count.unwrap_or(default.count);
        if !(1..=MOST).contains(&count) {
            let key = key("count");
            return Err(ConfigError(format!(
                "{key}: {count} is no number from 1 to {MOST}"
            )));
        }
        let per = match &self.per {
            None => default.per,
            Some(text) => {
                let per = duration(&key("per"), text, Duration::from_secs(1))?;
                let per = SignedDuration::try_from(per)
                    .ok()
                    .filter(|it| *it <= LONGEST);
                per.ok_or_else(|| {
                    let (key, hours) = (key("per"), LONGEST.as_hours());
                    ConfigError(format!("{key}: {text:?} is longer than {hours}h"))
                })?
            }
        };
        // Windows are told to clients in whole seconds.
        Ok(Rule {
            count,
            per: SignedDuration::from_secs(per.as_secs()),
        })
    }
}

/// The limits as they are shown.
pub(super) fn shown(limits: &RequestLimits) -> Value {
    let rule = |it: &Rule| json!({"count": it.count, "per": format!("{}s", it.per.as_secs())});
    json!({
        "writes": rule(&limits.writes), "creates": rule(&limits.creates),
        "createsPerAddress": rule(&limits.creates_per_address),
    })
}
