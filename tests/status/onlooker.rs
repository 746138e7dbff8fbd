//! Somebody who looks at the stores all the time and notes each phase that is shown, however short.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::api::Api;

/// Phases with their reasons in the order they were shown, by store.
pub(crate) type Shown = BTreeMap<String, Vec<(String, String)>>;

/// Looks until asked what it saw.
pub(crate) struct Onlooker {
    enough: Arc<AtomicBool>,
    looking: JoinHandle<Shown>,
}

impl Onlooker {
    /// Begins to look. A server that does not answer shows nothing.
    pub(crate) fn begins(api: Api) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let looks = Arc::clone(&enough);
        let looking = std::thread::spawn(move || {
            let mut shown = Shown::new();
            while !looks.load(Ordering::Relaxed) {
                if let Ok((200, list)) = api.try_get("/api/v1/stores?limit=200") {
                    note(&mut shown, &list);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            shown
        });
        Self { enough, looking }
    }

    /// What was shown since.
    pub(crate) fn saw(self) -> Shown {
        self.enough.store(true, Ordering::Relaxed);
        self.looking.join().expect("looking does not fail")
    }
}

/// Whether a server says with this that it has not read the cluster yet.
pub(crate) fn is_unread((phase, reason): &(String, String)) -> bool {
    phase == "Unknown" && reason == "NotSynced"
}

/// Holds that nothing else was shown of a store, but that its cluster was not read yet.
pub(crate) fn nothing_but(shown: &Shown, name: &str, phase: &str, reason: &str) {
    let told = |it: &(String, String)| it.0 == phase && it.1 == reason;
    let mut all = shown[name].iter();
    assert!(
        all.all(|it| told(it) || is_unread(it)),
        "{name}: {:?}",
        shown[name]
    );
}

/// Holds that a store, once it was seen not to be Ready, was not seen to be Ready again.
pub(crate) fn not_green_again(shown: &Shown, name: &str) {
    let phases = shown[name].iter().map(|(phase, _)| phase.as_str());
    let mut later = phases.skip_while(|it| *it == "Ready");
    assert!(later.all(|it| it != "Ready"), "{:?}", shown[name]);
}

fn note(shown: &mut Shown, list: &serde_json::Value) {
    let text =
        |store: &serde_json::Value, field: &str| store[field].as_str().unwrap_or("").to_owned();
    for store in list["items"].as_array().into_iter().flatten() {
        let now = (text(store, "phase"), text(store, "reason"));
        let before = shown.entry(text(store, "name")).or_default();
        if before.last() != Some(&now) {
            before.push(now);
        }
    }
}
