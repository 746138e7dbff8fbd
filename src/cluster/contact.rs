//! Keeps in contact with an API server: asks it regularly, and looks whether the way to it has changed.
//!
//! The question is for the one `GitRepository`, read from etcd: with no `resourceVersion` an API server answers from
//! there and not from its cache, while `/version` is answered with etcd gone. A server that gives no answer may also
//! have let its watches die without anybody being told, so when it answers again everything is read afresh.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use kube::api::Api;
use tokio::time::Instant;

use super::connection::{Connection, Renew};
use super::error::chain;
use super::kinds::Kind;
use super::state::{Feed, State};
use super::view::Shared;
use super::wire::FluxWire;

/// How often an API server that answers is asked, and how long an answer may take.
const CONTACT: Duration = Duration::from_secs(5);
/// How often one is asked that does not answer: it shall be seen at once when it does again.
const AGAIN: Duration = Duration::from_secs(1);
/// So many questions in a row without an answer mean that the API server is away; a single one may come of load.
const AWAY: u32 = 2;
/// How often a client that does not work is made anew of the same configuration: a program that gives credentials may
/// give better ones.
const REMAKE: Duration = Duration::from_secs(30);

/// Keeps in contact until it is dropped.
pub(super) async fn keep(connection: Arc<Connection>, shared: Arc<Shared>, namespace: String) {
    let mut contact = Contact {
        connection,
        shared,
        namespace,
        failures: 0,
        answered_at: Timestamp::now(),
        problem: None,
        made: Instant::now(),
    };
    loop {
        contact.look().await;
        let pause = if contact.ask().await { CONTACT } else { AGAIN };
        contact.shared.update(State::tick);
        tokio::time::sleep(pause).await;
    }
}

struct Contact {
    connection: Arc<Connection>,
    shared: Arc<Shared>,
    namespace: String,
    /// Questions in a row without an answer.
    failures: u32,
    /// When the last question was asked that was answered, by our clock.
    answered_at: Timestamp,
    /// Why the configuration cannot be used as it is now.
    problem: Option<String>,
    made: Instant,
}

impl Contact {
    /// Looks whether another client is to be made: before each question, for all it takes is to read a file.
    async fn look(&mut self) {
        let worn = self.failures > 0 && self.made.elapsed() >= REMAKE;
        let first = self.connection.client().is_none();
        let renew = if worn { Renew::Always } else { Renew::Changed };
        match self.connection.refresh(renew).await {
            Ok(fresh) => {
                self.problem = None;
                self.shared.update(|state, _| state.remarked(None));
                if let Some(fresh) = fresh {
                    self.made = Instant::now();
                    if !first && renew == Renew::Changed {
                        tracing::info!("the way to the cluster has changed; all is read afresh");
                        self.shared.update(State::reread);
                    }
                    self.connection.take(fresh);
                }
            }
            Err(error) => {
                let problem = error.to_string();
                self.problem = Some(problem.clone());
                self.shared.update(|state, _| state.remarked(Some(problem)));
            }
        }
    }

    /// Asks once, and tells the state; answers whether there was an answer.
    async fn ask(&mut self) -> bool {
        let asked_at = Timestamp::now();
        match self.answer().await {
            Ok(()) => {
                if self.failures >= AWAY {
                    tracing::info!("the API server answers again; everything is read afresh");
                    self.shared.update(State::reread);
                    self.connection.begin_anew();
                } else {
                    self.shared
                        .update(|state, _| state.recovered(Feed::Contact));
                }
                self.failures = 0;
                self.answered_at = asked_at;
                true
            }
            Err(sentence) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures == AWAY {
                    tracing::warn!(%sentence, "the API server does not answer");
                }
                // What was seen is as old as the last answer, not as the end of a question that hung.
                let since = self.answered_at;
                self.shared
                    .update(|state, _| state.failed(Feed::Contact, sentence, since));
                false
            }
        }
    }

    async fn answer(&self) -> Result<(), String> {
        let Some(client) = self.connection.client() else {
            let problem = self.problem.clone();
            return Err(problem.unwrap_or_else(|| "the connection is being made".to_owned()));
        };
        question(&client, &self.namespace).await
    }
}

/// Whether the API server and its etcd answer at all. That something is not there or not allowed is an answer; that it
/// does not know us, or that its store does not answer, is none.
async fn question(client: &Client, namespace: &str) -> Result<(), String> {
    let kind = Kind::Source.resource();
    let api: Api<FluxWire> = Api::namespaced_with(client.clone(), namespace, &kind);
    match tokio::time::timeout(CONTACT, api.get(super::SOURCE)).await {
        Ok(Err(kube::Error::Api(status))) if status.code == 401 => Err(format!(
            "the API server does not accept the credentials: {}; renew those in the kubeconfig",
            status.message
        )),
        Ok(Err(kube::Error::Api(status))) if status.code >= 500 => Err(format!(
            "the API server cannot answer: {} (status {})",
            status.message, status.code
        )),
        Ok(Ok(_) | Err(kube::Error::Api(_) | kube::Error::SerdeError(_))) => Ok(()),
        Ok(Err(error)) => Err(format!(
            "the API server cannot be reached: {}",
            chain(&error)
        )),
        Err(_) => Err(format!(
            "the API server gives no answer within {} s",
            CONTACT.as_secs()
        )),
    }
}
