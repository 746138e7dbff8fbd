//! What is kept for a time and then let go: answers for repeats, webhook deliveries among them, and counted requests.
//!
//! Must not know: how long each is kept.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::core::Core;

/// How often it is looked through. What is kept too long for an hour is only some more of it.
const EVERY: Duration = Duration::from_hours(1);

/// Runs until the token is cancelled.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let shared = core.clone();
        let pruning = tokio::task::spawn_blocking(move || {
            let now = Core::now();
            shared.limits.forget(now);
            shared.journal.forget_old_answers(now)
        });
        match pruning.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failed(&error),
            Err(error) => failed(&error),
        }
    }
}

fn failed(error: &dyn std::fmt::Display) {
    tracing::warn!(%error, "old answers were not let go of; trying again in an hour");
}
