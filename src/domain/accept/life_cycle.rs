//! Upgrade, suspend, resume, rollback and retry: what each makes of a record, and what it may follow on.
//!
//! Must not know: how an earlier spec is found, or what a cluster shows.

use semver::Version;

use super::{Circumstances, Earlier, checked, no};
use crate::domain::StoreName;
use crate::domain::change::Action;
use crate::domain::record::{Record, Retry, RetryMode, Spec};
use crate::domain::request::Refusal;

/// Whether an action may follow on what the record says.
pub(super) fn may_follow(action: Action, record: &Record) -> Result<(), Refusal> {
    let name = record.name();
    if record.metadata.deletion.is_some() {
        return Err(leaving(record));
    }
    let why = match (action, record.spec.suspended) {
        (Action::Suspend, true) => format!("store {name} is suspended already"),
        (Action::Resume, false) => format!("store {name} is not suspended"),
        (Action::Retry, true) => format!("store {name} is suspended; resume it instead"),
        (Action::Delete, _) if record.spec.deletion_protection => {
            format!("store {name} is protected; set deletionProtection to false first")
        }
        _ => return Ok(()),
    };
    Err(Refusal::Illegal(why))
}

/// Why nothing follows on an accepted deletion.
pub(super) fn leaving(record: &Record) -> Refusal {
    Refusal::Illegal(format!(
        "store {} is being deleted and takes no changes",
        record.name()
    ))
}

/// Why a store that has had one state only cannot go back.
pub(super) fn nothing_earlier(store: &StoreName) -> Refusal {
    Refusal::Illegal(format!(
        "store {store} has no earlier state to go back to; see its history"
    ))
}

/// Another chart version.
pub(super) fn upgraded(
    at: &Circumstances<'_>,
    record: &Record,
    version: &str,
    allow_downgrade: bool,
) -> Result<Record, Refusal> {
    let offered = at.policy.engines.get(&record.spec.engine);
    let known = offered.is_some_and(|it| it.versions.iter().any(|it| it == version));
    if known && Version::parse(version).is_err() && !allow_downgrade {
        let detail =
            "is no semantic version, so nobody can tell whether it is older; say allowDowngrade";
        return Err(no("/version", detail));
    }
    let spec = Spec {
        version: version.to_owned(),
        ..record.spec.clone()
    };
    checked(at, record, spec, "", allow_downgrade)
}

/// The shop switched off or on.
pub(super) fn switched(record: &Record, suspended: bool) -> Record {
    let mut record = record.clone();
    record.spec.suspended = suspended;
    record
}

/// The spec of then. Owner and hosts stay, for others may have them by now; volumes stay, for they never shrink; and
/// so does the newest retry, for an older one would look like another.
pub(super) fn rolled_back(
    at: &Circumstances<'_>,
    record: &Record,
    earlier: &Earlier,
) -> Result<Record, Refusal> {
    checked(at, record, of_then(&earlier.spec, &record.spec), "", true)
}

/// What a rollback from `now` to `then` leaves.
pub fn of_then(then: &Spec, now: &Spec) -> Spec {
    Spec {
        owner: now.owner.clone(),
        host: now.host.clone(),
        extra_hosts: now.extra_hosts.clone(),
        volumes: now.volumes.clone(),
        retry: now.retry.clone(),
        ..then.clone()
    }
}

/// A new request to Flux; the change's id makes it differ from every one before.
pub(super) fn retried(at: &Circumstances<'_>, record: &Record, mode: RetryMode) -> Record {
    let mut record = record.clone();
    record.spec.retry = Some(Retry {
        token: at.id.to_string(),
        mode,
    });
    record
}

/// What to do instead of patching a field that is not patched.
pub(super) fn instead(field: &str) -> &'static str {
    match field {
        "name" => {
            "a store is not renamed: create one with the new name, move its data, delete this one"
        }
        "suspended" => "is changed by suspend and resume",
        "retry" => "is asked for by retry",
        _ => "cannot be changed, or is no field of a store",
    }
}

#[cfg(test)]
mod tests;
