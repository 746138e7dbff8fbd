//! The environment variables of the configuration: `FLEETWRIGHT_<SECTION>_<KEY>`.

use super::{ConfigError, File, Variables, auth, forge};
use crate::render::yaml;

/// Takes a variable's text.
pub(super) type Setter = fn(&mut File, &str) -> Result<(), String>;

/// Every key that has a variable, and how its text is taken.
const KEYS: [(&str, Setter); 29] = [
    ("listen", |file, text| set(&mut file.listen, text)),
    ("data", |file, text| set(&mut file.data, text)),
    ("git.url", |file, text| set(&mut file.git.url, text)),
    ("git.clusterUrl", |file, text| {
        set(&mut file.git.cluster_url, text)
    }),
    ("git.clusterAuth", |file, text| {
        flag(&mut file.git.cluster_auth, text)
    }),
    ("git.author", |file, text| set(&mut file.git.author, text)),
    ("git.signingKey", |file, text| {
        set(&mut file.git.signing_key, text)
    }),
    ("git.deployKey", |file, text| {
        set(&mut file.git.deploy_key, text)
    }),
    ("git.tokenFile", |file, text| {
        set(&mut file.git.token_file, text)
    }),
    ("git.token", |file, text| set(&mut file.git.token, text)),
    ("git.poll", |file, text| set(&mut file.git.poll, text)),
    ("git.timeout", |file, text| set(&mut file.git.timeout, text)),
    ("clusters", |file, text| document(&mut file.clusters, text)),
    ("dns.server", |file, text| set(&mut file.dns.server, text)),
    ("probe.enabled", |file, text| {
        flag(&mut file.probe.enabled, text)
    }),
    ("probe.allow", |file, text| {
        document(&mut file.probe.allow, text)
    }),
    ("templates", |file, text| set(&mut file.templates, text)),
    ("auth.trustedProxies", |file, text| {
        document(&mut file.auth.trusted_proxies, text)
    }),
    ("webhooks", |file, text| document(&mut file.webhooks, text)),
    ("requestLimits.writes.count", |file, text| {
        set(&mut file.request_limits.writes.count, text)
    }),
    ("requestLimits.writes.per", |file, text| {
        set(&mut file.request_limits.writes.per, text)
    }),
    ("requestLimits.creates.count", |file, text| {
        set(&mut file.request_limits.creates.count, text)
    }),
    ("requestLimits.creates.per", |file, text| {
        set(&mut file.request_limits.creates.per, text)
    }),
    ("requestLimits.createsPerAddress.count", |file, text| {
        set(&mut file.request_limits.creates_per_address.count, text)
    }),
    ("requestLimits.createsPerAddress.per", |file, text| {
        set(&mut file.request_limits.creates_per_address.per, text)
    }),
    ("queue", |file, text| set(&mut file.queue, text)),
    ("push.pace", |file, text| set(&mut file.push.pace, text)),
    ("telemetry.filter", |file, text| {
        set(&mut file.telemetry.filter, text)
    }),
    ("telemetry.format", |file, text| format(file, text)),
];

/// Sections whose unknown keys are errors. Other names may be anybody's: Kubernetes itself sets
/// `FLEETWRIGHT_SERVICE_HOST` and `FLEETWRIGHT_PORT` in the pods of a namespace with a Service of that name.
const SECTIONS: [&str; 8] = [
    "FLEETWRIGHT_AUTH_",
    "FLEETWRIGHT_DNS_",
    "FLEETWRIGHT_FORGE_",
    "FLEETWRIGHT_GIT_",
    "FLEETWRIGHT_PROBE_",
    "FLEETWRIGHT_PUSH_",
    "FLEETWRIGHT_REQUEST_LIMITS_",
    "FLEETWRIGHT_TELEMETRY_",
];

/// Lays the variables over what the file says. An empty variable counts as absent.
pub(super) fn lay_over(file: &mut File, variables: &Variables) -> Result<(), ConfigError> {
    let given = variables
        .iter()
        .filter(|(name, text)| name.starts_with("FLEETWRIGHT_") && !text.is_empty());
    for (variable, text) in given {
        let keys = || KEYS.iter().chain(&auth::KEYS).chain(&forge::KEYS);
        match keys().find(|(key, _)| name(key) == *variable) {
            Some((_, set)) => {
                set(file, text).map_err(|why| ConfigError(format!("{variable}: {why}")))?;
            }
            None if SECTIONS.iter().any(|it| variable.starts_with(it)) => {
                let known: Vec<String> = keys().map(|(key, _)| name(key)).collect();
                let known = known.join(", ");
                return Err(ConfigError(format!(
                    "{variable} is no known variable; there is {known}"
                )));
            }
            None => {}
        }
    }
    Ok(())
}

/// The variable of a key: `git.signingKey` is `FLEETWRIGHT_GIT_SIGNING_KEY`.
pub(super) fn name(key: &str) -> String {
    let mut name = "FLEETWRIGHT_".to_owned();
    for letter in key.chars() {
        match letter {
            '.' => name.push('_'),
            letter if letter.is_ascii_uppercase() => name.extend(['_', letter]),
            letter => name.push(letter.to_ascii_uppercase()),
        }
    }
    name
}

pub(super) fn set<T: std::str::FromStr>(place: &mut Option<T>, text: &str) -> Result<(), String>
where
    T::Err: std::fmt::Display,
{
    *place = Some(
        text.parse()
            .map_err(|error| format!("{text:?} is not taken: {error}"))?,
    );
    Ok(())
}

fn flag(place: &mut bool, text: &str) -> Result<(), String> {
    *place = text
        .parse()
        .map_err(|_| format!("{text:?} must be true or false"))?;
    Ok(())
}

/// A list, as in the file (`[{name: production}]`).
pub(super) fn document<T: serde::de::DeserializeOwned>(
    place: &mut T,
    text: &str,
) -> Result<(), String> {
    *place = yaml::read(text).map_err(|error| error.to_string())?;
    Ok(())
}

fn format(file: &mut File, text: &str) -> Result<(), String> {
    let word = serde_json::Value::String(text.to_owned());
    file.telemetry.format = Some(serde_json::from_value(word).map_err(|error| error.to_string())?);
    Ok(())
}
