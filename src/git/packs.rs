//! The folder `objects/pack`: which packs there are, what each holds, and which of them are put together.
//!
//! Must not know: what objects mean, how a pack is written, when packs are put together.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::GitError;
use super::object::ObjectId;

/// Every pack that stays is at least this many times as large as all smaller ones together. So `n` objects lie in at
/// most some `log3 n` packs, and an object is copied some `log1.5 n` times in its life.
const FACTOR: u64 = 2;

/// A pack of so many objects stays as it is: putting some together takes memory for each object of theirs, some 70 bytes
/// here and 200 in git.
const LARGE: u64 = 1 << 19;
/// Unless there would be more of them than this.
const LARGE_PACKS: u64 = 16;

/// Files beside a pack that say it is somebody's business: a fetch that has not moved its references yet (`.keep`), a
/// partial clone's or a person's own arrangement.
const HANDS_OFF: [&str; 3] = ["keep", "promisor", "mtimes"];

/// The files of a pack, in the order in which they are deleted: without its index nobody looks at a pack.
const PARTS: [&str; 4] = ["idx", "bitmap", "rev", "pack"];

/// One pack and its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pack {
    /// The index's file.
    pub(super) index: PathBuf,
    /// How many objects it holds.
    pub(super) objects: u64,
}

/// The packs that may be touched. One that vanishes meanwhile, or that has an index of another make, is left out.
pub(super) fn list(folder: &Path) -> Result<Vec<Pack>, GitError> {
    let mut packs = Vec::new();
    for (_, parts) in stems(folder)? {
        let ours = !HANDS_OFF.iter().any(|it| parts.contains_key(*it));
        if let (true, Some(index), Some(_)) = (ours, parts.get("idx"), parts.get("pack"))
            && let Some(objects) = count(index).map_err(GitError::io("read", index))?
        {
            let index = index.clone();
            packs.push(Pack { index, objects });
        }
    }
    Ok(packs)
}

/// How many packs there are, whoever keeps them.
pub(super) fn number(folder: &Path) -> Result<usize, GitError> {
    let stems = stems(folder)?;
    Ok(stems.values().filter(|it| it.contains_key("idx")).count())
}

/// The files of the folder by what they are called before and after the last dot.
fn stems(folder: &Path) -> Result<BTreeMap<String, BTreeMap<String, PathBuf>>, GitError> {
    let mut stems: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for path in files(folder)? {
        let part = |it: Option<&std::ffi::OsStr>| it.and_then(|it| it.to_str()).map(str::to_owned);
        if let (Some(stem), Some(extension)) = (part(path.file_stem()), part(path.extension()))
            && stem.starts_with("pack-")
        {
            stems.entry(stem).or_default().insert(extension, path);
        }
    }
    Ok(stems)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, GitError> {
    let failed = || GitError::io("list", folder);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed())?,
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths.collect::<Result<_, _>>().map_err(failed())
}

/// The smallest packs that have to become one for the others to be in geometric progression; none, or two and more.
pub(super) fn to_merge(mut packs: Vec<Pack>) -> Vec<Pack> {
    let all: u64 = packs.iter().map(|pack| pack.objects).sum();
    let large = LARGE.max(all / LARGE_PACKS);
    packs.retain(|pack| pack.objects < large);
    packs.sort_by_key(|pack| pack.objects);
    let (mut smaller, mut merged) = (0, 0);
    for (at, pack) in packs.iter().enumerate() {
        if pack.objects < FACTOR * smaller {
            merged = at + 1;
        }
        smaller += pack.objects;
    }
    packs.truncate(merged);
    packs
}

/// The beginning of an index of version 2, see gitformat-pack(5): two words, and for each first byte of a name how
/// many objects have that one or a smaller one.
const HEADER: usize = 8;
const NAMES: usize = HEADER + 256 * 4;
const MAGIC: [u8; HEADER] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];

