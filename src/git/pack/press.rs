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

/// How many bytes are handed over at once: waking a thread for each small object would cost more than it saves.
const BATCH: usize = 64 * 1024;

/// A second pair of hands. Dropped without [`finish`](Self::finish) it ends by itself.
pub(super) struct Press {
    jobs: Sender<Vec<Job>>,
    queue: Arc<Mutex<Receiver<Vec<Job>>>>,
    helper: JoinHandle<Pressed>,
    waiting: Vec<Job>,
    waiting_bytes: usize,
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
            waiting: Vec::new(),
            waiting_bytes: 0,
        })
    }

    /// Hands in bytes.
    pub(super) fn press(&mut self, number: usize, bytes: Arc<Vec<u8>>) {
        self.waiting_bytes += bytes.len();
        self.waiting.push((number, bytes));
        if self.waiting_bytes >= BATCH {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        self.waiting_bytes = 0;
        // The receiver lives as long as we do.
        let _taken = self.jobs.send(std::mem::take(&mut self.waiting));
    }

    /// Helps with what is left, and gives everything back.
    pub(super) fn finish(mut self) -> Pressed {
        self.hand_over();
        drop(self.jobs);
        let mut all = work(&self.queue, false);
        all.extend(self.helper.join().expect("deflating does not panic"));
        all
    }
}

/// Deflates jobs until there are none: none to come (`wait`), or none at the moment.
fn work(queue: &Mutex<Receiver<Vec<Job>>>, wait: bool) -> Pressed {
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
        let Some(jobs) = next else {
            return done;
        };
        for (number, bytes) in jobs {
            done.push((number, deflater.deflate(&bytes)));
        }
    }
}
