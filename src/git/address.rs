//! A remote's address, without the secrets that people put into it. Pure.

use super::outcome::RemoteError;
use super::remote::Credential;

/// The address of a Git repository, fit for an argument and for a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address(String);

impl Address {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads an address, and takes the password out of it.
    ///
    /// # Errors
    /// [`RemoteError::BadUrl`] for what git would read otherwise than it looks (an option, a program to run) or not
    /// at all.
    pub(super) fn parse(url: &str) -> Result<(Self, Option<Credential>), RemoteError> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Ok((Self::without_scheme(url)?, None));
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (userinfo, host) = authority
            .rsplit_once('@')
            .map_or((None, authority), |(u, h)| (Some(u), h));
        let bare = format!("{scheme}://{host}{path}");
        let bad = |rule| {
            Err(RemoteError::BadUrl {
                url: bare.clone(),
                rule,
            })
        };
        if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return bad("it must not hold spaces or control characters");
        }
        if host.starts_with('-') || (host.is_empty() && scheme != "file") {
            return bad("it names no host");
        }
        match scheme {
            "http" | "https" => Ok((Self(bare), userinfo.and_then(basic))),
            // Here the user is a part of the address, and a password has no use.
            "ssh" => {
                let user = userinfo.map(|info| info.split(':').next().unwrap_or(info));
                let user = user.map_or_else(String::new, |user| format!("{user}@"));
                Ok((Self(format!("ssh://{user}{host}{path}")), None))
            }
            "file" => Ok((Self(bare), None)),
            _ => bad("use https://, http://, ssh://, file://, user@host:path or an absolute path"),
        }
    }

    fn without_scheme(url: &str) -> Result<Self, RemoteError> {
        let short = url.split_once(':').is_some_and(|(host, path)| {
            !host.is_empty() && !host.contains('/') && !path.starts_with(':') && !path.is_empty()
        });
        let plain = !url.starts_with('-') && !url.chars().any(char::is_control);
        if plain && (url.starts_with('/') || short) {
            return Ok(Self(url.to_owned()));
        }
        let url = url.chars().filter(|c| !c.is_control()).take(200).collect();
        let rule = "use https://, http://, ssh://, file://, user@host:path or an absolute path";
        Err(RemoteError::BadUrl { url, rule })
    }
}

fn basic(userinfo: &str) -> Option<Credential> {
    let (user, password) = userinfo.split_once(':')?;
    Some(Credential::Basic {
        user: decoded(user),
        password: decoded(password),
    })
}

/// Undoes percent-encoding (RFC 3986 §2.1); what is no encoding stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex
            .filter(|_| *first == b'%')
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        rest = if byte.is_some() { &tail[2..] } else { tail };
        bytes.push(byte.unwrap_or(*first));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_leave_the_address() {
        let parse = |url| Address::parse(url).map(|(address, credential)| (address.0, credential));
        let basic = |user: &str, password: &str| {
            Some(Credential::Basic {
                user: user.to_owned(),
                password: password.to_owned(),
            })
        };
        for (url, bare, credential) in [
            (
                "https://git.example/a/b.git",
                "https://git.example/a/b.git",
                None,
            ),
            (
                "https://bot:p%40ss@git.example/a",
                "https://git.example/a",
                basic("bot", "p@ss"),
            ),
            (
                "http://u:a@b@127.0.0.1:3000/x",
                "http://127.0.0.1:3000/x",
                basic("u", "a@b"),
            ),
            ("https://bot@git.example/a", "https://git.example/a", None),
            (
                "ssh://git:x@git.example:22/a",
                "ssh://git@git.example:22/a",
                None,
            ),
            ("git@git.example:a/b.git", "git@git.example:a/b.git", None),
            ("file:///srv/fleet.git", "file:///srv/fleet.git", None),
            ("/srv/fleet.git", "/srv/fleet.git", None),
        ] {
            assert_eq!(parse(url).unwrap(), (bare.to_owned(), credential), "{url}");
        }
    }

    #[test]
    fn what_git_would_read_otherwise_is_refused() {
        let bad = [
            "",
            "x",
            "../x",
            "-u",
            "--upload-pack=x",
            "ext::sh -c x",
            "ftp://h/x",
            "https:///x",
            "ssh://-o/x",
        ];
        for url in bad.into_iter().chain(["https://a b/c", "https://a/\nb"]) {
            assert!(
                matches!(Address::parse(url), Err(RemoteError::BadUrl { .. })),
                "{url}"
            );
        }
        let error = Address::parse("gopher://me:secret@h/x")
            .unwrap_err()
            .to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
