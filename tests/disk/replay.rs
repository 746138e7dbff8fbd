//! A disk as a trace of operations leaves it: what is on it for certain, and what a power cut may take.
//!
//! As strict as POSIX allows a file system to be. A file's bytes and length are certain once a sync of that file ended,
//! as far as they were written before it began. A name (made, moved, removed) is certain once a sync of the folder that
//! holds it ended; a move between folders counts with the folder it went to. A sync that failed makes nothing certain,
//! and what it was to bring to the disk stays uncertain for ever: the kernel takes it for written and forgets it.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::trace::Op;

/// The folder that everything is in.
pub(crate) const ROOT: usize = 0;

/// A disk after some operations.
#[derive(Clone)]
pub(crate) struct Disk<'t> {
    /// Every file and folder that ever was.
    pub(crate) nodes: Vec<Node<'t>>,
    numbers: HashMap<u64, usize>,
    tickets: HashMap<u64, usize>,
    clock: usize,
}

/// A file or a folder, with everything that was done to it.
#[derive(Clone)]
pub(crate) struct Node<'t> {
    /// What was done to a file's bytes.
    pub(crate) bytes: Vec<Event<Bytes<'t>>>,
    /// What was done to the names in a folder; `None` for a file.
    pub(crate) names: Option<Vec<Event<Name>>>,
    now: BTreeMap<String, usize>,
    /// Events before this moment are certain.
    synced: usize,
}

/// Something that happened at a moment.
#[derive(Clone)]
pub(crate) struct Event<T> {
    /// The moment, in the order of the trace; what was there from the beginning has 0.
    pub(crate) at: usize,
    /// A failed sync has left it uncertain for ever.
    lost: bool,
    /// What happened.
    pub(crate) what: T,
}

/// A change of a file's bytes.
#[derive(Clone)]
pub(crate) enum Bytes<'t> {
    /// These were written there.
    Write(u64, &'t [u8]),
    /// It was there from the beginning.
    Whole(Arc<[u8]>),
    /// It was cut or lengthened with zeros.
    Length(u64),
}

/// A change of a name in a folder.
#[derive(Clone)]
pub(crate) struct Name {
    /// Which name.
    pub(crate) text: String,
    /// What it stands for; `None`: nothing any more.
    pub(crate) to: Option<usize>,
    /// The folder whose sync makes the change certain.
    home: usize,
}

impl<'t> Disk<'t> {
    /// A disk on which a folder is, for certain. A folder that is not there is an empty one.
    pub(crate) fn of(folder: &Path) -> Self {
        let mut disk = Self {
            nodes: vec![Node::folder()],
            numbers: HashMap::new(),
            tickets: HashMap::new(),
            clock: 0,
        };
        if folder.exists() {
            disk.numbers.insert(number(folder), ROOT);
            disk.take_in(folder, ROOT);
        }
        disk.nodes.iter_mut().for_each(|it| it.synced = 1);
        disk
    }

