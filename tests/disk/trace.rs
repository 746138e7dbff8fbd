//! What the layer wrote down (`layer.c` has the format), as operations in the one order in which they happened.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// The kind of a marker, which the test itself appends.
const MARKER: u32 = 100;
/// A git command writes at least so often, or has ended.
const QUIET: Duration = Duration::from_millis(500);
/// The bytes of a record before its names and data.
const HEAD: usize = 48;

/// One thing that happened below the folder. Paths are relative to it; the folder itself is `""`.
#[derive(Debug)]
pub(crate) enum Op {
    /// A file came to be, empty. A symbolic link counts as one: only names of links matter here.
    Create { file: u64, path: String },
    /// A file got another length.
    Truncate { file: u64, length: u64 },
    /// Bytes were written into a file.
    Write {
        file: u64,
        path: String,
        at: u64,
        data: Vec<u8>,
    },
    /// A sync of a file or folder began; of a folder with the names and numbers in it.
    Sync {
        file: u64,
        path: String,
        ticket: u64,
        listing: Vec<(String, u64)>,
    },
    /// The sync with that ticket ended.
    Synced { file: u64, ticket: u64, ok: bool },
    /// A name was moved, perhaps over another.
    Rename { file: u64, from: String, to: String },
    /// A file got a second name.
    Link { file: u64, to: String },
    /// A name of a file went away.
    Unlink { path: String },
    /// A folder came to be.
    MakeFolder { file: u64, path: String },
    /// A folder went away.
    RemoveFolder { path: String },
    /// A call was made to fail.
    Hit,
    /// A call that changes nothing.
    Call,
    /// The test saw something, in this order.
    Marker { text: String },
}

/// Reads a trace. A folder written to through memory cannot be judged: then this fails.
pub(crate) fn read(trace: &Path, folder: &Path) -> Vec<Op> {
    let bytes = std::fs::read(trace).unwrap_or_default();
    let mut rest = bytes.as_slice();
    let mut ops = Vec::new();
    while let Some(length) = length(rest) {
        let (record, after) = rest.split_at(length);
        ops.extend(one(record, folder.to_str().expect("a path in UTF-8")));
        rest = after;
    }
    ops
}

/// Reads the trace of a server that is dead, once its git commands have ended as well: they outlive it for a moment.
pub(crate) fn read_to_its_end(trace: &Path, folder: &Path) -> Vec<Op> {
    let mut ops = read(trace, folder);
    loop {
        std::thread::sleep(QUIET);
        let again = read(trace, folder);
        if again.len() == ops.len() {
            return again;
        }
        ops = again;
    }
}

/// How long the first record is; none where its end is not written yet.
fn length(bytes: &[u8]) -> Option<usize> {
    let part = |at: usize| {
        let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let length = HEAD + part(32)? + part(36)? + part(40)?;
    (bytes.len() >= length).then_some(length)
}

/// Notes something in the order of the trace: what the program did before is before it.
pub(crate) fn mark(trace: &Path, text: &str) {
    let mut record = Vec::with_capacity(HEAD + text.len());
    record.extend(MARKER.to_le_bytes());
    record.extend([0; 28]);
    record.extend(
        u32::try_from(text.len())
            .expect("a short text")
            .to_le_bytes(),
    );
    record.extend([0; 12]);
    record.extend(text.as_bytes());
    // One write to a file opened for appending: it goes between two records, never into one.
    let file = File::options().append(true).create(true).open(trace);
    file.and_then(|mut it| it.write_all(&record))
        .expect("the trace can be written");
}

fn one(bytes: &[u8], folder: &str) -> Option<Op> {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let size = |at: usize| word(at) as usize;
    let (file, at, ticket, ok) = (long(8), long(16), long(24), word(4) == 0);
    let (name, rest) = bytes[HEAD..].split_at(size(32));
    let (other, rest) = rest.split_at(size(36));
    let data = &rest[..size(40)];
    let text = |it: &[u8]| String::from_utf8(it.to_vec()).expect("names are UTF-8");
    let below = |it: &[u8]| {
        let path = text(it);
        let inside = path
            .strip_prefix(folder)
            .map(|it| it.trim_start_matches('/').to_owned());
        inside.unwrap_or_else(|| panic!("{path} came from or went out of the folder"))
    };
    let op = match word(0) {
        1 | 11 => Op::Create {
            file,
            path: below(name),
        },
        2 => Op::Truncate { file, length: at },
        // A file without a name is gone after a power cut.
        3 if name.ends_with(b" (deleted)") => return None,
        3 => Op::Write {
            file,
            path: below(name),
            at,
            data: data.to_vec(),
        },
        4 => Op::Sync {
            file,
            path: below(name),
            ticket,
            listing: listing(&text(data)),
        },
        5 => Op::Synced { file, ticket, ok },
        6 => Op::Rename {
            file,
            from: below(name),
            to: below(other),
        },
        7 => Op::Unlink { path: below(name) },
        8 => Op::MakeFolder {
            file,
            path: below(name),
        },
        9 => Op::RemoveFolder { path: below(name) },
        10 => Op::Link {
            file,
            to: below(other),
        },
        12 => panic!(
            "{} is written through memory, which no trace shows",
            text(name)
        ),
        13 => Op::Hit,
        14 => Op::Call,
        MARKER => Op::Marker { text: text(name) },
        kind => panic!("a record of unknown kind {kind}"),
    };
    Some(op)
}

fn listing(text: &str) -> Vec<(String, u64)> {
    let entry = |line: &str| {
        let (name, number) = line.rsplit_once('/')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    text.lines()
        .map(|line| entry(line).expect("name and number"))
        .collect()
}
