//! Reading a command's output while it runs, to its end and within bounds.
//!
//! Must not know: commands.

use std::io::Read;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How much of a command's output is kept as a rule; the rest is read and dropped.
pub(super) const KEPT_OUTPUT: usize = 1 << 20;

/// How long a finished command's output may take to arrive (a stray child may hold the pipe open).
const OUTPUT_PATIENCE: Duration = Duration::from_secs(2);

/// A pipe being read to its end by a thread, so that the command never waits for us.
pub(super) struct Capture {
    kept: Arc<Mutex<Vec<u8>>>,
    ended: Receiver<()>,
}

impl Capture {
    /// Begins to read, and keeps so many bytes.
    pub(super) fn start(pipe: Option<impl Read + Send + 'static>, most: usize) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (end, ended) = mpsc::channel();
        let sink = Arc::clone(&kept);
        std::thread::spawn(move || {
            let mut buffer = [0; 16 << 10];
            let mut pipe = pipe;
            while let Some(Ok(read @ 1..)) = pipe.as_mut().map(|pipe| pipe.read(&mut buffer)) {
                let mut kept = sink.lock().unwrap_or_else(PoisonError::into_inner);
                let room = most.saturating_sub(kept.len()).min(read);
                kept.extend_from_slice(&buffer[..room]);
            }
            // Nobody listens any more when the command was stopped.
            end.send(()).ok();
        });
        Self { kept, ended }
    }

    /// Waits for so long, or until the pipe ends. Whether it ended just now.
    pub(super) fn ends_within(&self, pause: Duration) -> bool {
        match self.ended.recv_timeout(pause) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            // It has ended before.
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(pause);
                false
            }
        }
    }

    /// What was read, once the pipe has ended.
    pub(super) fn finish(self) -> Vec<u8> {
        // What has not arrived by then is lost: a stray child holds the pipe.
        self.ended.recv_timeout(OUTPUT_PATIENCE).ok();
        std::mem::take(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
