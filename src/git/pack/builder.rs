//! A pack in the making: objects are collected in memory, readable at once, and become the bytes of one
//! self-contained pack with its index.
//!
//! Must not know: files, references, what a tree or a commit says.

use std::collections::HashMap;
use std::sync::Arc;

use flate2::Crc;

use super::deflate::{Deflater, stored};
use super::delta;
use super::entry::{self, Stored};
use super::index::{self, Place};
use super::press::Press;
use crate::git::hash::{name_of, sha1};
use crate::git::object::ObjectId;
use crate::git::read::ObjectKind;

/// How many deltas may stand between an object and a whole one: reading it applies them all (git's default).
const DEPTH: u16 = 50;
/// From this many bytes on, compression is worth a second thread.
const WORTH_A_THREAD: usize = 128 * 1024;
/// A whole object smaller than this is not worth a delta: two hashes and a few copies are as long.
const WORTH_A_DELTA: usize = 160;

/// What an object is, before it is compressed.
enum Content {
    Whole(Arc<Vec<u8>>),
    /// Against an earlier object of the pack.
    Delta {
        base: usize,
        delta: Vec<u8>,
    },
}

/// One object of the pack.
struct Member {
    id: ObjectId,
    kind: ObjectKind,
    /// How many deltas it takes to read it.
    depth: u16,
    content: Content,
}

/// Objects that will be one pack.
#[derive(Default)]
pub(in crate::git) struct Builder {
    members: Vec<Member>,
    by_id: HashMap<ObjectId, usize>,
    press: Option<Press>,
    /// Bytes of whole objects so far.
    whole: usize,
}

/// A finished pack.
pub(in crate::git) struct Packed {
    /// The pack's bytes.
    pub(in crate::git) pack: Vec<u8>,
    /// Its index.
    pub(in crate::git) index: Vec<u8>,
    /// SHA-1 of the pack, which names its files.
    pub(in crate::git) sum: [u8; 20],
}

impl Builder {
    /// Adds an object, unless it is there, and gives its name. With `base`, it is stored as what differs from that
    /// object, where that one is in this pack and the difference is small.
    pub(in crate::git) fn add(
        &mut self,
        kind: ObjectKind,
        bytes: &Arc<Vec<u8>>,
        base: Option<(ObjectId, &[u8])>,
    ) -> ObjectId {
        let id = name_of(kind, bytes);
        if self.by_id.contains_key(&id) {
            return id;
        }
        let delta = base.and_then(|(base, old)| self.delta(base, old, bytes));
        let (depth, content) = delta.unwrap_or_else(|| (0, Content::Whole(Arc::clone(bytes))));
        let number = self.members.len();
        if let Content::Whole(bytes) = &content {
            self.deflate_beside(number, bytes);
        }
        self.by_id.insert(id, number);
        self.members.push(Member {
            id,
            kind,
            depth,
            content,
        });
        id
    }

    /// How many objects there are.
    pub(in crate::git) fn len(&self) -> usize {
        self.members.len()
    }

    /// The bytes of an object of this pack.
    pub(in crate::git) fn read(&self, id: ObjectId, kind: ObjectKind) -> Option<Arc<Vec<u8>>> {
        let number = *self.by_id.get(&id)?;
        if self.members[number].kind != kind {
            return None;
        }
        self.content(number)
    }

    /// Every commit and file of this pack, for those who will read them next.
    pub(in crate::git) fn whole(
        &self,
    ) -> impl Iterator<Item = (ObjectId, ObjectKind, &Arc<Vec<u8>>)> {
        self.members
            .iter()
            .filter_map(|member| match &member.content {
                Content::Whole(bytes) => Some((member.id, member.kind, bytes)),
                Content::Delta { .. } => None,
            })
    }

    /// The finished pack.
    pub(in crate::git) fn finish(mut self) -> Packed {
        let mut pressed: Vec<Option<Vec<u8>>> = Vec::new();
        pressed.resize_with(self.members.len(), || None);
        for (number, stream) in self.press.take().map_or_else(Vec::new, Press::finish) {
            pressed[number] = Some(stream);
        }
        let count = u32::try_from(self.members.len()).expect("a group has far fewer objects");
        let mut pack = Vec::with_capacity(self.whole / 2 + self.members.len() * 128);
        pack.extend_from_slice(b"PACK\0\0\0\x02");
        pack.extend_from_slice(&count.to_be_bytes());
        let mut deflater = Deflater::new();
        let mut places: Vec<Place> = Vec::with_capacity(self.members.len());
        for (member, stream) in self.members.iter().zip(pressed) {
            let offset = pack.len();
            member.write(&mut pack, &places, stream, &mut deflater);
            let mut crc = Crc::new();
            crc.update(&pack[offset..]);
            places.push(Place {
                id: member.id,
                // The index has 31 bits for it.
                offset: i32::try_from(offset)
                    .expect("a group is far smaller than 2 GiB")
                    .unsigned_abs(),
                crc: crc.sum(),
            });
        }
        let sum = sha1(&pack);
        pack.extend_from_slice(&sum);
        Packed {
            index: index::bytes(places, &sum),
            pack,
            sum,
        }
    }

    fn delta(&self, base: ObjectId, old: &[u8], new: &[u8]) -> Option<(u16, Content)> {
        let number = *self.by_id.get(&base)?;
        let depth = self.members[number].depth + 1;
        if depth > DEPTH || new.len() < WORTH_A_DELTA {
            return None;
        }
        let delta = delta::make(old, new);
        let content = Content::Delta {
            base: number,
            delta,
        };
        matches!(&content, Content::Delta { delta, .. } if delta.len() < new.len() / 2)
            .then_some((depth, content))
    }

    fn deflate_beside(&mut self, number: usize, bytes: &Arc<Vec<u8>>) {
        self.whole += bytes.len();
        if self.press.is_none() && self.whole > WORTH_A_THREAD {
            self.press = Press::start();
        }
        if let Some(press) = &mut self.press {
            press.press(number, Arc::clone(bytes));
        }
    }

    fn content(&self, number: usize) -> Option<Arc<Vec<u8>>> {
        match &self.members[number].content {
            Content::Whole(bytes) => Some(Arc::clone(bytes)),
            Content::Delta { base, delta } => {
                delta::apply(&self.content(*base)?, delta).map(Arc::new)
            }
        }
    }
}

impl Member {
    fn write(
        &self,
        pack: &mut Vec<u8>,
        places: &[Place],
        pressed: Option<Vec<u8>>,
        deflater: &mut Deflater,
    ) {
        match &self.content {
            Content::Whole(bytes) => {
                entry::write(pack, Stored::Whole(self.kind), bytes.len());
                let stream = pressed.unwrap_or_else(|| deflater.deflate(bytes));
                pack.extend_from_slice(&stream);
            }
            Content::Delta { base, delta } => {
                let back = pack.len() as u64 - u64::from(places[*base].offset);
                entry::write(pack, Stored::Delta(back), delta.len());
                // Mostly hashes: compressing it would cost more than it saves.
                pack.extend_from_slice(&stored(delta));
            }
        }
    }
}
