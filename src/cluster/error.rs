//! What can go wrong with a cluster, as sentences.

use std::error::Error as StdError;

use kube::client::AuthError;
use kube::runtime::watcher;

use super::kinds::{Kind, Place};
use super::{REQUEST, SOURCE, Target};

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
            kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404 | 405) => {
                Self::Unreadable {
                    what: what.to_owned(),
                    why: status.message.clone(),
                }
            }
            // It is too busy, or in trouble itself.
            kube::Error::Api(status) => Self::Unreachable {
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

/// Why a watch failed, as a sentence. No error means that the API server ended it and does not go on.
pub(super) fn watch_sentence(kind: Kind, error: Option<&watcher::Error>) -> String {
    let (name, rule) = (kind.name(), kind.rule());
    match error.map_or(Cause::Other, cause) {
        Cause::Missing => format!(
            "the cluster does not know the kind {name}: install Flux, then apply the cluster's bootstrap"
        ),
        Cause::Denied(why) => format!(
            "this account may not read {name} objects: {why}; apply the cluster's bootstrap, or give the account {}",
            role(kind, &rule)
        ),
        Cause::Other => format!("the watch of {name} objects fails: {}", why(error)),
    }
}

/// Why a kind cannot be read that can be done without, as a sentence.
pub(super) fn blind_sentence(kind: Kind, error: Option<&watcher::Error>) -> String {
    let name = kind.name();
    let cause = match error.map_or(Cause::Other, cause) {
        Cause::Missing => "the cluster does not know this kind".to_owned(),
        Cause::Denied(why) => why.to_owned(),
        Cause::Other => why(error),
    };
    format!(
        "{name} objects cannot be read, what they would tell is not known: {cause}; it takes {}",
        role(kind, &kind.rule())
    )
}

/// Which role needs a rule.
fn role(kind: Kind, rule: &str) -> String {
    match kind.place() {
        Place::Fleet => format!("the rule {rule} in a Role of the fleet's namespace"),
        Place::Everywhere => format!("the rule {rule} in a ClusterRole"),
    }
}

fn why(error: Option<&watcher::Error>) -> String {
    error.map_or_else(|| "it ended".to_owned(), |error| chain(error))
}

/// What kind of failure of a watch it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause<'a> {
    /// The API server does not serve the kind.
    Missing,
    /// The account may not read it, in the API server's words.
    Denied(&'a str),
    /// Anything else.
    Other,
}

/// What kind of failure it is. A server that does not know us at all says nothing about a kind: renewed credentials
/// cure that.
pub(super) fn cause(error: &watcher::Error) -> Cause<'_> {
    use watcher::Error::{InitialListFailed, WatchFailed, WatchStartFailed};
    let (InitialListFailed(kube::Error::Api(status))
    | WatchStartFailed(kube::Error::Api(status))
    | WatchFailed(kube::Error::Api(status))) = error
    else {
        return Cause::Other;
    };
    match status.code {
        404 => Cause::Missing,
        403 => Cause::Denied(&status.message),
        _ => Cause::Other,
    }
}

/// What is said of a program that gives credentials. Its output is left out: it may hold them.
fn credentials(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { out, .. } => {
            format!("the program that gives credentials failed ({})", out.status)
        }
        AuthError::AuthExecParse(_) => {
            "the program that gives credentials answered something else".to_owned()
        }
        other => other.to_string(),
    }
}

/// An error with its causes, each said once: the libraries' own texts often repeat their cause.
pub(super) fn chain(error: &dyn StdError) -> String {
    let mut causes = std::iter::successors(error.source(), |cause| StdError::source(*cause));
    if let Some(error) = causes.find_map(|cause| cause.downcast_ref::<AuthError>()) {
        return credentials(error);
    }
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
        assert_eq!(cause(&missing), Cause::Missing);
        assert!(
            watch_sentence(Kind::Release, Some(&missing))
                .contains("does not know the kind HelmRelease")
        );
        let denied = watcher::Error::InitialListFailed(api(403, "forbidden"));
        assert_eq!(cause(&denied), Cause::Denied("forbidden"));
        assert_eq!(
            watch_sentence(Kind::Namespace, Some(&denied)),
            "this account may not read Namespace objects: forbidden; apply the cluster's bootstrap, or give the account \
            the rule {apiGroups: [\"\"], resources: [namespaces], verbs: [get, list, watch]} in a ClusterRole"
        );
        let expired = watcher::Error::WatchStartFailed(api(401, "Unauthorized"));
        assert_eq!(cause(&expired), Cause::Other);
    }

    #[test]
    fn what_is_done_without_is_named_with_the_rule_that_would_give_it() {
        let denied = watcher::Error::InitialListFailed(api(403, "pods is forbidden"));
        assert_eq!(
            blind_sentence(Kind::Pod, Some(&denied)),
            "Pod objects cannot be read, what they would tell is not known: pods is forbidden; it takes the rule \
            {apiGroups: [\"\"], resources: [pods], verbs: [get, list, watch]} in a ClusterRole"
        );
        let ended = blind_sentence(Kind::Chart, None);
        assert!(
            ended.contains("resources: [helmcharts]")
                && ended.ends_with("Role of the fleet's namespace"),
            "{ended}"
        );
    }

    #[test]
    fn what_a_program_that_gives_credentials_says_is_told_to_nobody() {
        use std::os::unix::process::ExitStatusExt;
        let out = Box::new(std::process::Output {
            status: std::process::ExitStatus::from_raw(256),
            stdout: b"token: SECRET".to_vec(),
            stderr: Vec::new(),
        });
        let cmd = "login --password SECRET".to_owned();
        let error = kube::Error::Auth(AuthError::AuthExecRun { cmd, out });
        let said = ClusterError::client(&error).to_string();
        assert!(
            said.contains("gives credentials failed (exit status: 1)") && !said.contains("SECRET"),
            "{said}"
        );
    }
}