/// How many objects an index names; `None` when it is gone, or is no index of version 2.
fn count(index: &Path) -> io::Result<Option<u64>> {
    let mut header = [0; NAMES];
    let read = File::open(index).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Ok(()) => Ok(counted(&header)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => Ok(None),
            _ => Err(error),
        },
    }
}

fn counted(header: &[u8]) -> Option<u64> {
    let last = header.get(NAMES - 4..NAMES)?;
    let last = <[u8; 4]>::try_from(last).ok()?;
    header
        .starts_with(&MAGIC)
        .then(|| u64::from(u32::from_be_bytes(last)))
}

/// The names of the objects in a pack, sorted; `None` when its index is not whole.
pub(super) fn names(index: &Path) -> Result<Option<Vec<ObjectId>>, GitError> {
    let bytes = fs::read(index).map_err(GitError::io("read", index))?;
    let count = counted(&bytes).and_then(|count| usize::try_from(count).ok());
    let names = count.and_then(|count| bytes.get(NAMES..NAMES + count * 20));
    Ok(names.map(|names| names.chunks_exact(20).map(name).collect()))
}

fn name(bytes: &[u8]) -> ObjectId {
    let mut name = [0; 20];
    name.copy_from_slice(bytes);
    ObjectId(name)
}

/// Deletes what a person's `git multi-pack-index` or `git maintenance` made: it names packs that are about to go, and git
/// would complain. Readers find everything without.
pub(super) fn forget_overview(folder: &Path) -> Result<(), GitError> {
    let chain = folder.join("multi-pack-index.d/multi-pack-index-chain");
    delete_file(&chain)?;
    delete_file(&folder.join("multi-pack-index"))
}

/// Deletes a pack that nobody needs any more.
pub(super) fn delete(index: &Path) -> Result<(), GitError> {
    for part in PARTS {
        let file = index.with_extension(part);
        delete_file(&file)?;
    }
    Ok(())
}

pub(super) fn delete_file(file: &Path) -> Result<(), GitError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(GitError::io("delete", file)(error))
        }
        _ => Ok(()),
    }
}

/// Deletes what killed processes left unfinished: temporary files, and packs that never got their index. `age` is
/// longer than any process of ours may run, so that none at work loses its file.
pub(super) fn clear_leftovers(folder: &Path, age: Duration) -> Result<usize, GitError> {
    let mut cleared = 0;
    for file in files(folder)? {
        let name = file.file_name().and_then(|it| it.to_str());
        let temporary = name.is_some_and(|it| it.starts_with("tmp_") || it.starts_with(".tmp-"));
        let kept = HANDS_OFF.iter().any(|it| file.with_extension(it).exists());
        let orphan = file.extension().is_some_and(|it| it == "pack")
            && !file.with_extension("idx").exists()
            && !kept;
        if (temporary || orphan) && is_older(&file, age) {
            delete_file(&file)?;
            cleared += 1;
        }
    }
    Ok(cleared)
}

