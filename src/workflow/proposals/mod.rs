//! Changes that people approve where they already work: as pull requests at the forge.
//!
//! What is to be done is worked out from what is kept and what the forge says now, again and again, so that a webhook
//! that was lost, or a stop between two calls, only costs time. A step whose answer may have been lost is noted before it
//! is taken, and looked for before it is taken again.

mod advance;
mod book;
mod branches;
mod brought;
mod checks;
mod commands;
mod door;
mod end;
mod forms;
mod gather;
mod hand_edits;
mod judge;
pub(super) mod landing;
mod merge;
mod open;
mod outside;
mod people;
mod policy;
mod queue;
mod render;
mod reopen;
mod rests;
mod review;
mod rota;
mod text;
mod worker;

use crate::forge::ForgeError;
use crate::git::{GitError, RemoteError};
use crate::index::IndexError;
use crate::journal::JournalError;

use super::project::ProjectError;

pub(super) use door::{decided_there, join, takes_more, wait_for_one};
pub(super) use hand_edits::look_up;
pub(super) use worker::run;

/// Why a proposal does not go on now. It is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The forge.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// Git.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The way to the remote.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Published main.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// What a proposal asks for cannot be told.
    #[error("{0}")]
    Unclear(String),
    /// What was asked of another part of the server.
    #[error("{0}")]
    Unavailable(String),
    /// A thread of ours.
    #[error("a worker thread ended early: {0}")]
    Worker(String),
}
