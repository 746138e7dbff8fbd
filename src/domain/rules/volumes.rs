//! What never changes of a store, and how its volumes may: they grow, they never shrink, they are the plan's.

use super::Asked;
use crate::domain::request::Violation;

/// The greatest volume that may be asked for, in bytes: 64 TiB.
const VOLUME_LIMIT: u128 = 64 << 40;

/// Fields whose change would uninstall and install afresh, or lose data.
pub(super) fn fixed(asked: &Asked<'_>, found: &mut Vec<Violation>) {
    let Some(old) = asked.old else { return };
    let new = asked.new;
    for (changed, pointer, what) in [
        (
            old.engine != new.engine,
            "/engine",
            "the engine of a store never changes; create another store",
        ),
        (
            old.cluster != new.cluster,
            "/cluster",
            "a store never moves to another cluster: create one there, move its data, delete this one",
        ),
    ] {
        if changed {
            found.push(Violation::new(pointer, what));
        }
    }
    for (place, size) in &old.volumes {
        let shrinks = new
            .volumes
            .get(place)
            .is_none_or(|it| quantity(it) < quantity(size));
        if shrinks {
            found.push(Violation::new(
                format!("/volumes/{place}"),
                format!("a volume never shrinks; it has {size}"),
            ));
        }
    }
}

/// Volumes are the places that the plan or the record had: any other place would set any value of the chart.
pub(super) fn volumes(asked: &Asked<'_>, found: &mut Vec<Violation>) {
    let new = asked.new;
    let plan = asked.policy.plans.get(&new.plan);
    let given = plan
        .and_then(|it| it.engines.get(&new.engine))
        .map(|it| &it.volumes);
    for (place, size) in &new.volumes {
        let pointer = || format!("/volumes/{}", place.chars().take(60).collect::<String>());
        let known = asked.old.is_some_and(|old| old.volumes.contains_key(place))
            || given.is_some_and(|it| it.contains_key(place));
        if !known {
            found.push(Violation::new(
                pointer(),
                "is no volume of this plan and engine",
            ));
        } else if quantity(size).is_none_or(|bytes| bytes > VOLUME_LIMIT) {
            found.push(Violation::new(
                pointer(),
                "must be a size like 20Gi, of at most 64Ti",
            ));
        }
    }
}

/// A Kubernetes quantity of whole bytes as a number; none for what is no such quantity.
fn quantity(text: &str) -> Option<u128> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u128 = digits.parse().ok()?;
    let factor = match &text[digits.len()..] {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}
