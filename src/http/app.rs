//! What every handler may use.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::events::STREAMS;
use super::pages::Pages;
use super::sessions::Sessions;
use super::shares::Shares;
use super::unread::Unread;
use crate::domain::limits::Networks;
use crate::domain::webhook::WebhookSource;
use crate::workflow::Fleet;

/// Where the server can be reached, which decides what it may leave open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// On this machine only (`dev`): the fleet repository is served without a token, `Host` must be a loopback name.
    Loopback,
    /// On a network: nothing but the public routes goes without a token.
    Network,
}

/// What the face is told about who is in front of it. `dev` has neither.
#[derive(Debug, Default)]
pub struct Front {
    /// The proxies whose word about a client's address is taken.
    pub trusted_proxies: Networks,
    /// The systems that send signed requests. Without one that has a secret there is no route for them.
    pub webhooks: Vec<WebhookSource>,
}

/// The state of the HTTP face.
pub struct App {
    /// The workflow behind it.
    pub fleet: Fleet,
    /// Where the server can be reached.
    pub exposure: Exposure,
    /// The password for the fleet repository, where it is served on a network (`dev` on another address).
    pub(super) repository_token: Option<String>,
    /// Who is in front of it.
    pub(super) front: Front,
    /// Who is signed in to the dashboard.
    pub(super) sessions: Sessions,
    /// The dashboard's templates.
    pub(super) pages: Pages,
    /// One permit for each stream of events.
    pub(super) streams: Arc<Semaphore>,
    /// The streams of each caller.
    pub(super) listeners: Arc<Shares<String>>,
    /// The turns of long answers.
    pub(super) unread: Unread,
    /// Ends streams, which would end with their clients only.
    pub(super) closing: CancellationToken,
}

impl App {
    /// The face of a started fleet.
    pub fn new(
        fleet: Fleet,
        exposure: Exposure,
        repository_token: Option<String>,
        front: Front,
    ) -> Arc<Self> {
        let unread = Unread::new(fleet.limits_lifted());
        Arc::new(Self {
            fleet,
            exposure,
            repository_token,
            front,
            sessions: Sessions::default(),
            pages: Pages::embedded(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            listeners: Arc::default(),
            unread,
            closing: CancellationToken::new(),
        })
    }

    /// Ends all streams of events, so that the server can end.
    pub fn end_streams(&self) {
        self.closing.cancel();
    }
}