fn is_older(file: &Path, age: Duration) -> bool {
    let written = fs::symlink_metadata(file).and_then(|it| it.modified());
    // A file that is gone, or from the future, is nobody's leftover.
    written.is_ok_and(|it| {
        SystemTime::now()
            .duration_since(it)
            .is_ok_and(|it| it >= age)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(counts: &[u64]) -> Vec<u64> {
        let packs = counts.iter().map(|&objects| Pack {
            index: PathBuf::from(format!("pack-{objects}.idx")),
            objects,
        });
        let merged = to_merge(packs.collect());
        merged.into_iter().map(|pack| pack.objects).collect()
    }

    #[test]
    fn small_packs_are_merged_and_large_ones_stay() {
        assert_eq!(merged(&[]), [0; 0]);
        assert_eq!(merged(&[7]), [0; 0]);
        assert_eq!(merged(&[100, 10, 30]), [0; 0]);
        assert_eq!(merged(&[10, 10, 100_000, 10]), [10, 10, 10]);
        // Together they would be too large for the next, which joins them.
        assert_eq!(merged(&[10, 10, 10, 50, 100_000]), [10, 10, 10, 50]);
        assert_eq!(merged(&[10, 10, 10, 60, 100_000]), [10, 10, 10]);
        assert_eq!(merged(&[4, 5, 6, 20, 60]), [4, 5, 6, 20, 60]);
        // Large ones stay, however many small ones there are.
        assert_eq!(merged(&[LARGE, 9, LARGE, 9]), [9, 9]);
        assert_eq!(merged(&[LARGE, LARGE - 1, 9, LARGE, 9]), [9, 9]);
        // But they are not let become many.
        assert_eq!(merged(&[LARGE; 16]), [0; 0]);
        assert_eq!(merged(&[LARGE; 17]), [LARGE; 17]);
    }

    /// Groups land, and whenever there are `due` packs they are put together. Gives the most packs left by that, the
    /// most objects in one go as a multiple of what counts as large in the end, and how often an object was copied on
    /// average.
    fn life(groups: impl Iterator<Item = u64>, due: usize) -> (usize, u64, u64) {
        let pack = |objects| Pack {
            index: PathBuf::new(),
            objects,
        };
        let (mut packs, mut left, mut at_once) = (Vec::new(), 0, 0);
        let (mut landed, mut copied) = (0, 0);
        for objects in groups {
            landed += objects;
            packs.push(pack(objects));
            if packs.len() < due {
                continue;
            }
            let sum = |packs: &[Pack]| packs.iter().map(|pack| pack.objects).sum::<u64>();
            let merged = to_merge(packs.clone());
            packs.sort_by_key(|pack| pack.objects);
            drop(packs.drain(..merged.len()));
            let new = sum(&merged);
            if new > 0 {
                packs.push(pack(new));
            }
            left = left.max(packs.len());
            at_once = at_once.max(new);
            copied += new;
            assert_eq!(sum(&packs), landed, "nothing is lost");
        }
        let large = LARGE.max(landed / LARGE_PACKS);
        (left, at_once / large, copied / landed)
    }

    #[test]
    fn packs_and_copies_stay_few_over_a_hundred_thousand_groups() {
        const GROUPS: u64 = 100_000;
        const DUE: usize = 64;
        let noise = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let lives = [
            // one change a group; busy; each change alone, and now and then a thousand; a first fetch, then single ones
            life((0..GROUPS).map(|_| 16), DUE),
            life((0..GROUPS).map(|n| 16 + noise(n) % 12_000), DUE),
            life(
                (0..GROUPS).map(|n| if n % 997 == 0 { 13_000 } else { 16 }),
                DUE,
            ),
            life(
                (0..GROUPS).map(|n| if n == 0 { 2_000_000 } else { 16 }),
                DUE,
            ),
            // the worst for the rule: each as large as all before, then small ones
            life((0..GROUPS).map(|n| 1 << (n % 20)), DUE),
        ];
        for (left, at_once, copies) in lives {
            assert!(left <= 20 && copies <= 10 && at_once <= 2, "{lives:?}");
        }
    }

    #[test]
    fn what_killed_processes_left_is_cleared_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "tmp_pack_x",
            ".tmp-7-pack-x.pack",
            "pack-orphan.pack",
            "pack-kept.pack",
            "pack-kept.keep",
            "pack-whole.pack",
            "pack-whole.idx",
        ];
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let hour = Duration::from_hours(1);
        assert_eq!(clear_leftovers(folder.path(), hour).unwrap(), 0);
        assert_eq!(clear_leftovers(folder.path(), Duration::ZERO).unwrap(), 3);
        let mut left = files(folder.path()).unwrap();
        left.sort();
        let left: Vec<_> = left.iter().filter_map(|it| it.file_name()).collect();
        assert_eq!(
            left,
            [
                "pack-kept.keep",
                "pack-kept.pack",
                "pack-whole.idx",
                "pack-whole.pack"
            ]
        );
    }
}
