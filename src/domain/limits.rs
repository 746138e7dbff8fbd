//! Request limits: how many writes and creations a merchant may ask for, and one address for all merchants behind it.
//!
//! Counted in sliding windows ([`Window`]), so that no span of `per` ever holds more than `count`. Must not know:
//! clocks, headers, tables, or which callers are limited.

use std::collections::HashMap;
use std::hash::Hash;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Owner;

mod address;
mod window;

pub use address::{BadNetwork, ClientAddress, Networks};
pub use window::Window;

/// The longest window that may be configured: it bounds how long anything counted is kept.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// The most that may be allowed in one window: it bounds what is kept of one merchant.
pub const MOST: u32 = 10_000;

/// So many in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// How many, from 1 to [`MOST`].
    pub count: u32,
    /// In which time, from one second to [`LONGEST`].
    pub per: SignedDuration,
}

/// The limits of merchants' requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Writes of one merchant, creations among them.
    pub writes: Rule,
    /// Creations of one merchant.
    pub creates: Rule,
    /// Creations from one client address, whoever asks.
    pub creates_per_address: Rule,
}

impl Default for RequestLimits {
    fn default() -> Self {
        let rule = |count, minutes| Rule {
            count,
            per: SignedDuration::from_mins(minutes),
        };
        Self {
            writes: rule(100, 15),
            creates: rule(5, 60),
            creates_per_address: rule(5, 1),
        }
    }
}

/// One request that counts. The journal keeps those of accepted requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// The merchant: all tokens of one owner count together.
    pub merchant: Owner,
    /// When.
    pub at: Timestamp,
    /// Whether it is a creation.
    pub create: bool,
    /// Where it came from, where that is known.
    pub address: Option<ClientAddress>,
}

/// How one limit stands for one caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RequestLimit")]
pub struct Standing {
    /// The limit's key in the configuration.
    pub name: &'static str,
    /// How many are allowed in a window.
    pub limit: u32,
    /// The window, in seconds.
    pub window_seconds: i64,
    /// How many count now.
    pub used: u32,
    /// How many are left now.
    pub left: u32,
    /// When more is left than now; null while nothing counts.
    pub resets_at: Option<Timestamp>,
    /// The whole seconds until then, at least 1.
    #[serde(skip)]
    pub reset_seconds: Option<i64>,
}

/// A request that has to wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} requests of this kind ({}) were taken in {} seconds, which is the limit; try again in {retry_after} seconds",
    .worst.limit, .worst.name, .worst.window_seconds)]
pub struct Exhausted {
    /// The limit that lasts longest.
    pub worst: Box<Standing>,
    /// Every limit that the request meets.
    pub standings: Vec<Standing>,
    /// Seconds after which it may be tried again.
    pub retry_after: i64,
}

/// What was counted, of all merchants and addresses.
#[derive(Debug, Default)]
pub struct Tally {
    writes: HashMap<Owner, Window>,
    creates: HashMap<Owner, Window>,
    addresses: HashMap<ClientAddress, Window>,
}

impl Tally {
    /// Counts a request, unless one of its limits is reached; then nothing is counted.
    pub fn admit(&mut self, limits: &RequestLimits, hit: &Hit) -> Result<(), Exhausted> {
        let standings = self.standings(limits, hit);
        let met = standings.iter().filter(|it| it.left == 0);
        let longest = met.max_by_key(|it| it.resets_at);
        if let Some(worst) = longest.cloned() {
            return Err(Exhausted {
                retry_after: worst.reset_seconds.unwrap_or(1),
                worst: Box::new(worst),
                standings,
            });
        }
        self.count(hit);
        Ok(())
    }

    /// Counts a request without asking.
    pub fn count(&mut self, hit: &Hit) {
        let write = self.writes.entry(hit.merchant.clone()).or_default();
        write.push(hit.at);
        if hit.create {
            let create = self.creates.entry(hit.merchant.clone()).or_default();
            create.push(hit.at);
            if let Some(address) = hit.address {
                self.addresses.entry(address).or_default().push(hit.at);
            }
        }
    }

    /// A counted request was not accepted: no store came of it, so it is a write only.
    pub fn refused(&mut self, hit: &Hit) {
        if hit.create {
            take(&mut self.creates, &hit.merchant, hit.at);
            if let Some(address) = hit.address {
                take(&mut self.addresses, &address, hit.at);
            }
        }
    }

    /// A counted request was not even decided: it never was.
    pub fn take_back(&mut self, hit: &Hit) {
        self.refused(hit);
        take(&mut self.writes, &hit.merchant, hit.at);
    }

    /// How the limits stand that a request meets, at its time.
    pub fn standings(&mut self, limits: &RequestLimits, hit: &Hit) -> Vec<Standing> {
        let (merchant, now) = (&hit.merchant, hit.at);
        let writes = standing(&mut self.writes, merchant, "writes", limits.writes, now);
        let mut all = vec![writes];
        if hit.create {
            let rule = limits.creates;
            all.push(standing(&mut self.creates, merchant, "creates", rule, now));
        }
        if let (true, Some(address)) = (hit.create, &hit.address) {
            let (rule, name) = (limits.creates_per_address, "createsPerAddress");
            all.push(standing(&mut self.addresses, address, name, rule, now));
        }
        all
    }

    /// Forgets what counts no more, so that memory is bounded by what is counted now.
    pub fn forget(&mut self, limits: &RequestLimits, now: Timestamp) {
        fn prune<K>(windows: &mut HashMap<K, Window>, rule: Rule, now: Timestamp) {
            windows.retain(|_, it| it.used(rule.per, now) > 0);
        }
        prune(&mut self.writes, limits.writes, now);
        prune(&mut self.creates, limits.creates, now);
        prune(&mut self.addresses, limits.creates_per_address, now);
    }
}

fn take<K: Hash + Eq>(windows: &mut HashMap<K, Window>, key: &K, at: Timestamp) {
    if let Some(window) = windows.get_mut(key) {
        window.remove(at);
    }
}

fn standing<K: Hash + Eq>(
    windows: &mut HashMap<K, Window>,
    key: &K,
    name: &'static str,
    rule: Rule,
    now: Timestamp,
) -> Standing {
    let mut empty = Window::default();
    let window = windows.get_mut(key).unwrap_or(&mut empty);
    let used = window.used(rule.per, now);
    let resets_at = window.resets_at(rule, now);
    let seconds = |at: Timestamp| {
        let wait = at.duration_since(now);
        let begun = i64::from(wait.subsec_nanos() > 0);
        (wait.as_secs() + begun).max(1)
    };
    Standing {
        name,
        limit: rule.count,
        window_seconds: rule.per.as_secs(),
        used,
        left: rule.count.saturating_sub(used),
        resets_at,
        reset_seconds: resets_at.map(seconds),
    }
}

#[cfg(test)]
mod tests;
