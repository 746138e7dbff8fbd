//! What a forge tells by webhook: on disk before it is answered, worked off afterwards.
//!
//! Deliveries that come together are written together, with one fsync. Whoever works them off waits for
//! `Core::hinted` and asks the journal. Must not know: how a delivery is signed, or what follows from a hint.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::Fleet;
use super::core::Core;
use super::settings::ForgeAccess;
use crate::domain::forge::Hint;
use crate::domain::request::Refusal;
use crate::journal::Delivery;

/// Deliveries that wait for the disk at most. GitHub waits ten seconds for an answer.
const WAITING: usize = 1024;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// It is kept, and worked off soon.
    Stored,
    /// It came before: nothing was done.
    Repeated,
    /// Nothing follows from it.
    Ignored,
    /// It was not taken.
    Refused,
}

impl Delivered {
    /// The word for figures.
    fn word(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Repeated => "repeated",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
        }
    }
}

/// A delivery, and who waits for its being kept.
type Waiting = (Delivery, oneshot::Sender<Result<bool, String>>);

/// Takes deliveries.
pub(super) struct Letterbox(mpsc::Sender<Waiting>);

impl Letterbox {
    /// A letterbox, and the end that [`keep`] empties.
    pub(super) fn new() -> (Self, mpsc::Receiver<Waiting>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }
}

/// Keeps what is handed in, until the server stops. What waits then is told that it was not taken.
pub(super) async fn keep(
    core: Arc<Core>,
    mut letters: mpsc::Receiver<Waiting>,
    stop: CancellationToken,
) {
    let mut waiting = Vec::new();
    loop {
        let came = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            came = letters.recv_many(&mut waiting, WAITING) => came,
        };
        if came == 0 {
            return;
        }
        let (deliveries, answers): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
        let shared = core.clone();
        let keeping = tokio::task::spawn_blocking(move || shared.journal.deliver(&deliveries));
        let kept = match keeping.await {
            Ok(kept) => kept.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if kept.as_ref().is_ok_and(|new| new.contains(&true)) {
            core.hinted.notify_one();
        }
        for (place, answer) in answers.into_iter().enumerate() {
            let one = kept.as_ref().map(|new| new[place]).map_err(Clone::clone);
            // Who asked may have gone; it is kept all the same.
            let _gone = answer.send(one);
        }
    }
}

impl Fleet {
    /// Keeps a hint under the id of its delivery. When this returns `Ok`, it is on disk, or came before.
    ///
    /// # Errors
    /// When the disk fails, too many wait for it, or the server is stopping.
    pub async fn hint(&self, delivery: String, hint: Hint) -> Result<Delivered, Refusal> {
        let (answer, answered) = oneshot::channel();
        let letter = Delivery {
            id: delivery,
            at: Core::now(),
            hint,
        };
        let busy = |_| {
            let text = "deliveries come faster than they can be kept; deliver it again later";
            Refusal::Unavailable(text.to_owned())
        };
        self.0
            .letterbox
            .0
            .try_send((letter, answer))
            .map_err(busy)?;
        let stopping = |_| Refusal::Unavailable("the server is stopping".to_owned());
        let new = answered.await.map_err(stopping)?;
        let new = new.map_err(Refusal::Unavailable)?;
        Ok(if new {
            Delivered::Stored
        } else {
            Delivered::Repeated
        })
    }

    /// Counts what became of a delivery.
    pub fn count_delivery(&self, outcome: Delivered) {
        self.0.core.metrics.delivered(outcome.word());
    }

    /// How the forge is reached, where there is one.
    pub fn forge(&self) -> Option<&ForgeAccess> {
        self.0.core.settings.forge.as_ref()
    }
}
