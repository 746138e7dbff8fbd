//! Proof that a host is its merchant's: a TXT record below it that holds the store's uid.
//!
//! Asked before a request is decided, and only when a merchant names a host that their store does not have yet. What
//! was proved is kept with the request, so the writer asks nobody. Nothing is cached: who has just published a record
//! is not told for minutes that there is none.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use serde_json::Value;
use tokio::time::timeout;

use super::core::Core;
use super::intake::newest;
use crate::domain::hosts::{is_under, proof_name};
use crate::domain::record::Record;
use crate::domain::request::{Caller, Request, Role};
use crate::domain::{Host, Uid};

/// How long one request waits for the DNS, whatever it asks.
const PATIENCE: Duration = Duration::from_secs(5);
/// Hosts that one request has looked up.
const AT_ONCE: usize = 50;

/// Those of a request's hosts that the caller has proved to be theirs.
pub(super) async fn proven(core: &Core, caller: &Caller, request: &Request) -> Vec<Host> {
    let Some((uid, hosts)) = unknown_hosts(core, caller, request) else {
        return Vec::new();
    };
    let Some(resolver) = resolver(core.settings.dns_server) else {
        return Vec::new();
    };
    let asked = hosts.into_iter().take(AT_ONCE).map(|host| {
        let (resolver, uid) = (&resolver, &uid);
        async move {
            let answer = timeout(PATIENCE, proves(resolver, &host, uid)).await;
            answer.unwrap_or(false).then_some(host)
        }
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// The hosts that a merchant's own store does not have and that are no cluster's, with what must prove them.
fn unknown_hosts(core: &Core, caller: &Caller, request: &Request) -> Option<(Uid, Vec<Host>)> {
    let Request::Update { store, patch } = request else {
        return None;
    };
    if caller.role != Role::Merchant {
        return None;
    }
    let extra = patch.get("extraHosts").and_then(Value::as_array);
    let named = patch
        .get("host")
        .into_iter()
        .chain(extra.into_iter().flatten());
    let named: Vec<Host> = named.filter_map(|it| it.as_str()?.parse().ok()).collect();
    if named.is_empty() {
        return None;
    }
    let current = newest(core, &core.desk(), store).ok().flatten();
    let record: Record = current.filter(|it| it.spec.owner == caller.owner)?;
    let policy = core.in_force().policy;
    let foreign = |host: &Host| {
        let mut domains = policy.clusters.values().map(|it| &it.base_domain);
        !record.hosts().any(|it| it == host) && !domains.any(|it| is_under(host.as_str(), it))
    };
    let hosts: Vec<Host> = named.into_iter().filter(foreign).collect();
    let uid = record.metadata.uid.filter(|_| !hosts.is_empty())?;
    Some((uid, hosts))
}

/// Asks the configured server, or those that the system asks.
fn resolver(server: Option<SocketAddr>) -> Option<TokioResolver> {
    let builder = match server {
        Some(address) => {
            let mut server = NameServerConfig::udp_and_tcp(address.ip());
            for connection in &mut server.connections {
                connection.port = address.port();
            }
            let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
            Ok(TokioResolver::builder_with_config(
                config,
                TokioRuntimeProvider::default(),
            ))
        }
        None => TokioResolver::builder_tokio(),
    };
    let built = builder.and_then(|mut builder| {
        let options = builder.options_mut();
        options.cache_size = 0;
        options.timeout = PATIENCE / 3;
        options.attempts = 2;
        builder.build()
    });
    built
        .inspect_err(|error| tracing::warn!(%error, "the DNS cannot be asked; set dns.server in the configuration"))
        .ok()
}

async fn proves(resolver: &TokioResolver, host: &Host, uid: &Uid) -> bool {
    let name = format!("{}.", proof_name(host));
    let answer = match resolver.txt_lookup(name).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::info!(%host, %error, "no proof of a host was found in the DNS");
            return false;
        }
    };
    // A long text comes in pieces that belong together (RFC 7208 §3.3 says it best).
    let text = |record: &hickory_resolver::proto::rr::Record| match &record.data {
        RData::TXT(txt) => Some(txt.txt_data.concat()),
        _ => None,
    };
    let mut texts = answer.answers().iter().filter_map(text);
    texts.any(|it| it.trim_ascii() == uid.as_str().as_bytes())
}
