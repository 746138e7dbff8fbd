//! The fleet repository: objects and references of one bare repository, and the remote it is published to.
//!
//! Reading and writing objects and references is libgit2's (`git2`): trees are edited as objects, there is no work
//! tree and no index anywhere. Fetch, push and serving are the git program's, and `command.rs` is the only place that
//! starts it. All calls block unless they are marked `async`; async callers wrap them in `spawn_blocking`.
//!
//! Must not know: stores, changes, policy, what a file means, nor when to fetch or push. No `git2` type leaves this
//! module.

mod address;
mod cache;
mod capture;
mod command;
mod commit;
mod diff;
mod edit;
mod error;
mod group;
mod handle;
mod hash;
mod history;
mod http_backend;
mod init;
mod keyring;
mod keys;
mod lock_file;
mod object;
mod outcome;
mod pack;
mod packed_refs;
mod packs;
mod path;
mod porcelain;
mod proposals;
mod read;
mod refs;
mod remote;
mod repo;
mod stale_locks;
mod tree;
mod upkeep;
mod versions;

pub use command::{CommandError, GitVersion, git_version};
pub use commit::{CommitInfo, Person};
pub use diff::PathChange;
pub use edit::Graft;
pub use error::GitError;
pub use group::{CommitSpec, Group};
pub use http_backend::{BackendBody, BackendRequest, BackendResponse, serve};
pub use keyring::{KeyRing, KeyRole};
pub use keys::{KeyError, SigningKey};
pub use object::{BlobId, Entry, EntryKind, ObjectId, TreeId};
pub use outcome::{PushOutcome, Refusal, RemoteError};
pub use path::check_path;
pub use proposals::{ProposalOutcome, ProposalRef};
pub use refs::{Landed, RefUpdate};
pub use remote::{Credential, PATIENCE, PushRef, Remote};
pub use repo::FleetRepo;
pub use upkeep::{Pace, Tidied, UpkeepError};
