//! The API server as a plain client sees it: writes as fast as it takes them, lists and watches that keep nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::http::{Method, Request};
use futures::{StreamExt as _, TryStreamExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::objects::Write;

/// Stores that are written at once.
const AT_ONCE: usize = 50;
/// Objects of a page: what the program asks for.
const PAGE: usize = 500;
/// Several times what the slowest answer takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// A client of the API server, and the threads it works on.
pub(crate) struct ApiServer {
    pub(crate) runtime: Runtime,
    pub(crate) client: Client,
}

/// What a list in pages came to.
#[derive(Default)]
pub(crate) struct Listed {
    pub(crate) objects: usize,
    pub(crate) bytes: usize,
}

/// As much of a list as it takes to ask for the next page.
#[derive(Deserialize)]
struct Page {
    metadata: Place,
    #[serde(default)]
    items: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Place {
    #[serde(rename = "continue", default)]
    next: String,
    #[serde(rename = "resourceVersion", default)]
    version: String,
}

impl ApiServer {
    pub(crate) fn connect(kubeconfig: &Path) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let client = runtime.block_on(async {
            let file = Kubeconfig::read_from(kubeconfig)?;
            let options = KubeConfigOptions::default();
            let mut config = Config::from_custom_kubeconfig(file, &options).await?;
            config.read_timeout = Some(PATIENCE);
            Ok::<_, anyhow::Error>(Client::try_from(config)?)
        })?;
        Ok(Self { runtime, client })
    }

    /// Writes the objects of many stores: those of one after the other, many stores at once.
    pub(crate) fn write(
        &self,
        stores: impl Iterator<Item = Result<Vec<Write>>>,
        count: usize,
    ) -> Result<()> {
        let began = Instant::now();
        self.runtime.block_on(async {
            let client = &self.client;
            let written = futures::stream::iter(stores).map(|writes| async move {
                for write in writes? {
                    put(client, &write).await?;
                }
                Ok::<_, anyhow::Error>(())
            });
            let mut written = written.buffer_unordered(AT_ONCE);
            let mut done = 0;
            while written.try_next().await?.is_some() {
                done += 1;
                if done % 1000 == 0 {
                    let seconds = began.elapsed().as_secs();
                    crate::tell(&format!(
                        "  wrote the objects of {done} of {count} stores in {seconds} s"
                    ));
                }
            }
            Ok(())
        })
    }

    /// Reads lists to their end, all at once, and keeps nothing.
    pub(crate) fn list(&self, addresses: &[String]) -> Result<Listed> {
        self.runtime.block_on(async {
            let lists = addresses.iter().map(|it| list(&self.client, it));
            let all = futures::future::try_join_all(lists).await?;
            let objects = all.iter().map(|it| it.objects).sum();
            let bytes = all.iter().map(|it| it.bytes).sum();
            Ok(Listed { objects, bytes })
        })
    }

    /// Where a watch of a collection would begin now.
    pub(crate) fn version(&self, collection: &str) -> Result<String> {
        let request = Request::get(format!("{collection}?limit=1")).body(Vec::new())?;
        let page: Page = self.runtime.block_on(self.client.request(request))?;
        Ok(page.metadata.version)
    }
}

async fn list(client: &Client, address: &str) -> Result<Listed> {
    let mut listed = Listed::default();
    let mut next = String::new();
    loop {
        let after = if next.is_empty() {
            String::new()
        } else {
            format!("&continue={next}")
        };
        let request = Request::get(format!("{address}limit={PAGE}{after}")).body(Vec::new())?;
        let text = client.request_text(request).await?;
        let page: Page = serde_json::from_str(&text)?;
        listed.objects += page.items.len();
        listed.bytes += text.len();
        if page.metadata.next.is_empty() {
            return Ok(listed);
        }
        next = page.metadata.next;
    }
}

/// Creates an object, then gives it its status, as controllers do.
async fn put(client: &Client, write: &Write) -> Result<()> {
    let named = || format!("{}/{}", write.collection, write.name);
    if let Some(body) = &write.body {
        let request = asked(&Method::POST, &write.collection, "application/json", body)?;
        client.request_text(request).await.with_context(named)?;
    }
    if let Some(status) = &write.status {
        set_status(client, &write.collection, &write.name, status)
            .await
            .with_context(named)?;
    }
    Ok(())
}

/// Replaces fields of an object's status.
pub(crate) async fn set_status(
    client: &Client,
    collection: &str,
    name: &str,
    status: &Value,
) -> Result<()> {
    let path = format!("{collection}/{name}/status?fieldManager=helm-controller");
    let body = serde_json::json!({"status": status});
    let request = asked(&Method::PATCH, &path, "application/merge-patch+json", &body)?;
    client.request_text(request).await?;
    Ok(())
}

fn asked(method: &Method, path: &str, media: &str, body: &Value) -> Result<Request<Vec<u8>>> {
    let request = Request::builder().method(method).uri(path);
    let body = serde_json::to_vec(body)?;
    Ok(request.header("content-type", media).body(body)?)
}
