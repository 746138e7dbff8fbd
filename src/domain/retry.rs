//! How much a store needs tried again, where whoever asks for a retry does not say.
//!
//! Must not know: how Flux is told. `force` is never chosen: it has Helm upgrade what nothing is wrong with, so somebody has
//! to mean it.

use super::observed::{ReleaseSeen, Truth};
use super::record::RetryMode;

/// What helps a release as it is seen; none: nothing is known of it.
///
/// A release that helm-controller has given up is not looked at again before its failure counters are reset; one that it
/// has not given up needs no more than to be looked at now. Unknown, it is reset, which helps in both cases.
pub fn needed(release: Option<&ReleaseSeen>) -> RetryMode {
    match release {
        Some(release) if !given_up(release) => RetryMode::Reconcile,
        Some(_) | None => RetryMode::Reset,
    }
}

/// Stalled for whatever reason, or out of retries: the latter is also told by other conditions.
fn given_up(release: &ReleaseSeen) -> bool {
    let conditions = &release.meta.conditions;
    let out = || conditions.0.iter().any(|it| it.reason == "RetriesExceeded");
    conditions.with("Stalled", Truth::True).is_some() || out()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::observed::{Condition, Conditions, Meta};

    #[test]
    fn what_flux_has_given_up_is_reset_and_the_rest_is_reconciled() {
        use RetryMode::{Reconcile, Reset};
        use Truth::{False, True, Unknown};
        let is = |&(kind, status, reason): &(&str, Truth, &str)| Condition {
            kind: kind.to_owned(),
            status,
            reason: reason.to_owned(),
            message: String::new(),
            observed_generation: None,
        };
        let stalled = ("Stalled", True, "RetriesExceeded");
        for (conditions, mode) in [
            (vec![], Reconcile),
            (vec![("Ready", True, "UpgradeSucceeded")], Reconcile),
            (vec![("Ready", Unknown, "Progressing")], Reconcile),
            (vec![("Ready", False, "UpgradeFailed")], Reconcile),
            (vec![("Ready", False, "UpgradeFailed"), stalled], Reset),
            (vec![("Stalled", True, "AccessDenied")], Reset),
            (vec![("Stalled", False, "Succeeded")], Reconcile),
            (vec![("Ready", False, "RetriesExceeded")], Reset),
        ] {
            let release = ReleaseSeen {
                meta: Meta {
                    conditions: Conditions(conditions.iter().map(is).collect()),
                    ..Meta::default()
                },
                ..ReleaseSeen::default()
            };
            assert_eq!(needed(Some(&release)), mode, "{conditions:?}");
        }
        assert_eq!(needed(None), Reset);
    }
}
