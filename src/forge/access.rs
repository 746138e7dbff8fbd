//! How the forge is reached, and as whom. Must not know: what is asked there.

use std::fmt;

use secrecy::SecretString;

use super::ForgeError;
use super::clock::Clock;
use super::permissions::Features;

/// Where github.com's API is.
pub const PUBLIC_API: &str = "https://api.github.com";

/// Everything that [`super::Forge::connect`] needs.
#[derive(Debug, Clone)]
pub struct Access {
    /// Base of the REST API: [`PUBLIC_API`], or `https://<host>/api/v3` of a GitHub Enterprise Server.
    pub api: String,
    /// The fleet repository, as `owner/name`.
    pub repository: String,
    /// As whom.
    pub identity: Identity,
    /// What is on: it decides which permissions tokens ask for.
    pub features: Features,
    /// The time.
    pub clock: Clock,
}

/// As whom the forge is asked.
#[derive(Clone)]
pub enum Identity {
    /// A GitHub App: tokens are minted, for one repository and what is needed there.
    App {
        /// Its number.
        id: u64,
        /// Its private key, PEM.
        private_key: Vec<u8>,
        /// Its installation; found by the repository when none is given.
        installation: Option<u64>,
    },
    /// A fine-grained personal access token. It makes no checks: commit statuses instead.
    Token(SecretString),
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App { id, .. } => write!(f, "App({id})"),
            Self::Token(_) => f.write_str("Token"),
        }
    }
}

/// The repository's address at the forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slug {
    pub(super) owner: String,
    pub(super) name: String,
}

impl Slug {
    pub(super) fn parse(text: &str) -> Result<Self, ForgeError> {
        let bad = || {
            let why = format!("{text:?} is no repository: write owner/name, as in its address");
            ForgeError::Setup(why)
        };
        let (owner, name) = text.split_once('/').ok_or_else(bad)?;
        let plain = |part: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            !part.is_empty() && part.chars().all(fits) && part.chars().any(|c| c != '.')
        };
        if !plain(owner) || !plain(name) {
            return Err(bad());
        }
        let (owner, name) = (owner.to_owned(), name.to_owned());
        Ok(Self { owner, name })
    }

    /// The path that its calls begin with.
    pub(super) fn path(&self) -> String {
        format!("/repos/{}/{}", self.owner, self.name)
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The bases of the two APIs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bases {
    pub(super) rest: String,
    /// `/graphql` follows it.
    pub(super) graphql: String,
}

impl Bases {
    /// The GraphQL API of an Enterprise Server lies beside its REST API, not below it.
    pub(super) fn of(api: &str) -> Result<Self, ForgeError> {
        let rest = api.trim_end_matches('/');
        let bad = |why: &str| {
            let hint = "write https://<host>/api/v3, or leave it out for github.com";
            ForgeError::Setup(format!("{api:?} is no API address: {why}; {hint}"))
        };
        let uri: hyper::Uri = rest.parse().map_err(|_| bad("it cannot be read"))?;
        let host = uri.host().ok_or_else(|| bad("it has no host"))?;
        let authority = uri.authority().map_or("", |it| it.as_str());
        if authority.contains('@') || uri.query().is_some() {
            return Err(bad("it must hold no user and no query"));
        }
        let safe = uri.scheme_str() == Some("https") || is_loopback(host);
        if !safe {
            return Err(bad("anybody on the way could read the token without https"));
        }
        let graphql = rest.strip_suffix("/v3").unwrap_or(rest);
        Ok(Self {
            rest: rest.to_owned(),
            graphql: graphql.to_owned(),
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse()
            .is_ok_and(|it: std::net::IpAddr| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_apis_are_found_from_one_address() {
        let cases = [
            (
                "https://api.github.com",
                "https://api.github.com",
                "https://api.github.com",
            ),
            (
                "https://ghe.example/api/v3/",
                "https://ghe.example/api/v3",
                "https://ghe.example/api",
            ),
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080",
            ),
            (
                "http://[::1]:80/api/v3",
                "http://[::1]:80/api/v3",
                "http://[::1]:80/api",
            ),
        ];
        for (api, rest, graphql) in cases {
            let bases = Bases::of(api).expect(api);
            assert_eq!(
                (bases.rest.as_str(), bases.graphql.as_str()),
                (rest, graphql),
                "{api}"
            );
        }
    }

    #[test]
    fn an_address_that_gives_the_token_away_is_refused() {
        for api in [
            "http://ghe.example/api/v3",
            "https://me:pw@ghe.example/api/v3",
            "https://ghe.example/api/v3?x=1",
            "ghe.example",
            "/api/v3",
            "",
        ] {
            assert!(matches!(Bases::of(api), Err(ForgeError::Setup(_))), "{api}");
        }
    }

    #[test]
    fn a_repository_has_an_owner_and_a_name() {
        assert_eq!(
            Slug::parse("shop/fleet.v2").expect("good").path(),
            "/repos/shop/fleet.v2"
        );
        for text in [
            "fleet",
            "a/b/c",
            "/b",
            "a/",
            "a/..",
            "a b/c",
            "a/b?x",
            "https://github.com/a/b",
        ] {
            assert!(Slug::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_identity_is_printed_without_its_secret() {
        let app = Identity::App {
            id: 7,
            private_key: b"-----BEGIN".to_vec(),
            installation: None,
        };
        assert_eq!(format!("{app:?}"), "App(7)");
        assert_eq!(format!("{:?}", Identity::Token("ghp_x".into())), "Token");
    }
}
