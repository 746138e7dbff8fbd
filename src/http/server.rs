//! The loop that takes connections, bounded in number and in patience, and ends them gracefully.
//!
//! `axum::serve` sets no timer, so that a client which never finishes its headers would hold a connection for ever.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use super::app::App;
use super::client_address::Peer;
use super::shares::{Share, Shares};
use crate::domain::limits::{ClientAddress, Networks};

/// Connections at once, streams of events among them. More wait in the system's queue.
const CONNECTIONS: usize = 4096;
/// Connections of one address at once.
const EACH: usize = CONNECTIONS / 2;
/// What the one too many is told before its connection is closed. Nothing is read of it.
const TOO_MANY: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 15\r\n\
    Connection: close\r\nContent-Length: 84\r\n\r\n\
    too many connections from this address are open; close some, or use one for several\n";
/// Time that telling it may take.
const TELLING: Duration = Duration::from_secs(1);
/// Time a client has for its headers and to take what it is answered, and an idle connection for its next request.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time that requests under way have when the server stops.
const DRAIN: Duration = Duration::from_secs(10);

/// How many connections one address may have.
#[derive(Debug, Default)]
struct Doors {
    /// None: as many as there are.
    each: Option<usize>,
    /// Proxies bring many clients by one address.
    proxies: Networks,
    open: Arc<Shares<ClientAddress>>,
}

impl Doors {
    /// A place for a connection; none where its address has too many.
    fn let_in(&self, peer: SocketAddr) -> Option<Share<ClientAddress>> {
        let counted = !self.proxies.contain(peer.ip());
        let most = self.each.filter(|_| counted).unwrap_or(CONNECTIONS);
        self.open.take(peer.ip().into(), most)
    }
}

/// Serves until `stop` resolves; then takes no more connections and lets requests under way end.
pub async fn serve(
    listener: TcpListener,
    app: &App,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    let doors = Doors {
        each: (!app.fleet.limits_lifted()).then_some(EACH),
        proxies: app.front.trusted_proxies.clone(),
        ..Doors::default()
    };
    run(listener, &doors, router, stop).await;
}

async fn run(listener: TcpListener, doors: &Doors, router: Router, stop: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut stop = std::pin::pin!(stop);
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            break;
        };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let Some(place) = doors.let_in(peer) else {
                        tokio::spawn(send_away(stream, slot));
                        continue;
                    };
                    let connection = connections.watch(connection(stream, peer, router.clone()));
                    tokio::spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "A connection broke off");
                        }
                        drop((slot, place));
                    });
                }
                Err(error) => pause(&error).await,
            },
            () = &mut stop => break,
        }
    }
    drop(listener);
    if timeout(DRAIN, connections.shutdown()).await.is_err() {
        tracing::warn!(
            drain_s = DRAIN.as_secs(),
            "Some requests did not end in time and were cut off"
        );
    }
}

/// Tells a client that it has too many connections. It has a slot meanwhile, so that these are bounded, too.
async fn send_away(mut stream: TcpStream, slot: OwnedSemaphorePermit) {
    let telling = async {
        stream.write_all(TOO_MANY.as_bytes()).await?;
        stream.shutdown().await?;
        // What it has sent already is taken, lest the system answers that with a reset before the words are read.
        let mut asked = [0; 4096];
        while stream.read(&mut asked).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    let _told = timeout(TELLING, telling).await;
    drop(slot);
}

type Connection = http1::Connection<TokioIo<Pin<Box<TimeoutStream<TcpStream>>>>, WithPeer>;

fn connection(stream: TcpStream, peer: SocketAddr, router: Router) -> Connection {
    // Answers are small and wait for nothing: Nagle's algorithm would only delay them.
    let _ = stream.set_nodelay(true);
    // Whoever takes nothing of its answers must not hold their memory for ever.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(PATIENCE));
    let inner = TowerToHyperService::new(router);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(Box::pin(stream)), WithPeer { peer, inner })
}

/// The routes, told with each request whose connection it came by.
struct WithPeer {
    peer: SocketAddr,
    inner: TowerToHyperService<Router>,
}

impl Service<Request<Incoming>> for WithPeer {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(Peer(self.peer));
        self.inner.call(request)
    }
}

/// A connection that was gone before it was taken is no reason to wait; no free descriptors are.
async fn pause(error: &io::Error) {
    let gone = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionRefused,
    ];
    if !gone.contains(&error.kind()) {
        tracing::warn!(%error, "No connection could be taken; trying again");
        sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a new connection is answered.
    async fn ask(address: SocketAddr) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let _sent = stream.write_all(request.as_bytes()).await;
        let mut answer = [0; 1024];
        let length = stream.read(&mut answer).await.expect("an answer");
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        (stream, answer)
    }

    #[tokio::test]
    async fn one_address_has_so_many_connections_and_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let doors = Doors {
            each: Some(2),
            ..Doors::default()
        };
        let open = Arc::clone(&doors.open);
        let router = Router::new();
        let server =
            tokio::spawn(
                async move { run(listener, &doors, router, std::future::pending()).await },
            );
        // Given two connections that stay open.
        let (first, said) = ask(address).await;
        assert!(said.starts_with("HTTP/1.1 404"), "{said}");
        let (_second, said) = ask(address).await;
        assert!(said.starts_with("HTTP/1.1 404"), "{said}");
        // When a third comes, then it is told why not.
        let (_, said) = ask(address).await;
        assert!(said.starts_with("HTTP/1.1 503"), "{said}");
        assert!(said.ends_with("use one for several\n"), "{said}");
        // When one of the two goes, then there is room again.
        drop(first);
        let free = async {
            while open.take(address.ip().into(), 2).is_none() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), free).await.expect("room");
        let (_, said) = ask(address).await;
        assert!(said.starts_with("HTTP/1.1 404"), "{said}");
        server.abort();
    }

    #[test]
    fn proxies_are_not_counted_and_the_words_are_as_long_as_they_say() {
        let peer: SocketAddr = "10.0.0.1:4000".parse().expect("an address");
        let doors = |proxies: &[&str]| Doors {
            each: Some(0),
            proxies: Networks::parse(&proxies.iter().map(ToString::to_string).collect::<Vec<_>>())
                .expect("networks"),
            ..Doors::default()
        };
        assert!(doors(&[]).let_in(peer).is_none());
        assert!(doors(&["10.0.0.0/8"]).let_in(peer).is_some());
        let (head, body) = TOO_MANY.split_once("\r\n\r\n").expect("head and body");
        let length = format!("Content-Length: {}", body.len());
        assert!(head.contains(&length), "{length}");
    }
}
