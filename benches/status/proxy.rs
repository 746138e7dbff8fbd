//! A way to the API server that can be cut.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running proxy; it ends with its runtime, or when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    cut: watch::Sender<()>,
    ended: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Passes bytes on to `target`.
    pub(crate) fn start(runtime: &Runtime, target: SocketAddr) -> Result<Self> {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let (cut, cuts) = watch::channel(());
        let ended = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&ended);
        let accepting = runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, target, cuts.clone(), Arc::clone(&count)));
            }
        });
        Ok(Self {
            address,
            cut,
            ended,
            accepting,
        })
    }

    /// Ends every connection; new ones are passed on again.
    pub(crate) fn cut(&self) {
        self.cut.send_replace(());
    }

    /// How many connections were cut so far.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }

    /// A kubeconfig like another one, whose API server is reached through here.
    pub(crate) fn kubeconfig(&self, of: &Path, to: PathBuf) -> Result<PathBuf> {
        let mut config: Value = serde_json::from_slice(&std::fs::read(of)?)?;
        config["clusters"][0]["cluster"]["server"] = json!(format!("https://{}", self.address));
        std::fs::write(&to, config.to_string())?;
        Ok(to)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

/// The address of a testbed's API server.
pub(crate) fn target(kubeconfig: &Path) -> Result<SocketAddr> {
    let config: Value = serde_json::from_slice(&std::fs::read(kubeconfig)?)?;
    let server = config["clusters"][0]["cluster"]["server"].as_str();
    let address = server.and_then(|it| it.strip_prefix("https://"));
    address
        .and_then(|it| it.parse().ok())
        .context("the kubeconfig names an API server on this machine")
}

async fn pass(
    mut client: TcpStream,
    target: SocketAddr,
    mut cuts: watch::Receiver<()>,
    ended: Arc<AtomicUsize>,
) {
    cuts.mark_unchanged();
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    let _slow_without = (client.set_nodelay(true), server.set_nodelay(true));
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = cuts.changed() => drop(ended.fetch_add(1, Ordering::Relaxed)),
    }
}
