//! Durations as Flux's CRDs and Go's `time.ParseDuration` write them.
//!
//! Must not know: what they are for.

/// Whether a text is a duration as Flux's CRDs accept it (`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`).
pub(super) fn go_duration(text: &str) -> bool {
    parts(text).is_some()
}

/// A duration's whole seconds; 0 for what [`go_duration`] refuses.
pub(super) fn go_seconds(text: &str) -> i64 {
    let seconds: f64 = parts(text)
        .unwrap_or_default()
        .iter()
        .map(|(n, unit)| n * unit)
        .sum();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "policy durations are far below 2^52 seconds"
    )]
    let whole = seconds as i64;
    whole
}

fn parts(text: &str) -> Option<Vec<(f64, f64)>> {
    let mut rest = text;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
        let (unit, seconds) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        found.push((number, seconds));
        rest = &rest[unit.len()..];
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_that_flux_accepts() {
        for (text, seconds) in [
            ("6h", 21600),
            ("1m30s", 90),
            ("500ms", 0),
            ("1.5m", 90),
            ("2160h", 7_776_000),
        ] {
            assert!(go_duration(text), "{text}");
            assert_eq!(go_seconds(text), seconds, "{text}");
        }
        for bad in ["", "6", "h", "5 minutes", "-1s", "1d"] {
            assert!(!go_duration(bad), "{bad}");
        }
    }
}
