//! What a power cut leaves of a disk: everything certain, and of the rest what a choice says.
//!
//! Every choice is a pure function of its seed and of the moment of a change, so an image can be made again.

use std::path::Path;

use crate::replay::{Bytes, Disk, Event, ROOT};

/// The disk writes so many bytes whole or not at all.
const SECTOR: u64 = 512;

/// Which of the uncertain changes reached the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// None did.
    All,
    /// All did: what a kill leaves.
    Nothing,
    /// Those up to some moment did, as in a file system with a strict journal.
    Tail,
    /// Names and lengths did, bytes did not: files full of zeros.
    Data,
    /// Bytes did, names did not.
    Names,
    /// Each by itself did, did not, or did in part.
    Some,
    /// All but the last, which is torn.
    Last,
}

/// All of them, in the order in which tests go through them.
pub(crate) const LOSSES: [Loss; 7] = [
    Loss::All,
    Loss::Some,
    Loss::Tail,
    Loss::Data,
    Loss::Last,
    Loss::Names,
    Loss::Nothing,
];

/// What became of one uncertain change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Dropped,
    /// Sector by sector.
    Torn,
    /// The length is there, the bytes are not.
    Hollow,
}

/// A cut: a disk, and what becomes of what is uncertain on it.
pub(crate) struct Cut<'d, 't> {
    disk: &'d Disk<'t>,
    loss: Loss,
    seed: u64,
    uncertain: Vec<usize>,
}

impl<'d, 't> Cut<'d, 't> {
    pub(crate) fn new(disk: &'d Disk<'t>, loss: Loss, seed: u64) -> Self {
        let mut uncertain = Vec::new();
        for (id, node) in disk.nodes.iter().enumerate() {
            let bytes = node.bytes.iter().filter(|it| !disk.is_certain(id, it));
            uncertain.extend(bytes.map(|it| it.at));
            let names = node.names.iter().flatten().filter(|it| !disk.is_named(it));
            uncertain.extend(names.map(|it| it.at));
        }
        uncertain.sort_unstable();
        Self {
            disk,
            loss,
            seed,
            uncertain,
        }
    }

    /// Writes what is left into a folder, which must not be there yet.
    pub(crate) fn write(&self, to: &Path) {
        self.folder(ROOT, to);
    }

    fn folder(&self, id: usize, to: &Path) {
        std::fs::create_dir(to).unwrap();
        let mut names = std::collections::BTreeMap::new();
        for event in self.disk.nodes[id].names.iter().flatten() {
            if self.disk.is_named(event) || self.fate(event.at, false) == Fate::Kept {
                names.insert(&event.what.text, event.what.to);
            }
        }
        for (name, id) in names {
            let path = to.join(name);
            match id {
                Some(id) if self.disk.nodes[id].names.is_some() => self.folder(id, &path),
                Some(id) => std::fs::write(path, self.file(id)).unwrap(),
                None => {}
            }
        }
    }

    fn file(&self, id: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for event in &self.disk.nodes[id].bytes {
            let certain = self.disk.is_certain(id, event);
            let fate = if certain {
                Fate::Kept
            } else {
                self.fate(event.at, true)
            };
            self.change(&mut bytes, event, fate);
        }
        bytes
    }

    fn change(&self, bytes: &mut Vec<u8>, event: &Event<Bytes<'t>>, fate: Fate) {
        let (place, data): (u64, &[u8]) = match &event.what {
            Bytes::Length(length) => {
                if fate != Fate::Dropped {
                    bytes.resize(size(*length), 0);
                }
                return;
            }
            Bytes::Whole(data) => (0, data),
            Bytes::Write(place, data) => (*place, data),
        };
        let end = place + data.len() as u64;
        let keeps = |sector: u64| match fate {
            Fate::Kept => true,
            Fate::Dropped | Fate::Hollow => false,
            Fate::Torn => chance(self.seed, event.at as u64 ^ sector << 32, 2) == 0,
        };
        if fate == Fate::Hollow {
            bytes.resize(bytes.len().max(size(end)), 0);
        }
        let mut from = place;
        while from < end {
            let to = end.min((from / SECTOR + 1) * SECTOR);
            if keeps(from / SECTOR) {
                bytes.resize(bytes.len().max(size(to)), 0);
                let part = &data[size(from - place)..size(to - place)];
                bytes[size(from)..size(to)].copy_from_slice(part);
            }
            from = to;
        }
    }

    fn fate(&self, at: usize, bytes: bool) -> Fate {
        let kept = |yes| if yes { Fate::Kept } else { Fate::Dropped };
        match self.loss {
            Loss::Data if bytes => Fate::Hollow,
            Loss::Last if bytes && self.uncertain.last() == Some(&at) => Fate::Torn,
            Loss::Some if bytes => match chance(self.seed, at as u64, 8) {
                0..=2 => Fate::Kept,
                3..=5 => Fate::Dropped,
                6 => Fate::Torn,
                _ => Fate::Hollow,
            },
            Loss::All => kept(false),
            Loss::Nothing | Loss::Data => kept(true),
            Loss::Names => kept(bytes),
            Loss::Last => kept(self.uncertain.last() != Some(&at)),
            Loss::Some => kept(chance(self.seed, at as u64, 2) == 0),
            Loss::Tail => {
                let place = chance(self.seed, 0, self.uncertain.len() as u64);
                kept(self.uncertain.get(size(place)).is_some_and(|end| at < *end))
            }
        }
    }
}

/// A number below `of`, the same for the same seed and place (splitmix64).
pub(crate) fn chance(seed: u64, place: u64, of: u64) -> u64 {
    let mut z =
        (seed ^ place.wrapping_mul(0xd134_2543_de82_ef95)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % of.max(1)
}

fn size(number: u64) -> usize {
    usize::try_from(number).expect("a test's file fits into memory")
}

/// Every path at which two folders differ: what a layer that overlooks something would show.
pub(crate) fn differences(one: &Path, other: &Path) -> Vec<String> {
    let names = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|it| it.unwrap().file_name())
    };
    let all: std::collections::BTreeSet<_> = names(one).chain(names(other)).collect();
    let mut found = Vec::new();
    for name in all {
        let (left, right) = (one.join(&name), other.join(&name));
        if left.is_dir() && right.is_dir() {
            found.extend(differences(&left, &right));
        } else if left.is_dir() != right.is_dir()
            || std::fs::read(&left).ok() != std::fs::read(&right).ok()
        {
            found.push(left.display().to_string());
        }
    }
    found
}
