//! Ten thousand commits in groups of any size, held against a model in memory and against git.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use fleetwright::domain::CommitId;
use fleetwright::git::{FleetRepo, Graft, Group, KeyRing, KeyRole, Landed, Pace, RefUpdate};
use fleetwright::plan::{Edit, Edits};

use crate::bench::{Bench, edits, git};
use crate::objects::Dice;

#[path = "history/model.rs"]
mod model;

use model::{Files, Model, Taken};

const COMMITS: usize = 10_000;
/// Every so many commits the whole state is remembered.
const SAMPLE: usize = 500;
const CLUSTERS: [&str; 3] = ["c0", "c1", "c2"];

/// One branch: where it is, and what it should hold.
#[derive(Default)]
struct Branch {
    tip: Option<CommitId>,
    landed: Option<CommitId>,
    model: Model,
}

/// A history in the making.
struct History {
    bench: Bench,
    dice: Dice,
    main: Branch,
    deploy: BTreeMap<&'static str, Branch>,
    line: Vec<CommitId>,
    /// Commits of main with all that they hold.
    samples: Vec<(CommitId, Rc<Files>)>,
}

impl Branch {
    /// One commit, held against the model: `None` exactly when nothing changes.
    fn commit(
        &mut self,
        bench: &Bench,
        group: &mut Group<'_>,
        (taken, edits): (&[Taken], &Edits),
        even_if_same: bool,
    ) -> Option<CommitId> {
        let changes = self.model.apply(taken, edits);
        let grafts: Vec<_> = taken
            .iter()
            .map(|it| Graft {
                folder: &it.folder,
                commit: &it.commit,
                path: &it.path,
            })
            .collect();
        let mut spec = bench.spec(self.tip.as_ref(), &grafts, edits);
        spec.even_if_same = even_if_same;
        let made = group.commit(&spec).unwrap();
        assert_eq!(made.is_some(), changes || even_if_same, "{edits:?}");
        if made.is_some() {
            self.tip.clone_from(&made);
        }
        made
    }

    fn update(&mut self, name: &str) -> Option<RefUpdate> {
        let old = std::mem::replace(&mut self.landed, self.tip.clone());
        let new = self.tip.clone().filter(|tip| Some(tip) != old.as_ref())?;
        Some(RefUpdate::branch(name, old, new))
    }
}

