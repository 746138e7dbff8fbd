//! Compression beside the work: a thread that deflates what a group has collected while the group goes on.
//!
//! Must not know: what is compressed, or where it goes.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::deflate::Deflater;

/// Bytes to compress, and the number they are asked back by.
type Job = (usize, Arc<Vec<u8>>);
/// Streams by their number.
type Pressed = Vec<(usize, Vec<u8>)>;

/// A second pair of hands. Dropped without [`finish`](Self::finish) it ends by itself.
pub(super) struct Press {
    jobs: Sender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    helper: JoinHandle<Pressed>,
}

impl Press {
    /// Starts the thread; `None` where the system gives none, and the work is done without.
    pub(super) fn start() -> Option<Self> {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let shared = Arc::clone(&queue);
        let named = std::thread::Builder::new().name("pack-press".to_owned());
        let helper = named.spawn(move || work(&shared, true)).ok()?;
        Some(Self {
            jobs,
            queue,
            helper,
        })
    }

    /// Hands in bytes.
    pub(super) fn press(&self, number: usize, bytes: Arc<Vec<u8>>) {
        // The receiver lives as long as we do.
        let _taken = self.jobs.send((number, bytes));
    }

    /// Helps with what is left, and gives everything back.
    pub(super) fn finish(self) -> Pressed {
        drop(self.jobs);
        let mut all = work(&self.queue, false);
        all.extend(self.helper.join().expect("deflating does not panic"));
        all
    }
}

/// Deflates jobs until there are none: none to come (`wait`), or none at the moment.
fn work(queue: &Mutex<Receiver<Job>>, wait: bool) -> Pressed {
    let mut deflater = Deflater::new();
    let mut done = Vec::new();
    loop {
        let next = {
            let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            if wait {
                queue.recv().ok()
            } else {
                queue.try_recv().ok()
            }
        };
        let Some((number, bytes)) = next else {
            return done;
        };
        done.push((number, deflater.deflate(&bytes)));
    }
}
