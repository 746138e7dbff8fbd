//! One subscriber of the stream of events, which notes when it heard of which phase.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::program::Program;

/// How long the stream may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);

/// A phase that was heard of.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) at: Instant,
    pub(crate) store: String,
    pub(crate) phase: String,
}

/// A running subscriber.
pub(crate) struct Hearing {
    stream: TcpStream,
    heard: Arc<Mutex<Vec<Heard>>>,
    thread: JoinHandle<Result<()>>,
}

impl Hearing {
    /// Subscribes, and returns when everything from now on is heard.
    pub(crate) fn begin(program: &Program) -> Result<Self> {
        let mut stream = TcpStream::connect(program.address())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = format!(
            "GET /api/v1/events HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
            program.address(),
            program.token()
        );
        stream.write_all(request.as_bytes())?;
        let mut lines = BufReader::new(stream.try_clone()?);
        // The stream begins with its place, and from there on nothing may be missing.
        let mut line = String::new();
        while !line.starts_with("retry: ") {
            line.clear();
            let read = lines
                .read_line(&mut line)
                .context("the stream has not begun")?;
            ensure!(read > 0, "the stream of events ended at once");
        }
        let heard = Arc::default();
        let shared = Arc::clone(&heard);
        let thread = std::thread::spawn(move || listen(lines, &shared));
        Ok(Self {
            stream,
            heard,
            thread,
        })
    }

    /// How many phases were heard of.
    pub(crate) fn count(&self) -> usize {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Ends the subscription and answers what was heard.
    pub(crate) fn end(self) -> Result<Vec<Heard>> {
        self.stream.shutdown(Shutdown::Both)?;
        let listened = self.thread.join();
        listened.map_err(|_| anyhow::anyhow!("the subscriber failed"))??;
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut heard))
    }
}

/// Listens until the stream is shut; one that asks its reader to begin anew has lost something.
fn listen(mut lines: BufReader<TcpStream>, heard: &Mutex<Vec<Heard>>) -> Result<()> {
    let mut about = String::new();
    let mut line = String::new();
    loop {
        line.clear();
        // The sizes of chunks stand on lines of their own and say nothing.
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let at = Instant::now();
        if let Some(word) = line.strip_prefix("event: ") {
            word.trim_end().clone_into(&mut about);
            if about == "reset" {
                bail!("the stream lost events");
            }
        } else if let Some(data) = line.strip_prefix("data: ").filter(|_| about == "store") {
            let data: Value = serde_json::from_str(data)?;
            let text = |field: &str| data[field].as_str().unwrap_or_default().to_owned();
            let (store, phase) = (text("name"), text("phase"));
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push(Heard { at, store, phase });
        }
    }
}
