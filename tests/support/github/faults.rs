//! The fault plan: what goes wrong, with which requests, how often.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Effect {
    /// This status with GitHub's kind of body, and nothing is done.
    Status(u16),
    /// This status, and it was done all the same.
    StatusAfter(u16),
    /// No answer ever, and nothing is done.
    Hang,
    /// It is done, and there is no answer ever.
    HangAfter,
    /// The connection is closed, and nothing is done.
    Close,
    /// It is done, and the connection is closed without an answer.
    CloseAfter,
    /// The page of a proxy with status 502, and nothing is done.
    Html,
    /// The page of a proxy with status 502, and it was done.
    HtmlAfter,
    /// A secondary limit's answer; the caller has to wait from then on.
    SecondaryLimit,
    /// The answer comes this many milliseconds later.
    Slow(u64),
    /// What it creates is not found by that many reads afterwards.
    Unseen(u32),
    /// Every token of the App has run out when it arrives.
    TokensRanOut,
}

/// One line of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Fault {
    /// The method; `*` for any.
    pub(crate) method: String,
    /// The path below the API's base, with `*` for any text.
    pub(crate) path: String,
    /// How many such requests pass before it begins.
    #[serde(default)]
    pub(crate) after: u32,
    /// How often it happens.
    #[serde(default = "once")]
    pub(crate) times: u32,
    pub(crate) effect: Effect,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// The next such request meets this.
    pub(crate) fn next(method: &str, path: &str, effect: Effect) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            after: 0,
            times: 1,
            effect,
        }
    }

    /// That many such requests pass first.
    pub(crate) fn after(self, after: u32) -> Self {
        Self { after, ..self }
    }

    /// It happens that often.
    pub(crate) fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    fn fits(&self, method: &str, path: &str) -> bool {
        (self.method == "*" || self.method == method) && glob(&self.path, path)
    }
}

/// The plan as it stands.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    plan: Vec<Fault>,
    /// Addresses of things that cannot be read yet, and how many reads more.
    unseen: BTreeMap<String, u32>,
}

impl Faults {
    /// Adds to the plan.
    pub(crate) fn add(&mut self, fault: Fault) {
        self.plan.push(fault);
    }

    /// Nothing goes wrong from now on.
    pub(crate) fn clear(&mut self) {
        self.plan.clear();
        self.unseen.clear();
    }

    /// What happens to this request.
    pub(crate) fn meet(&mut self, method: &str, path: &str) -> Option<Effect> {
        let fits = |fault: &&mut Fault| fault.times > 0 && fault.fits(method, path);
        let fault = self.plan.iter_mut().find(fits)?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.times -= 1;
        Some(fault.effect.clone())
    }

    /// This address is not found by that many reads.
    pub(crate) fn hide(&mut self, url: &str, reads: u32) {
        self.unseen.insert(url.to_owned(), reads);
    }

    /// Whether this address cannot be read yet; asking is one read.
    pub(crate) fn is_unseen(&mut self, url: &str) -> bool {
        let Some(reads) = self.unseen.get_mut(url) else {
            return false;
        };
        if *reads == 0 {
            self.unseen.remove(url);
            return false;
        }
        *reads -= 1;
        true
    }
}

/// Whether a text has the form of a pattern, in which `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(head) else {
        return false;
    };
    let mut starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.any(|at| glob(rest, &text[at..]))
}
