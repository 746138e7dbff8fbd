//! What a history holds, kept in memory, and random changes to it that look for trouble.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use fleetwright::domain::CommitId;
use fleetwright::plan::{Edit, Edits};

use crate::objects::Dice;

/// All files of a commit.
pub(super) type Files = BTreeMap<String, Rc<[u8]>>;

/// A folder to be taken over: where to, from which commit, which folder of it, and what that commit holds.
pub(super) struct Taken {
    pub(super) folder: String,
    pub(super) commit: CommitId,
    pub(super) path: String,
    pub(super) files: Rc<Files>,
}

/// One branch as it should be.
#[derive(Default)]
pub(super) struct Model {
    pub(super) files: Files,
    /// What the paths held that the current step touched.
    before: BTreeMap<String, Option<Rc<[u8]>>>,
}

impl Model {
    /// Does what a commit is to do, and tells whether it changes anything.
    pub(super) fn apply(&mut self, taken: &[Taken], edits: &Edits) -> bool {
        self.before.clear();
        for graft in taken {
            self.take_over(graft);
        }
        for (path, edit) in edits {
            if *edit == Edit::Delete {
                self.set(path, None);
            }
        }
        for (path, edit) in edits {
            if let Edit::Put(bytes) = edit {
                self.put(path, bytes.as_slice().into());
            }
        }
        self.before
            .iter()
            .any(|(path, before)| self.files.get(path) != before.as_ref())
    }

    fn take_over(&mut self, graft: &Taken) {
        for path in below(&self.files, &graft.folder) {
            self.set(&path, None);
        }
        for path in below(&graft.files, &graft.path) {
            let to = format!("{}{}", graft.folder, &path[graft.path.len()..]);
            self.put(&to, graft.files[&path].clone());
        }
    }

    /// A file takes the place of whatever stands there or above.
    fn put(&mut self, path: &str, bytes: Rc<[u8]>) {
        for (at, _) in path.match_indices('/') {
            self.set(&path[..at], None);
        }
        for path in below(&self.files, path) {
            self.set(&path, None);
        }
        self.set(path, Some(bytes));
    }

    fn set(&mut self, path: &str, bytes: Option<Rc<[u8]>>) {
        let before = match bytes {
            Some(bytes) => self.files.insert(path.to_owned(), bytes),
            None => self.files.remove(path),
        };
        self.before.entry(path.to_owned()).or_insert(before);
    }

    fn some_file(&self, dice: &mut Dice) -> Option<String> {
        let from = some_path(dice);
        let mut onward = self.files.range(from..).chain(&self.files);
        onward.next().map(|(path, _)| path.clone())
    }

    fn is_file_on_the_way(&self, folder: &str) -> bool {
        let above = folder.match_indices('/').map(|(at, _)| &folder[..at]);
        above
            .chain([folder])
            .any(|path| self.files.contains_key(path))
    }

    /// A few edits, and now and then folders of an earlier commit, none of which contradict each other.
    pub(super) fn random_step(
        &self,
        dice: &mut Dice,
        earlier: &[(CommitId, Rc<Files>)],
    ) -> (Vec<Taken>, Edits) {
        let mut edits = Edits::new();
        if dice.throw(3_000) == 0 {
            let all = self.files.keys().cloned();
            return (Vec::new(), all.map(|path| (path, Edit::Delete)).collect());
        }
        for _ in 0..dice.throw(5) {
            self.random_edit(dice, &mut edits);
        }
        let mut taken = Vec::new();
        if dice.throw(12) == 0 && !earlier.is_empty() {
            taken.push(self.random_graft(dice, earlier));
        }
        self.make_consistent(&taken, &mut edits);
        (taken, edits)
    }

    fn random_edit(&self, dice: &mut Dice, edits: &mut Edits) {
        let file = self.some_file(dice);
        match (dice.throw(24), file) {
            (0..5, _) | (_, None) => put(edits, some_path(dice), dice),
            (5..9, Some(file)) => put(edits, file, dice),
            (9..14, _) => put(edits, format!("big/{:04}.yaml", dice.throw(1_400)), dice),
            (14..18, Some(file)) => {
                edits.insert(file, Edit::Delete);
            }
            (18, _) => {
                edits.insert(some_path(dice), Edit::Delete);
            }
            // a folder loses everything
            (19, Some(file)) => {
                let all = below(&self.files, folder_of(&file));
                edits.extend(all.into_iter().map(|path| (path, Edit::Delete)));
            }
            // a file becomes a folder, and a folder a file
            (20, Some(file)) if file.len() < 700 => {
                put(edits, format!("{file}/{}", some_name(dice)), dice);
            }
            (21, Some(file)) if !folder_of(&file).is_empty() && !file.starts_with("big/") => {
                put(edits, folder_of(&file).to_owned(), dice);
            }
            // a file moves, so that its content is there already
            (_, Some(file)) => {
                edits.insert(some_path(dice), Edit::Put(self.files[&file].to_vec()));
                edits.insert(file, Edit::Delete);
            }
        }
    }

