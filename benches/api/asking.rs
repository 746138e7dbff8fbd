//! A client that takes as little of the machine as it can: it shares its cores with the server that is measured.
//!
//! A thread has several connections that stay open. It sends one request on each, then reads the answers in turn.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::arrivals::numbers;
use crate::fleet;
use crate::program::Program;

/// Threads that ask.
pub(crate) const THREADS: usize = 2;
/// Connections of each.
pub(crate) const CONNECTIONS: usize = 16;
/// Bytes that one read takes at most.
const CHUNK: usize = 16 * 1024;

/// What a turn showed.
pub(crate) struct Turn {
    /// Answers per second.
    pub(crate) rate: f64,
    /// Processor time of the server for one answer, in seconds.
    pub(crate) server: f64,
}

/// Reads stores by random names for a while; `expected` is what the answer about a store begins with.
pub(crate) fn read_stores(
    program: &Program,
    seed: u64,
    (stores, time): (usize, Duration),
    expected: fn(&str) -> String,
) -> Result<Turn> {
    let used = program.cpu_seconds()?;
    let began = Instant::now();
    let thread = |number: u64| -> Result<usize> {
        let mut connections = (0..CONNECTIONS)
            .map(|_| Connection::open(program))
            .collect::<Result<Vec<_>>>()?;
        let mut names = numbers(seed * 1000 + number, stores);
        let mut count = 0;
        let mut asked = Vec::new();
        while began.elapsed() < time {
            asked.clear();
            for connection in &mut connections {
                let name = fleet::name(names.next().unwrap_or(0))?.to_string();
                connection.send(&format!("/api/v1/stores/{name}"))?;
                asked.push(name);
            }
            for (connection, name) in connections.iter_mut().zip(&asked) {
                let body = connection.receive()?;
                ensure!(
                    body.starts_with(expected(name).as_bytes()),
                    "another answer about {name} was expected: {}",
                    String::from_utf8_lossy(body)
                );
                count += 1;
            }
        }
        Ok(count)
    };
    let count = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS as u64)
            .map(|number| scope.spawn(move || thread(number)))
            .collect();
        let mut count = 0;
        for thread in threads {
            count += thread
                .join()
                .map_err(|_| anyhow::anyhow!("a client failed"))??;
        }
        Ok::<_, anyhow::Error>(count)
    })?;
    let count = f64::from(u32::try_from(count)?);
    Ok(Turn {
        rate: count / began.elapsed().as_secs_f64(),
        server: (program.cpu_seconds()? - used) / count,
    })
}

/// One connection with an admin's token.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What follows the path in every request.
    rest: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(program: &Program) -> Result<Self> {
        let stream = TcpStream::connect(program.address())?;
        stream.set_nodelay(true)?;
        let rest = format!(
            " HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
            program.address(),
            program.token()
        );
        Ok(Self {
            stream,
            rest,
            request: Vec::new(),
            answer: Vec::new(),
        })
    }

    /// Asks for a path. The answer is to be received before the next is sent.
    pub(crate) fn send(&mut self, path: &str) -> Result<()> {
        self.request.clear();
        for part in ["GET ", path, &self.rest] {
            self.request.extend_from_slice(part.as_bytes());
        }
        Ok(self.stream.write_all(&self.request)?)
    }

    /// The body of an answer, which must be a good one.
    pub(crate) fn receive(&mut self) -> Result<&[u8]> {
        let mut filled = 0;
        loop {
            self.answer.resize(filled + CHUNK, 0);
            let read = self.stream.read(&mut self.answer[filled..])?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            filled += read;
            let Some((head, body)) = taken_apart(&self.answer[..filled])? else {
                continue;
            };
            if filled < body {
                continue;
            }
            ensure!(filled == body, "more than one answer came");
            return Ok(&self.answer[head..body]);
        }
    }
}

/// Where the body begins and where it ends; none as long as the head is not all there.
fn taken_apart(answer: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = memchr::memmem::find(answer, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..end])?;
    ensure!(
        head.starts_with("HTTP/1.1 200 "),
        "{}",
        String::from_utf8_lossy(answer)
    );
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.context("an answer has a length")?.parse()?;
    Ok(Some((end + 4, end + 4 + length)))
}
