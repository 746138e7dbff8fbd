//! Clients that mean harm: what each does to its connection, as slowly and as much as it can.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::program::Program;

/// The time between two bytes of a client that dribbles.
const DRIBBLE: Duration = Duration::from_secs(1);
/// Bytes of a body that is far too large.
const LARGE: usize = 10_000_000;
/// Bytes that are sent at once.
const CHUNK: usize = 64 * 1024;
/// Requests that are sent without waiting for an answer.
const AT_ONCE: usize = 20;
/// How long a client waits for an answer once nothing more is taken of them.
const ANSWER: Duration = Duration::from_mins(1);

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sends its headers byte by byte and never ends.
    Headers,
    /// Sends the body of a good request byte by byte.
    Body,
    /// Connects and says nothing.
    Silent,
    /// Sends half a request and closes its side.
    HalfClosed,
    /// Sends a body of 10 MB.
    Large,
    /// Sends good requests, and behind them whatever is no HTTP, without waiting.
    Garbage,
    /// Asks for twenty lists at once, and reads them.
    Greedy,
    /// Asks for lists and reads none.
    Deaf,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Headers,
        Self::Body,
        Self::Silent,
        Self::HalfClosed,
        Self::Large,
        Self::Garbage,
        Self::Greedy,
        Self::Deaf,
    ];

    /// For the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Headers => "headers dribbled",
            Self::Body => "bodies dribbled",
            Self::Silent => "connected and silent",
            Self::HalfClosed => "half a request, then closed on one side",
            Self::Large => "bodies of 10 MB",
            Self::Garbage => "garbage behind good requests",
            Self::Greedy => "twenty lists at once",
            Self::Deaf => "lists that nobody reads",
        }
    }
}

/// What all clients of one server say.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    address: String,
    head: String,
}

impl Target {
    /// With a good token: who has none is sent away sooner.
    pub(crate) fn new(program: &Program) -> Self {
        let head = format!(
            " HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n",
            program.address(),
            program.token()
        );
        Self {
            address: program.address().to_owned(),
            head,
        }
    }

    fn post(&self, length: usize) -> String {
        format!(
            "POST /api/v1/stores{}content-length: {length}\r\n\r\n",
            self.head
        )
    }
}

/// What became of one client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    /// From its connection to its end.
    pub(crate) after: Duration,
}

/// Does harm until the server ends it; `connected` hears of the connection, then of its end.
pub(crate) async fn harm(
    kind: Kind,
    server: Target,
    connected: mpsc::UnboundedSender<()>,
) -> Result<End> {
    let mut stream = TcpStream::connect(&server.address).await?;
    let began = Instant::now();
    let _told = connected.send(());
    // However it ends, by a close or by a reset: it is over.
    let _over = match kind {
        Kind::Headers => {
            let opening = format!("GET /api/v1/stores{}x-slow: ", server.head);
            dribble(&mut stream, &opening).await
        }
        Kind::Body => {
            let opening = format!("{}{{\"engine\": \"", server.post(100_000));
            dribble(&mut stream, &opening).await
        }
        Kind::Silent => listen(&mut stream).await,
        Kind::HalfClosed => half_close(&mut stream, &server).await,
        Kind::Large => large(&mut stream, &server).await,
        Kind::Garbage => garbage(&mut stream, &server).await,
        Kind::Greedy => greedy(&mut stream, &server).await,
        Kind::Deaf => deaf(&mut stream, &server).await,
    };
    Ok(End {
        after: began.elapsed(),
    })
}

/// Reads until nothing comes any more.
async fn listen(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// A byte now and then, as long as nobody ends it.
async fn dribble(stream: &mut TcpStream, begin: &str) -> std::io::Result<()> {
    stream.write_all(begin.as_bytes()).await?;
    let (mut incoming, mut outgoing) = stream.split();
    let send = async {
        loop {
            sleep(DRIBBLE).await;
            outgoing.write_all(b"x").await?;
        }
    };
    let mut buffer = [0; 4096];
    let hear = async {
        while incoming.read(&mut buffer).await? > 0 {}
        Ok(())
    };
    tokio::select! {
        ended = hear => ended,
        ended = send => ended,
    }
}

async fn half_close(stream: &mut TcpStream, target: &Target) -> std::io::Result<()> {
    let half = format!("{}{{\"engine\"", target.post(100_000));
    stream.write_all(half.as_bytes()).await?;
    stream.shutdown().await?;
    listen(stream).await
}

async fn large(stream: &mut TcpStream, target: &Target) -> std::io::Result<()> {
    stream.write_all(target.post(LARGE).as_bytes()).await?;
    send(stream, LARGE).await
}

async fn garbage(stream: &mut TcpStream, target: &Target) -> std::io::Result<()> {
    let good = format!("GET /readyz{}\r\n", target.head);
    stream.write_all(good.repeat(AT_ONCE).as_bytes()).await?;
    send(stream, LARGE).await
}

async fn greedy(stream: &mut TcpStream, target: &Target) -> std::io::Result<()> {
    let good = format!("GET /api/v1/stores{}\r\n", target.head);
    stream.write_all(good.repeat(AT_ONCE).as_bytes()).await?;
    // The server answers all that came before the end.
    stream.shutdown().await?;
    listen(stream).await
}

/// Asks on and on, until the server, which cannot get rid of its answers, ends it.
async fn deaf(stream: &mut TcpStream, target: &Target) -> std::io::Result<()> {
    let good = format!("GET /api/v1/stores?limit=200{}\r\n", target.head);
    loop {
        stream.write_all(good.as_bytes()).await?;
    }
}

/// Sends nonsense, and goes on to hear what the server says when it takes no more.
async fn send(stream: &mut TcpStream, bytes: usize) -> std::io::Result<()> {
    let (mut incoming, mut outgoing) = stream.split();
    let chunk = vec![b'\xff'; CHUNK];
    let send = async {
        for _ in 0..bytes.div_ceil(CHUNK) {
            outgoing.write_all(&chunk).await?;
        }
        sleep(ANSWER).await;
        Ok(())
    };
    let mut buffer = [0; 4096];
    let hear = async {
        while incoming.read(&mut buffer).await? > 0 {}
        Ok(())
    };
    let ended = async {
        tokio::select! {
            ended = hear => ended,
            ended = send => ended,
        }
    };
    timeout(ANSWER, ended).await.unwrap_or(Ok(()))
}