    fn random_graft(&self, dice: &mut Dice, earlier: &[(CommitId, Rc<Files>)]) -> Taken {
        let (commit, files) = earlier[pick(dice, earlier.len())].clone();
        let folder = ["clusters/c0", "clusters/c1", "a", "g/x/y", "b/a.b"][pick(dice, 5)];
        let file = self.some_file(dice).unwrap_or_default();
        let path = [folder, "clusters/c2", "nowhere", folder_of(&file), "a"][pick(dice, 5)];
        let path = if path.is_empty() { "a" } else { path };
        Taken {
            folder: folder.to_owned(),
            commit,
            path: path.to_owned(),
            files,
        }
    }

    /// Takes out edits that another edit, or a folder taken over, contradicts.
    fn make_consistent(&self, taken: &[Taken], edits: &mut Edits) {
        let paths: Vec<String> = edits.keys().cloned().collect();
        for path in &paths {
            let inside = format!("{path}/");
            let is_folder = paths.iter().any(|other| other.starts_with(&inside));
            let contradicts = |graft: &Taken| {
                let into = path.starts_with(&format!("{}/", graft.folder));
                graft.folder == *path
                    || graft.folder.starts_with(&inside)
                    || (into && self.is_file_on_the_way(&graft.folder))
            };
            let put = matches!(edits[path], Edit::Put(_));
            if (put && is_folder) || taken.iter().any(contradicts) {
                edits.remove(path);
            }
        }
    }
}

fn put(edits: &mut Edits, path: String, dice: &mut Dice) {
    edits.insert(path, Edit::Put(some_bytes(dice)));
}

/// The files below a folder.
fn below(files: &Files, folder: &str) -> Vec<String> {
    let inside = if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    };
    files
        .range(inside.clone()..)
        .map(|(path, _)| path.clone())
        .take_while(|path| path.starts_with(&inside))
        .collect()
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn pick(dice: &mut Dice, of: usize) -> usize {
    usize::try_from(dice.throw(of as u64)).unwrap()
}

/// Names that sort next to each other, differently for a file and for a folder, and as long as a name may be.
fn some_name(dice: &mut Dice) -> String {
    const NAMES: [&str; 16] = [
        "a", "a.b", "a-b", "a0", "a b", "a.", "b", "ab", "A", "ä", "-", "~", "0", "a!", "日本",
        "f.yaml",
    ];
    if dice.throw(150) == 0 {
        let letter = ["x", "y"][pick(dice, 2)];
        return letter.repeat([254, 255][pick(dice, 2)]);
    }
    NAMES[pick(dice, NAMES.len())].to_owned()
}

fn some_path(dice: &mut Dice) -> String {
    let top = ["", "clusters/c0/", "clusters/c1/", "clusters/c2/", "b/"][pick(dice, 5)];
    let mut path = top.to_owned();
    for _ in 0..dice.throw(4) {
        write!(path, "{}/", some_name(dice)).unwrap();
    }
    path + &some_name(dice)
}

/// Often the same bytes again; sizes around those where a header of the format grows by a byte.
fn some_bytes(dice: &mut Dice) -> Vec<u8> {
    const SIZES: [usize; 12] = [0, 1, 2, 15, 16, 17, 127, 128, 2_047, 2_048, 4_096, 20];
    match dice.throw(400) {
        0 => vec![0; 70_000],
        1 => noise(dice, 70_000),
        // one byte longer than the block of a stream that is not compressed
        2 => noise(dice, 0x1_0000),
        3..200 => format!("version: {}\n", dice.throw(400)).into_bytes(),
        200..260 => vec![b'x'; SIZES[pick(dice, SIZES.len())]],
        _ => {
            let size = SIZES[pick(dice, SIZES.len())];
            noise(dice, size)
        }
    }
}

fn noise(dice: &mut Dice, size: usize) -> Vec<u8> {
    (0..size)
        .map(|_| u8::try_from(dice.throw(256)).unwrap())
        .collect()
}
