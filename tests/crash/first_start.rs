//! Kills during the very first start, when keys, journal, repository and policy are made.

use std::time::Duration;

use serde_json::json;

use crate::dice::Dice;
use crate::place::{Mode, Place};
use crate::support::git::git;
use crate::victim::Kill;

/// How long a first start takes at most on a machine that has nothing else to do.
const FIRST: Duration = Duration::from_millis(200);

/// Kills some first starts of a mode, each in a folder of its own, and sees that it comes up in the end.
pub(crate) fn die_at_first(mode: Mode, folders: usize, dice: &mut Dice) {
    for _ in 0..folders {
        let place = Place::new(mode);
        let mut victim = place.victim();
        for _ in 0..=dice.below(3) {
            victim.launch();
            std::thread::sleep(dice.up_to(FIRST));
            victim.kill(Kill::WithChildren);
        }
        victim.launch();
        victim.ready();
        let api = victim.api();
        let change = api.create(&json!({"name": "first", "engine": "woocommerce"}));
        api.change_in(&change, "merged", Duration::from_secs(20));
        let config = git(&place.ours, &["config", "--get", "gc.auto"]);
        assert_eq!(config, "0", "the repository is configured");
        victim.stop();
        git(&place.ours, &["fsck", "--strict", "--no-dangling"]);
    }
}
