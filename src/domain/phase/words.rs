//! Words: reasons of our own, names inside Flux's messages, and what a person can do about each of Flux's reasons.
//!
//! Must not know: which phase a reason leads to.

/// The reason where no cluster is watched.
pub const NOT_WATCHED: &str = "NotWatched";
/// The reason of a shop that is switched off as Git wants it.
pub const SUSPENDED: &str = "Suspended";
/// The reason of a store that somebody suspended in the cluster by hand.
pub const SUSPENDED_IN_CLUSTER: &str = "SuspendedInCluster";

/// The reason of a store that does not answer as a shop does.
pub const NOT_ANSWERING: &str = "NotAnswering";

/// Whether a message names a thing: the name stands there with nothing beside it that could belong to a longer one.
pub fn names(message: &str, name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    message.match_indices(name).any(|(at, _)| {
        let before = message[..at].chars().next_back().is_some_and(part);
        let after = message[at + name.len()..].chars().next().is_some_and(part);
        !before && !after
    })
}

/// What a person can do about a reason that helm-controller or kustomize-controller gives. The reasons are an open
/// set, so there is an answer for those not known.
pub fn next_step(reason: &str) -> &'static str {
    match reason {
        "InstallFailed" | "UpgradeFailed" => {
            "look at the pods and events of the store's namespace; correct values, plan or version by an update, then retry"
        }
        "TestFailed" => {
            "look at the log of the chart's test pod in the store's namespace, then retry or roll back"
        }
        "RollbackSucceeded" => {
            "the previous version runs again: correct the last change by an update, or roll it back in Git too"
        }
        "RollbackFailed" => {
            "look at the pods and events of the store's namespace; roll back to a good commit, or retry with mode force"
        }
        "UninstallFailed" => {
            "look at the message: something in the store's namespace or its rights keeps Helm from uninstalling; correct it, Flux tries again"
        }
        "UninstallSucceeded" => {
            "the failed installation was taken away: correct the record by an update, then retry with mode reset"
        }
        "RetriesExceeded" | "MissingRollbackTarget" => {
            "correct the record by an update, or retry with mode reset"
        }
        "ValuesError" | "ChartMutateError" => "correct the store's values by an update",
        "RESTClientError" => {
            "the store's service account lacks rights: compare the cluster with its bootstrap"
        }
        "AccessDenied" => {
            "Flux refuses a reference into another namespace: find out who wrote it, and compare the cluster with its bootstrap"
        }
        "DependencyNotReady" | "SourceNotReady" | "ArtifactFailed" => {
            "wait a moment; if it stays, look at the HelmChart or artifact that the message names"
        }
        "HealthCheckCanceled" => "wait: a newer revision is being applied",
        "BuildFailed" => {
            "a rendered file of the store is not valid: report it; an update renders it again"
        }
        "ReconciliationFailed" | "PruneFailed" => {
            "look at the message: the cluster refused one of the store's objects; correct what it names, Flux tries again"
        }
        _ => "look at the message and at the object's events in the cluster, then retry",
    }
}

/// What a person can do about what keeps pods from running: a reason of Kubernetes, or one of ours.
pub(super) fn live_step(reason: &str) -> &'static str {
    match reason {
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => {
            "check the image's name and tag in the store's values or chart version, and that the cluster may pull from its registry"
        }
        "CrashLoopBackOff" | "Error" | "RunContainerError" | "StartError" => {
            "look at the log of the container that the message names (`kubectl logs --previous`); correct values or version by an update"
        }
        "OOMKilled" => {
            "the container needs more memory than it may have: choose a larger plan, or lower what the shop uses"
        }
        "CreateContainerConfigError" | "CreateContainerError" => {
            "the container cannot be made: look for the Secret, ConfigMap or setting that the message names"
        }
        "Unschedulable" => {
            "no node takes the pod: add nodes, or choose a smaller plan; look at the volumes' zones too"
        }
        "Evicted" => "a node ran out of memory or disk: look at the node that the message names",
        "QuotaExceeded" => {
            "the plan's quota is used up: choose a larger plan, or remove what uses it in the store's namespace"
        }
        "FailedCreate" => {
            "the cluster refuses the store's pods: look at the rule or right that the message names"
        }
        "VolumePending" => {
            "look at the claim's events: the storage class may be missing, or have no space left"
        }
        "VolumeLost" => {
            "find the volume again, or restore the data from a backup; until then the shop runs without its data, or not at all"
        }
        "JobFailed" => "look at the log of the job's pod, then retry",
        NOT_ANSWERING => {
            "open the shop's address and look at the log of its web container; if it answers there, look at route, DNS and certificate"
        }
        _ => "look at the pods and events of the store's namespace",
    }
}

/// Words of somebody else as part of a sentence: on one line, cut to so many characters.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_inside_a_longer_one_is_another_name() {
        assert!(names(
            "Kustomization/fleet/store-shop invalid",
            "store-shop"
        ));
        assert!(names("store-shop", "store-shop"));
        assert!(!names("store-shop-2 invalid", "store-shop"));
        assert!(!names("my-store-shop invalid", "store-shop"));
    }
}
