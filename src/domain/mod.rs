//! The words of Fleetwright as types: names, records, policy, changes, phases.
//!
//! Must not know: files, clocks, networks, threads, Git, Kubernetes clients or templates. Whatever needs
//! the time takes `now` as an argument.

pub mod accept;
pub mod approval;
pub mod audit;
pub mod book;
pub mod change;
pub mod entry;
pub mod forge;
pub mod hosts;
pub mod ids;
pub mod installed;
pub mod limits;
pub mod observed;
pub mod orphan;
pub mod phase;
pub mod policy;
pub mod probe;
pub mod proposal;
pub mod record;
pub mod record_text;
pub mod request;
pub mod resumption;
pub mod retry;
pub mod rules;
pub mod schema;
pub mod secrets;
pub mod text;
pub mod token;
pub mod trailers;
pub mod values;
pub mod view;
pub mod webhook;

pub use ids::{
    BadId, ChangeId, ClusterName, CommitId, Host, Owner, ProposalId, StoreName, TokenId, TokenName,
    Uid,
};
