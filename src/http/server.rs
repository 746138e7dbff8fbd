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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use super::client_address::Peer;

/// Connections at once, streams of events among them. More wait in the system's queue.
const CONNECTIONS: usize = 4096;
/// Time a client has for its headers and to take what it is answered, and an idle connection for its next request.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time that requests under way have when the server stops.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until `stop` resolves; then takes no more connections and lets requests under way end.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
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
                    let connection = connections.watch(connection(stream, peer, router.clone()));
                    tokio::spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "A connection broke off");
                        }
                        drop(slot);
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