impl History {
    fn new(seed: u64) -> Self {
        Self {
            bench: Bench::new(),
            dice: Dice(seed),
            main: Branch::default(),
            deploy: BTreeMap::new(),
            line: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Writes groups until main has so many commits.
    fn grow(&mut self, commits: usize) {
        while self.line.len() < commits {
            let most = [1, 5, 400, 400][usize::try_from(self.dice.throw(4)).unwrap()];
            let size = 1 + usize::try_from(self.dice.throw(most)).unwrap();
            self.lose_a_race();
            self.group(size.min(commits - self.line.len()));
        }
    }

    fn group(&mut self, size: usize) {
        let (bench, dice) = (&self.bench, &mut self.dice);
        let mut group = bench.repo.group().unwrap();
        let until = self.line.len() + size;
        while self.line.len() < until {
            let (taken, edits) = self.main.model.random_step(dice, &self.samples);
            let even_if_same = dice.throw(50) == 0;
            let made = self
                .main
                .commit(bench, &mut group, (&taken, &edits), even_if_same);
            let Some(commit) = made else { continue };
            for (path, edit) in edits.iter().take(3) {
                let wanted = self.main.model.files.get(path).map(|bytes| &**bytes);
                let read = group.read(&commit, path).unwrap();
                assert_eq!(read.as_deref(), wanted, "{path:?} after {edit:?}");
            }
            self.line.push(commit.clone());
            if self.line.len().is_multiple_of(SAMPLE) {
                let files = Rc::new(self.main.model.files.clone());
                self.samples.push((commit, files));
            }
        }
        let mut updates = deploy(bench, dice, &mut group, &self.main, &mut self.deploy);
        updates.extend(self.main.update("main"));
        assert_eq!(group.land(&updates).unwrap(), Landed::Yes);
    }

    /// A group that finds the branch somewhere else leaves no trace.
    fn lose_a_race(&mut self) {
        let (repo, there) = (&self.bench.repo, self.main.landed.as_ref());
        let first = self.line.first().filter(|first| there != Some(first));
        let Some(first) = first.filter(|_| self.dice.throw(4) == 0) else {
            return;
        };
        let packs = repo.packs().unwrap();
        let mut group = repo.group().unwrap();
        let edits = edits(&[("race", "lost\n")]);
        let made = group.commit(&self.bench.spec(there, &[], &edits)).unwrap();
        let late = RefUpdate::branch("main", Some(first.clone()), made.unwrap());
        assert!(matches!(group.land(&[late]), Ok(Landed::Moved { .. })));
        assert_eq!(repo.packs().unwrap(), packs);
    }

    /// Has every reader and git itself look at what is there.
    fn judge(&self) {
        let bench = &self.bench;
        assert_eq!(
            bench.git(&["fsck", "--strict", "--full", "--no-dangling"]),
            ""
        );
        let main = self.main.landed.as_ref().unwrap();
        let line = bench.git(&["rev-list", "--reverse", "main"]);
        let ours: Vec<_> = self.line.iter().map(CommitId::as_str).collect();
        assert!(line.lines().eq(ours.iter().copied()), "main is one line");
        let cold = FleetRepo::open(bench.repo.path()).unwrap();
        for repo in [&bench.repo, &cold] {
            assert_eq!(repo.since(main, None).unwrap(), self.line);
            for (commit, files) in self.samples.iter().rev().step_by(4) {
                assert_same(&read_all(repo, commit), files);
            }
            for (cluster, branch) in &self.deploy {
                let Some(tip) = &branch.landed else { continue };
                assert_eq!(
                    repo.branch(&format!("deploy/{cluster}")).unwrap().as_ref(),
                    Some(tip)
                );
                assert_same(&read_all(repo, tip), &branch.model.files);
            }
        }
    }

    /// Clones, and compares what git checks out.
    fn check_out(&self) {
        let bench = &self.bench;
        let clone = bench.path("clone");
        let (from, to) = (bench.repo.path(), clone.to_str().unwrap());
        git(
            &bench.path("."),
            &["clone", "--quiet", "--no-local", from.to_str().unwrap(), to],
        );
        assert_same(&files_of(&clone), &self.main.model.files);
        for (commit, files) in self.samples.iter().step_by(3) {
            git(
                &clone,
                &["checkout", "--quiet", "--detach", commit.as_str()],
            );
            assert_same(&files_of(&clone), files);
        }
        for (cluster, branch) in &self.deploy {
            git(
                &clone,
                &[
                    "checkout",
                    "--quiet",
                    "--detach",
                    &format!("origin/deploy/{cluster}"),
                ],
            );
            assert_same(&files_of(&clone), &branch.model.files);
        }
        fs::remove_dir_all(clone).unwrap();
    }

    fn check_signatures(&self) {
        let bench = &self.bench;
        let mut keys = KeyRing::new();
        keys.trust(KeyRole::Main, bench.key.public_line()).unwrap();
        let allowed = bench.path("allowed");
        fs::write(&allowed, keys.allowed_signers("fleetwright")).unwrap();
        let allowed = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
        let mut command = vec!["-c", &allowed, "verify-commit"];
        let some = self.line.iter().step_by(COMMITS / 200);
        command.extend(some.map(CommitId::as_str));
        let said = bench.git(&command);
        assert_eq!(
            said.matches("Good \"git\" signature").count(),
            200,
            "{said}"
        );
        let cold = FleetRepo::open(bench.repo.path()).unwrap();
        for commit in &self.line {
            let role = cold.verified(commit, &keys).unwrap();
            assert_eq!(role, Some(KeyRole::Main), "{commit}");
        }
    }
}

/// A commit on some clusters' branches that takes the cluster's folder over from main.
fn deploy(
    bench: &Bench,
    dice: &mut Dice,
    group: &mut Group<'_>,
    main: &Branch,
    branches: &mut BTreeMap<&'static str, Branch>,
) -> Vec<RefUpdate> {
    let mut updates = Vec::new();
    for cluster in CLUSTERS {
        if dice.throw(2) == 0 {
            continue;
        }
        let branch = branches.entry(cluster).or_default();
        let folder = format!("clusters/{cluster}");
        let taken = Taken {
            commit: main.tip.clone().unwrap(),
            path: folder.clone(),
            files: Rc::new(main.model.files.clone()),
            folder,
        };
        let own = Edit::Put(format!("turn: {}\n", dice.throw(3)).into_bytes());
        let edits = Edits::from([("flux.yaml".to_owned(), own)]);
        branch.commit(bench, group, (&[taken], &edits), dice.throw(4) == 0);
        updates.extend(branch.update(&format!("deploy/{cluster}")));
    }
    updates
}

fn read_all(repo: &FleetRepo, commit: &CommitId) -> Files {
    let mut files = Files::new();
    let mut each = |path: &str, entry: &fleetwright::git::Entry| {
        let bytes = repo.read_blob(&entry.id.blob()).unwrap();
        files.insert(path.to_owned(), bytes.into());
    };
    repo.files(commit, "", &mut each).unwrap();
    files
}

/// All files of a work tree.
fn files_of(work: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![work.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_name() == ".git" {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let name = path.strip_prefix(work).unwrap().to_str().unwrap();
            files.insert(name.to_owned(), bytes.into());
        }
    }
    files
}

/// As `assert_eq!`, but says what differs, not all there is.
fn assert_same(found: &Files, wanted: &Files) {
    let differs = |(path, bytes): &(&String, &Rc<[u8]>)| wanted.get(*path) != Some(*bytes);
    let wrong: Vec<_> = found.iter().filter(differs).map(|it| it.0).collect();
    assert!(wrong.is_empty(), "{wrong:?} should not be so");
    let missing = wanted.keys().filter(|path| !found.contains_key(*path));
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "{missing:?} should be there");
}

fn packs(repo: &FleetRepo) -> Vec<PathBuf> {
    let entries = fs::read_dir(repo.path().join("objects/pack")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|it| it == "pack"))
        .collect()
}

