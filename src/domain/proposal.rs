//! Changes that people approve at the forge: who shares a pull request, what it says, who agreed.
//!
//! Plain functions over plain data. Must not know: how the forge is asked, Git, or when any of this is done.

pub mod body;
pub mod branch;
pub mod command;
pub mod form;
pub mod grouping;
pub mod identity;
pub mod life;
pub mod lines;
pub mod markdown;
pub mod progress;
pub mod verdict;
