//! The section `auth`: whose ID tokens are taken, what their claims mean, and which proxies are believed about addresses.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::variables::{Setter, document, set};
use super::{ConfigError, missing};
use crate::domain::limits::Networks;
use crate::domain::request::Role;
use crate::domain::{BadId, Host};
use crate::workflow::Trust;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct AuthSection {
    oidc: OidcSection,
    /// Networks of proxies that say where a request comes from.
    pub(super) trusted_proxies: Vec<String>,
    /// Where people reach the dashboard.
    public_url: Option<String>,
}

/// The host that people reach the dashboard at.
pub(super) fn public_host(section: &AuthSection) -> Result<Option<Host>, ConfigError> {
    let Some(url) = &section.public_url else {
        return Ok(None);
    };
    let wrong = |why: String| ConfigError(format!("auth.publicUrl: {url:?} {why}"));
    let rest = url
        .strip_prefix("https://")
        .ok_or_else(|| wrong("must begin with https://".to_owned()))?;
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    let host = host.to_ascii_lowercase().parse();
    host.map(Some)
        .map_err(|error: BadId| wrong(format!("names no host: {error}")))
}

/// The networks of the proxies.
pub(super) fn trusted_proxies(section: &AuthSection) -> Result<Networks, ConfigError> {
    let networks = Networks::parse(&section.trusted_proxies);
    networks.map_err(|error| ConfigError(format!("auth.trustedProxies: {error}")))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct OidcSection {
    issuer: Option<String>,
    audience: Option<String>,
    subject_claim: Option<String>,
    role_claim: Option<String>,
    owner_claim: Option<String>,
    roles: BTreeMap<String, Role>,
}

/// The variables of the section.
pub(super) const KEYS: [(&str, Setter); 7] = [
    ("auth.publicUrl", |file, text| {
        set(&mut file.auth.public_url, text)
    }),
    ("auth.oidc.issuer", |file, text| {
        set(&mut file.auth.oidc.issuer, text)
    }),
    ("auth.oidc.audience", |file, text| {
        set(&mut file.auth.oidc.audience, text)
    }),
    ("auth.oidc.subjectClaim", |file, text| {
        set(&mut file.auth.oidc.subject_claim, text)
    }),
    ("auth.oidc.roleClaim", |file, text| {
        set(&mut file.auth.oidc.role_claim, text)
    }),
    ("auth.oidc.ownerClaim", |file, text| {
        set(&mut file.auth.oidc.owner_claim, text)
    }),
    ("auth.oidc.roles", |file, text| {
        document(&mut file.auth.oidc.roles, text)
    }),
];

/// The issuer to trust; none where none is named.
pub(super) fn trust(section: AuthSection) -> Result<Option<Trust>, ConfigError> {
    let oidc = section.oidc;
    let given = oidc.audience.is_some()
        || oidc.subject_claim.is_some()
        || oidc.role_claim.is_some()
        || oidc.owner_claim.is_some()
        || !oidc.roles.is_empty();
    let Some(issuer) = oidc.issuer else {
        let what = "the issuer of the ID tokens to take";
        return if given {
            Err(missing("auth.oidc.issuer", what))
        } else {
            Ok(None)
        };
    };
    let text = |value: Option<String>, key: &str, what: &str| {
        let value = value.filter(|it| !it.is_empty());
        value.ok_or_else(|| missing(&format!("auth.oidc.{key}"), what))
    };
    if oidc.roles.is_empty() {
        let what = "which values of the role claim stand for viewer, merchant, operator or admin";
        return Err(missing("auth.oidc.roles", what));
    }
    let trust = Trust {
        issuer,
        audience: text(oidc.audience, "audience", "what the claim aud must hold")?,
        subject_claim: oidc.subject_claim.unwrap_or_else(|| "sub".to_owned()),
        role_claim: text(oidc.role_claim, "roleClaim", "the claim that roles maps")?,
        owner_claim: oidc.owner_claim,
        roles: oidc.roles,
    };
    let merchants = trust.roles.values().any(|it| *it == Role::Merchant);
    if merchants && trust.owner_claim.is_none() {
        let what = "the claim that names a merchant's owner";
        return Err(missing("auth.oidc.ownerClaim", what));
    }
    trust
        .check()
        .map_err(|error| ConfigError(format!("auth.oidc.issuer: {error}")))?;
    Ok(Some(trust))
}

/// What is in force, to be shown.
pub(super) fn shown(trust: Option<&Trust>, proxies: &[String], host: Option<&Host>) -> Value {
    let oidc = trust.map(|it| {
        json!({
            "issuer": it.issuer, "audience": it.audience, "subjectClaim": it.subject_claim,
            "roleClaim": it.role_claim, "ownerClaim": it.owner_claim, "roles": it.roles,
        })
    });
    json!({ "oidc": oidc, "trustedProxies": proxies, "publicHost": host })
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Variables};
    use super::*;

    const GOOD: &str = "{issuer: https://id.example.com, audience: fleet, roleClaim: groups, ownerClaim: org, \
                        roles: {shops: merchant, ops: operator}}";

    fn read(oidc: &str, pairs: &[(&str, &str)]) -> Result<Config, String> {
        let text = format!(
            "data: /d\ngit: {{url: https://g.example.com/f.git}}\nauth: {{oidc: {oidc}}}\n"
        );
        let pairs = pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Config::read(&text, &pairs.collect::<Variables>()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_issuer_is_read_from_file_and_variables() {
        let trust = read(GOOD, &[])
            .expect("good")
            .settings
            .oidc
            .expect("an issuer");
        assert_eq!(trust.subject_claim, "sub");
        assert_eq!(trust.roles["ops"], Role::Operator);
        let over = [
            ("FLEETWRIGHT_AUTH_OIDC_ISSUER", "http://127.0.0.1:9/x"),
            ("FLEETWRIGHT_AUTH_OIDC_SUBJECT_CLAIM", "email"),
            ("FLEETWRIGHT_AUTH_OIDC_ROLES", "{all: admin}"),
        ];
        let config = read(GOOD, &over).expect("good");
        let trust = config.settings.oidc.as_ref().expect("an issuer");
        assert_eq!(trust.issuer, "http://127.0.0.1:9/x");
        assert_eq!(trust.subject_claim, "email");
        assert_eq!(
            trust.roles,
            BTreeMap::from([("all".to_owned(), Role::Admin)])
        );
        assert!(config.in_force().expect("YAML").contains("audience: fleet"));
        assert!(read("{}", &[]).expect("good").settings.oidc.is_none());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let table = [
            (
                "issuer: https://id.example.com, ",
                "",
                "auth.oidc.issuer is missing",
            ),
            ("audience: fleet, ", "", "auth.oidc.audience is missing"),
            ("roleClaim: groups, ", "", "auth.oidc.roleClaim is missing"),
            ("ownerClaim: org, ", "", "auth.oidc.ownerClaim is missing"),
            (
                "{shops: merchant, ops: operator}",
                "{}",
                "auth.oidc.roles is missing",
            ),
            ("ops: operator", "ops: root", "root"),
            ("https://", "http://", "auth.oidc.issuer"),
            ("audience", "audiences", "audiences"),
        ];
        for (from, to, wanted) in table {
            let said = read(&GOOD.replacen(from, to, 1), &[]).err().expect(wanted);
            assert!(said.contains(wanted) && !said.contains('\n'), "{said}");
        }
        let said = read(GOOD, &[("FLEETWRIGHT_AUTH_OIDC_ISSUERS", "x")]).err();
        assert!(said.expect("unknown").contains("is no known variable"));
    }
}
