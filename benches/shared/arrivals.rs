//! Chance that comes again: the same moments and the same stores for every side.

use std::time::Duration;

/// Moments of a Poisson process, from its start, for `seconds` at `rate` a second. The same seed gives the same ones.
pub(crate) fn poisson(seed: u64, rate: f64, seconds: f64) -> Vec<Duration> {
    let mut state = seed;
    let mut at = 0.0;
    let mut moments = Vec::new();
    loop {
        // 1 - u: u may be zero, and its logarithm has no end.
        at += -(1.0 - uniform(&mut state)).ln() / rate;
        if at >= seconds {
            return moments;
        }
        moments.push(Duration::from_secs_f64(at));
    }
}

/// The next number from 0 to before 1 of the generator `SplitMix64`.
pub(crate) fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits are what a double holds exactly"
    )]
    let high = (mixed >> 11) as f64;
    high / 9_007_199_254_740_992.0
}

/// Numbers below `end`, one after the other, for ever.
pub(crate) fn numbers(seed: u64, end: usize) -> impl Iterator<Item = usize> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "fleets have fewer stores than a double has exact numbers"
        )]
        let number = (uniform(&mut state) * end as f64) as usize;
        number
    })
}