    fn take_in(&mut self, folder: &Path, at: usize) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let node = if path.is_dir() {
                Node::folder()
            } else {
                Node::file()
            };
            let id = self.add(number(&path), node);
            self.name(at, name, Some(id), at);
            if path.is_dir() {
                self.take_in(&path, id);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                self.bytes(id, Bytes::Whole(bytes.into()));
            }
        }
    }

    /// The next operation happens.
    pub(crate) fn apply(&mut self, op: &'t Op) {
        self.clock += 1;
        match op {
            Op::Create { file, path } => self.make(*file, path, Node::file()),
            Op::MakeFolder { file, path } => self.make(*file, path, Node::folder()),
            Op::Truncate { file, length } => {
                self.bytes(self.numbered(*file), Bytes::Length(*length));
            }
            Op::Write { file, at, data, .. } => {
                self.bytes(self.numbered(*file), Bytes::Write(*at, data));
            }
            Op::Sync {
                file,
                path,
                ticket,
                listing,
            } => {
                self.see_all(path, listing);
                self.tickets.insert(*ticket, self.clock);
                let known = self.find(path).is_none_or(|it| it == self.numbered(*file));
                assert!(known, "{path} is another file than the layer saw");
            }
            Op::Synced { file, ticket, ok } => self.synced(*file, *ticket, *ok),
            Op::Rename { file, from, to } => {
                let (folder, name) = self.place(from);
                let (other, new) = self.place(to);
                let node = self.numbered(*file);
                assert!(
                    self.nodes[node].names.is_none() || folder == other,
                    "{from}: folders that move into others are not modelled"
                );
                self.name(folder, name, None, other);
                self.name(other, new, Some(node), other);
            }
            Op::Link { file, to } => {
                let (folder, name) = self.place(to);
                self.name(folder, name, Some(self.numbered(*file)), folder);
            }
            Op::Unlink { path } | Op::RemoveFolder { path } => {
                let (folder, name) = self.place(path);
                self.name(folder, name, None, folder);
            }
            Op::Marker { .. } | Op::Hit | Op::Call => {}
        }
    }

    /// Whether an event of a file's bytes is on the disk for certain.
    pub(crate) fn is_certain(&self, node: usize, event: &Event<Bytes<'t>>) -> bool {
        !event.lost && event.at < self.nodes[node].synced
    }

    /// Whether an event of a name is on the disk for certain.
    pub(crate) fn is_named(&self, event: &Event<Name>) -> bool {
        !event.lost && event.at < self.nodes[event.what.home].synced
    }

    fn make(&mut self, number: u64, path: &str, node: Node<'t>) {
        if path.is_empty() {
            self.numbers.insert(number, ROOT);
            return;
        }
        let (folder, name) = self.place(path);
        let id = self.add(number, node);
        self.name(folder, name, Some(id), folder);
    }

    fn add(&mut self, number: u64, node: Node<'t>) -> usize {
        self.nodes.push(node);
        self.numbers.insert(number, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    fn bytes(&mut self, node: usize, what: Bytes<'t>) {
        let event = Event {
            at: self.clock,
            lost: false,
            what,
        };
        self.nodes[node].bytes.push(event);
    }

    fn name(&mut self, folder: usize, name: &str, to: Option<usize>, home: usize) {
        let what = Name {
            text: name.to_owned(),
            to,
            home,
        };
        let event = Event {
            at: self.clock,
            lost: false,
            what,
        };
        let node = &mut self.nodes[folder];
        node.names
            .as_mut()
            .expect("names are in folders")
            .push(event);
        match to {
            Some(to) => node.now.insert(name.to_owned(), to),
            None => node.now.remove(name),
        };
    }

    fn synced(&mut self, file: u64, ticket: u64, ok: bool) {
        let began = self.tickets[&ticket];
        let id = self.numbered(file);
        let node = &mut self.nodes[id];
        if ok {
            node.synced = node.synced.max(began);
            return;
        }
        let before = node.synced;
        let open = |at: usize| (before..began).contains(&at);
        node.bytes
            .iter_mut()
            .filter(|it| open(it.at))
            .for_each(|it| it.lost = true);
        let names = node.names.iter_mut().flatten();
        names.filter(|it| open(it.at)).for_each(|it| it.lost = true);
    }

    /// Takes names over that came or went without the C library: at the latest the sync of their folder shows them.
    fn see_all(&mut self, path: &str, listing: &[(String, u64)]) {
        let Some(folder) = self.find(path).filter(|it| self.nodes[*it].names.is_some()) else {
            return;
        };
        let gone: Vec<String> = self.nodes[folder].now.keys().cloned().collect();
        for name in gone
            .iter()
            .filter(|it| !listing.iter().any(|(name, _)| name == *it))
        {
            self.name(folder, name, None, folder);
        }
        for (name, number) in listing {
            let node = self.numbered(*number);
            if self.nodes[folder].now.get(name) != Some(&node) {
                self.name(folder, name, Some(node), folder);
            }
        }
        // The sync that shows them began after them.
        self.clock += usize::from(!listing.is_empty());
    }

    fn numbered(&self, file: u64) -> usize {
        *self
            .numbers
            .get(&file)
            .expect("the layer saw how every file came to be")
    }

    fn place<'p>(&self, path: &'p str) -> (usize, &'p str) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let found = self.find(folder);
        (
            found.unwrap_or_else(|| panic!("the folder of {path} is known")),
            name,
        )
    }

    fn find(&self, path: &str) -> Option<usize> {
        let mut names = path.split('/').filter(|it| !it.is_empty());
        names.try_fold(ROOT, |at, name| self.nodes[at].now.get(name).copied())
    }
}

impl Node<'_> {
    fn file() -> Self {
        Self {
            bytes: Vec::new(),
            names: None,
            now: BTreeMap::new(),
            synced: 0,
        }
    }

    fn folder() -> Self {
        Self {
            names: Some(Vec::new()),
            ..Self::file()
        }
    }
}

fn number(path: &Path) -> u64 {
    std::fs::symlink_metadata(path).unwrap().ino()
}
