//! Medians, spreads and percentiles of a handful of samples.

/// The middle and the ends of some samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one sample.
    pub(crate) fn of(samples: &[f64]) -> Self {
        Self {
            median: percentile(samples, 0.5),
            min: percentile(samples, 0.0),
            max: percentile(samples, 1.0),
        }
    }

    /// Of the quotients of samples taken in the same round.
    pub(crate) fn of_pairs(above: &[f64], below: &[f64]) -> Self {
        let quotients: Vec<f64> = above.iter().zip(below).map(|(a, b)| a / b).collect();
        Self::of(&quotients)
    }
}

/// The sample below which this share of all samples lies; between two samples, the way between them.
pub(crate) fn percentile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place among samples"
    )]
    let (place, whole) = {
        let place = share.clamp(0.0, 1.0) * last as f64;
        (place.fract(), place as usize)
    };
    let next = sorted[(whole + 1).min(last)];
    sorted[whole] + (next - sorted[whole]) * place
}
