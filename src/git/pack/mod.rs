//! Packs: many objects in one file, and the index that finds them (gitformat-pack(5), version 2 of both).
//!
//! A [`Builder`] collects the objects of one group in memory, [`file::install`] puts them into the repository so that
//! after a power cut all of them are there or none. Must not know: references, what a tree or a commit says.

mod builder;
mod deflate;
mod delta;
mod entry;
pub(super) mod file;
mod index;
mod press;

pub(super) use builder::{Builder, Packed};
