//! Choices that a seed repeats. (What the machine does between two of them, it does not.)

use std::io::Write as _;
use std::time::Duration;

/// A generator of `SplitMix64`, which any 64 bits may begin.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for somebody who throws at the same time.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `end`, without `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap();
        usize::try_from(self.next() % end).unwrap()
    }

    /// Whether something happens that does so in `percent` of all cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// A time up to a limit.
    pub(crate) fn up_to(&mut self, limit: Duration) -> Duration {
        let micros = usize::try_from(limit.as_micros()).unwrap();
        Duration::from_micros(u64::try_from(self.below(micros)).unwrap())
    }
}

/// The seed of this run: given as `FLEETWRIGHT_SEED`, or a new one.
pub(crate) fn seed() -> u64 {
    given("FLEETWRIGHT_SEED").unwrap_or_else(|| {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).unwrap();
        u32::from_le_bytes(bytes).into()
    })
}

/// A number from the environment.
pub(crate) fn given(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number")),
    )
}

/// Tells a person, past what the test runner captures.
pub(crate) fn tell(line: &str) {
    let _told = writeln!(std::io::stderr(), "{line}");
}
