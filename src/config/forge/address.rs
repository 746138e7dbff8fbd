//! Addresses of a forge: that of its API, and the name of a repository.

use super::super::{ConfigError, missing};

/// The address of the API without its last slash. A credential goes there, so it is https, or on this machine.
pub(super) fn api_address(text: &str) -> Result<String, ConfigError> {
    let wrong = || {
        ConfigError(
            "forge.github.apiUrl: write https://api.github.com, or https://HOST/api/v3 of an Enterprise Server, \
             without user, query or fragment (http:// on this machine only)"
                .to_owned(),
        )
    };
    let (scheme, rest) = text.trim().split_once("://").ok_or_else(wrong)?;
    let strange = |c: char| c.is_whitespace() || "@?#\\".contains(c);
    let authority = rest.split('/').next().unwrap_or_default();
    let safe = match scheme {
        "https" => !authority.is_empty(),
        "http" => is_here(authority),
        _ => false,
    };
    if !safe || rest.contains(strange) {
        return Err(wrong());
    }
    Ok(format!("{scheme}://{}", rest.trim_end_matches('/')))
}

/// Whether a host, with or without a port, is this machine.
fn is_here(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|it| it.is_loopback())
}

/// Owner and name of the repository: as configured, else as the address that git uses ends.
pub(super) fn repository(
    named: Option<&str>,
    git_url: &str,
) -> Result<(String, String), ConfigError> {
    let from_git = || {
        let (_, rest) = git_url.split_once("://")?;
        let (_, path) = rest.split_once('/')?;
        let path = path.trim_end_matches('/');
        Some(path.strip_suffix(".git").unwrap_or(path))
    };
    let parts = named.or_else(from_git).and_then(|it| it.split_once('/'));
    match parts {
        Some((owner, name)) if is_word(owner) && is_word(name) => {
            Ok((owner.to_owned(), name.to_owned()))
        }
        _ => match named {
            Some(text) => Err(ConfigError(format!(
                "forge.github.repository: {text:?} is no repository; write owner/name"
            ))),
            None => Err(missing(
                "forge.github.repository",
                "owner/name of the fleet repository, which git.url does not tell",
            )),
        },
    }
}

/// Names of owners and repositories: letters, digits, `-`, `_` and `.`.
fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.chars().all(plain) && !matches!(text, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_nowhere_that_others_on_the_way_can_read() {
        for (text, wanted) in [
            ("https://api.github.com", Some("https://api.github.com")),
            (
                "https://github.example.com/api/v3/",
                Some("https://github.example.com/api/v3"),
            ),
            ("http://127.0.0.1:4010", Some("http://127.0.0.1:4010")),
            ("http://[::1]:4010/", Some("http://[::1]:4010")),
            ("http://localhost/api/v3", Some("http://localhost/api/v3")),
            ("http://github.example.com", None),
            ("http://localhost.example.com", None),
            ("https://me:secret@github.example.com", None),
            ("http://127.0.0.1@github.example.com", None),
            ("https://github.example.com?x", None),
            ("https://", None),
            ("ftp://github.example.com", None),
            ("api.github.com", None),
        ] {
            assert_eq!(api_address(text).ok().as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn a_repository_is_named_or_told_by_the_address_of_git() {
        for (named, url, wanted) in [
            (
                None,
                "https://github.com/acme/fleet.git",
                Some(("acme", "fleet")),
            ),
            (
                None,
                "https://bot:x@github.com/acme/fleet",
                Some(("acme", "fleet")),
            ),
            (
                None,
                "http://127.0.0.1:9/acme/fleet.git/",
                Some(("acme", "fleet")),
            ),
            (
                Some("acme/shops.eu"),
                "/srv/fleet.git",
                Some(("acme", "shops.eu")),
            ),
            (None, "/srv/acme/fleet.git", None),
            (None, "https://git.example.com/fleet.git", None),
            (None, "https://git.example.com/a/b/fleet.git", None),
            (Some("fleet"), "https://github.com/acme/fleet.git", None),
            (Some("acme/.."), "https://github.com/acme/fleet.git", None),
            (Some("a/b/c"), "https://github.com/acme/fleet.git", None),
        ] {
            let found = repository(named, url).ok();
            let found = found.as_ref().map(|(a, b)| (a.as_str(), b.as_str()));
            assert_eq!(found, wanted, "{named:?} {url}");
        }
    }
}
