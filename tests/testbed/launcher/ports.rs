//! Ports for one testbed: a block that no other testbed on this machine can take while this one lives.
//!
//! The blocks lie below the kernel's range for outgoing connections. A port of that range, free when it was looked at,
//! may be the source port of somebody's connection a second later; then a restart of the component fails.

use std::net::{Ipv4Addr, TcpListener};

use super::error::Error;

/// Where the blocks start, how far apart they are and how many there are: 12000 to 28000.
const FIRST: u16 = 12_000;
const SIZE: u16 = 32;
const BLOCKS: u16 = 500;

/// Each port of a testbed, as its offset in the block. Offset 0 is the claim on the block.
#[derive(Debug, Clone, Copy)]
#[repr(u16)]
pub(super) enum Port {
    EtcdClient = 1,
    EtcdPeer,
    ApiServer,
    SourceStorage,
    SourceMetrics,
    SourceHealth,
    KustomizeMetrics,
    KustomizeHealth,
    HelmMetrics,
    HelmHealth,
    WatcherStorage,
    WatcherMetrics,
    WatcherHealth,
    NotificationEvents,
    NotificationReceiver,
    NotificationMetrics,
    NotificationHealth,
}

/// The last of [`Port`].
const LAST: u16 = Port::NotificationHealth as u16;

/// A block of ports, claimed by listening on its first one for as long as this lives.
#[derive(Debug)]
pub(super) struct Ports {
    base: u16,
    _claim: TcpListener,
}

impl Ports {
    /// Claims the first free block, starting at a place that differs between processes.
    pub(super) fn claim() -> Result<Self, Error> {
        let start = u16::try_from(std::process::id() % u32::from(BLOCKS)).unwrap_or_default();
        (0..BLOCKS)
            .map(|step| FIRST + SIZE * ((start + step) % BLOCKS))
            .find_map(Self::try_block)
            .ok_or(Error::NoPorts)
    }

    fn try_block(base: u16) -> Option<Self> {
        let claim = listen(base)?;
        // Listened on together and let go together: all of them were free at the same moment.
        let _others = (base + 1..=base + LAST)
            .map(listen)
            .collect::<Option<Vec<_>>>()?;
        Some(Self {
            base,
            _claim: claim,
        })
    }

    /// The number of one port.
    pub(super) const fn get(&self, port: Port) -> u16 {
        self.base + port as u16
    }

    /// One port as a process is told it: `127.0.0.1:<port>`.
    pub(super) fn address(&self, port: Port) -> String {
        format!("127.0.0.1:{}", self.get(port))
    }
}

fn listen(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}
