//! What can go wrong with a cluster, as sentences.

use std::error::Error as StdError;

use kube::runtime::watcher;

use super::{REQUEST, SOURCE, Target, kinds::Kind};

/// Why a cluster cannot be used, or not be told something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// The configuration cannot be read or is not complete.
    #[error(
        "cannot use the kubeconfig {path}: {why}; name a readable file with --kubeconfig, and a context that it has"
    )]
    Kubeconfig {
        /// The file, or what stands for it.
        path: String,
        /// Why.
        why: String,
    },
    /// No client can be made of it.
    #[error(
        "cannot make a client of the cluster: {why}; check certificates and credentials in the kubeconfig"
    )]
    Client {
        /// Why.
        why: String,
    },
    /// The API server cannot be reached.
    #[error("the cluster's API server cannot be reached: {why}; it is tried again")]
    Unreachable {
        /// Why.
        why: String,
    },
    /// The cluster has no `GitRepository`.
    #[error("the cluster has no GitRepository {namespace}/{name}: apply the cluster's bootstrap")]
    NoSource {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: &'static str,
    },
    /// The API server says no.
    #[error(
        "the cluster refuses to be told to fetch: {why}; Flux fetches at its own interval. Compare the rights of this account with the cluster's bootstrap"
    )]
    Refused {
        /// In the API server's words.
        why: String,
    },
    /// The API server does not let something be read.
    #[error(
        "the cluster does not let {what} be read: {why}. Compare the rights of this account with the cluster's bootstrap"
    )]
    Unreadable {
        /// What was asked for.
        what: String,
        /// In the API server's words.
        why: String,
    },
}

impl ClusterError {
    pub(super) fn kubeconfig(target: &Target, source: &dyn StdError) -> Self {
        let path = target
            .kubeconfig
            .as_ref()
            .map_or("of the environment".to_owned(), |path| {
                path.display().to_string()
            });
        Self::Kubeconfig {
            path,
            why: chain(source),
        }
    }

    pub(super) fn client(source: &dyn StdError) -> Self {
        Self::Client { why: chain(source) }
    }

    pub(super) fn read(what: &str, source: &kube::Error) -> Self {
        match source {
            kube::Error::Api(status) => Self::Unreadable {
                what: what.to_owned(),
                why: status.message.clone(),
            },
            other => Self::Unreachable { why: chain(other) },
        }
    }

    /// A single request took too long.
    pub(super) fn silent() -> Self {
        Self::Unreachable {
            why: format!("no answer within {} s", REQUEST.as_secs()),
        }
    }

    pub(super) fn fetch(namespace: &str, source: &kube::Error) -> Self {
        match source {
            kube::Error::Api(status) if status.code == 404 => Self::NoSource {
                namespace: namespace.to_owned(),
                name: SOURCE,
            },
            kube::Error::Api(status) => Self::Refused {
                why: status.message.clone(),
            },
            other => Self::Unreachable { why: chain(other) },
        }
    }
}

/// Why a watch failed, as a sentence.
pub(super) fn watch_sentence(kind: Kind, error: &watcher::Error) -> String {
    let name = kind.name();
    match cause(error) {
        Cause::Missing => format!(
            "the cluster does not know the kind {name}: install Flux, then apply the cluster's bootstrap"
        ),
        Cause::Denied(why) => format!(
            "this account may not read {name} objects: {why}; apply the cluster's bootstrap"
        ),
        Cause::Other => format!("the watch of {name} objects fails: {}", chain(error)),
    }
}

/// Whether the API server does not serve the kind.
pub(super) fn is_missing_kind(error: &watcher::Error) -> bool {
    matches!(cause(error), Cause::Missing)
}

enum Cause<'a> {
    Missing,
    Denied(&'a str),
    Other,
}

fn cause(error: &watcher::Error) -> Cause<'_> {
    use watcher::Error::{InitialListFailed, WatchFailed, WatchStartFailed};
    let (InitialListFailed(kube::Error::Api(status))
    | WatchStartFailed(kube::Error::Api(status))
    | WatchFailed(kube::Error::Api(status))) = error
    else {
        return Cause::Other;
    };
    match status.code {
        404 => Cause::Missing,
        401 | 403 => Cause::Denied(&status.message),
        _ => Cause::Other,
    }
}

/// An error with its causes, each said once: the libraries' own texts often repeat their cause.
pub(super) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let cause = source.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        next = source.source();
    }
    text.chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, message: &str) -> kube::Error {
        let status = serde_json::json!({"status": "Failure", "code": code, "message": message, "reason": ""});
        kube::Error::Api(serde_json::from_value(status).expect("a Status"))
    }

    #[test]
    fn refusals_say_what_to_do() {
        let missing = ClusterError::fetch("fleet", &api(404, "not found"));
        assert_eq!(
            missing.to_string(),
            "the cluster has no GitRepository fleet/fleet: apply the cluster's bootstrap"
        );
        let denied = ClusterError::fetch("fleet", &api(403, "user x cannot patch")).to_string();
        assert!(
            denied.contains("user x cannot patch") && denied.contains("at its own interval"),
            "{denied}"
        );
    }

    #[test]
    fn a_missing_kind_is_told_from_a_denied_one() {
        let missing = watcher::Error::InitialListFailed(api(
            404,
            "the server could not find the requested resource",
        ));
        assert!(is_missing_kind(&missing));
        assert!(
            watch_sentence(Kind::Release, &missing).contains("does not know the kind HelmRelease")
        );
        let denied = watcher::Error::InitialListFailed(api(403, "forbidden"));
        assert!(!is_missing_kind(&denied));
        assert!(
            watch_sentence(Kind::Namespace, &denied)
                .contains("may not read Namespace objects: forbidden")
        );
    }
}