/// Git takes every pack for itself, makes the very index that we made, and finds no object twice. Gives the longest
/// chain of deltas, and the largest pack's size.
fn check_packs(bench: &Bench) -> (usize, u64) {
    let folder = bench.path("alone");
    fs::create_dir(&folder).unwrap();
    let (mut chain, mut size) = (0, 0);
    for pack in packs(&bench.repo) {
        // Alone: what it builds on must be in it.
        let copy = folder.join(pack.file_name().unwrap());
        size = size.max(fs::copy(&pack, &copy).unwrap());
        let copy = copy.to_str().unwrap();
        bench.git(&["index-pack", "--strict", "--fsck-objects", copy]);
        let index = fs::read(pack.with_extension("idx")).unwrap();
        assert_eq!(
            fs::read(Path::new(copy).with_extension("idx")).unwrap(),
            index
        );
        // Two objects of one name would be two neighbours in the index.
        let names: Vec<_> = index[8 + 1_024..].chunks_exact(20).collect();
        let count = u32::from_be_bytes(index[1_028..1_032].try_into().unwrap());
        let names = &names[..usize::try_from(count).unwrap()];
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
        let said = bench.git(&["verify-pack", "-s", pack.to_str().unwrap()]);
        let lengths = said
            .lines()
            .filter_map(|line| line.strip_prefix("chain length = "));
        let lengths = lengths.filter_map(|line| line.split_once(':')?.0.parse().ok());
        chain = lengths.fold(chain, usize::max);
    }
    fs::remove_dir_all(folder).unwrap();
    (chain, size)
}

#[test]
fn ten_thousand_commits_are_what_the_model_says() {
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs()
    };
    let seed = std::env::var("FLEETWRIGHT_SEED").map_or_else(|_| now(), |it| it.parse().unwrap());
    // Shown when the test fails.
    println!("FLEETWRIGHT_SEED={seed}");
    let mut history = History::new(seed);

    history.grow(COMMITS / 2);
    let (chain, size) = check_packs(&history.bench);
    assert!(chain > 30 && chain <= 50, "chains of {chain} deltas");
    assert!(size > 1 << 17, "the largest pack has {size} bytes");
    history.judge();
    let tidied = history.bench.repo.tidy(Pace::Gentle, &|| true).unwrap();
    assert!(tidied.merged > 1, "{tidied:?}");
    history.judge();

    history.grow(COMMITS);
    check_packs(&history.bench);
    history.judge();
    history.bench.repo.tidy(Pace::Gentle, &|| true).unwrap();
    history.bench.repo.graph_commits(&|| true).unwrap();
    check_packs(&history.bench);
    history.judge();
    history.check_signatures();
    history.check_out();
}
