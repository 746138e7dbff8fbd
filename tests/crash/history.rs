//! The published branches, read by the git program: what was written, in which order, and whether the branches agree.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::ledger::Accepted;
use crate::place::CLUSTERS;
use crate::support::git::git;

/// One commit on published main.
pub(crate) struct Commit {
    pub(crate) id: String,
    parents: String,
    /// The change it carries; empty when it carries none.
    pub(crate) change: String,
    step: String,
    pub(crate) store: String,
    action: String,
    pub(crate) uid: String,
}

/// Published main, oldest commit first.
pub(crate) struct History(pub(crate) Vec<Commit>);

/// A trailer, as a format of `git log`.
pub(crate) fn trailer(key: &str) -> String {
    format!("%(trailers:key={key},valueonly,separator=)")
}

impl History {
    pub(crate) fn read(repo: &Path) -> Self {
        let keys = ["Change", "Step", "Store", "Action", "Uid"];
        let trailers = keys.map(|key| trailer(&format!("Fleetwright-{key}")));
        let format = format!("--format=%H|%P|{}", trailers.join("|"));
        let log = git(repo, &["log", "--reverse", &format, "main"]);
        let commits = log.lines().map(|line| {
            let parts: Vec<String> = line.split('|').map(str::to_owned).collect();
            let [id, parents, change, step, store, action, uid] = parts.try_into().unwrap();
            Commit {
                id,
                parents,
                change,
                step,
                store,
                action,
                uid,
            }
        });
        Self(commits.collect())
    }

    /// How many commits each change has.
    pub(crate) fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for commit in self.ours() {
            *counts.entry(commit.change.as_str()).or_default() += 1;
        }
        counts
    }

    fn ours(&self) -> impl Iterator<Item = &Commit> {
        self.0.iter().filter(|it| !it.change.is_empty())
    }

    /// Every accepted change has its commits, each commit is there once, deletions have both, and each store's changes
    /// are in the order in which they were asked for. No commit has two parents.
    pub(crate) fn check(&self, accepted: &BTreeMap<String, Accepted>) {
        let merges = self.0.iter().filter(|it| it.parents.contains(' ')).count();
        assert_eq!(merges, 0, "main is linear");
        let mut seen = BTreeSet::new();
        for it in self.ours() {
            assert!(
                seen.insert((&it.change, &it.step)),
                "{} was written twice",
                it.change
            );
        }
        let counts = self.counts();
        for (change, known) in accepted {
            let found = counts.get(change.as_str()).copied().unwrap_or(0);
            assert_eq!(found, known.commits, "{change} {known:?}");
        }
        let deletions = self.ours().filter(|it| it.action == "delete");
        for it in deletions {
            assert_eq!(
                counts[it.change.as_str()],
                2,
                "the deletion {} came to its end",
                it.change
            );
        }
        self.in_order(accepted);
    }

    fn in_order(&self, accepted: &BTreeMap<String, Accepted>) {
        let mut latest: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
        for it in self.ours().filter(|it| it.step.is_empty()) {
            let Some(known) = accepted.get(&it.change) else {
                continue;
            };
            assert_eq!(known.store, it.store, "{}", it.change);
            let (sent, before) = latest.entry(&it.store).or_default();
            assert!(
                known.answered >= *sent,
                "{} of {} was answered before {before} was asked for, and is written after it",
                it.change,
                it.store
            );
            if known.sent >= *sent {
                (*sent, *before) = (known.sent, &it.change);
            }
        }
    }

    /// The newest commit of every store.
    pub(crate) fn newest(&self) -> BTreeMap<&str, &str> {
        let pairs = self.ours().map(|it| (it.store.as_str(), it.id.as_str()));
        pairs.collect()
    }
}

/// Every deploy branch is linear, its sequence has no gap, its sources follow main, and the tree of each commit is what
/// main says at its source. Returns how many deploy commits there are.
pub(crate) fn check_deploys(repo: &Path, history: &History) -> usize {
    let places = history.0.iter().enumerate();
    let places: BTreeMap<&str, usize> = places.map(|(at, it)| (it.id.as_str(), at)).collect();
    let (mut total, mut questions) = (0, String::new());
    for cluster in CLUSTERS {
        let (source, sequence) = (
            trailer("Fleetwright-Source"),
            trailer("Fleetwright-Sequence"),
        );
        let format = format!("--format=%H|%P|{source}|{sequence}");
        let branch = format!("deploy/{cluster}");
        let log = git(repo, &["log", "--reverse", &format, &branch]);
        let (mut number, mut last) = (0, 0);
        for line in log.lines() {
            let [id, parents, source, sequence] = line.split('|').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            number += 1;
            assert!(!parents.contains(' '), "{branch} is linear");
            assert_eq!(sequence, number.to_string(), "{branch} {id}");
            let place = *places
                .get(source)
                .unwrap_or_else(|| panic!("{branch} {id}: {source} is not on main"));
            assert!(place >= last, "{branch} {id} goes back to {source}");
            last = place;
            questions += &format!("{id}:clusters/{cluster}\n{source}:clusters/{cluster}\n");
        }
        questions += &format!("{branch}:clusters/{cluster}\nmain:clusters/{cluster}\n");
        total += number;
    }
    let answers = objects(repo, &questions);
    for (pair, asked) in answers.chunks(2).zip(questions.lines().step_by(2)) {
        assert!(pair[0].contains(" tree "), "{asked} is {}", pair[0]);
        assert_eq!(pair[0], pair[1], "{asked} is what main says");
    }
    total
}

/// What `git cat-file --batch-check` says of each line.
fn objects(repo: &Path, questions: &str) -> Vec<String> {
    let said = String::from_utf8(cat(repo, "--batch-check", questions)).unwrap();
    said.lines().map(str::to_owned).collect()
}

/// The files below a folder of main, by path.
pub(crate) fn files(repo: &Path, folder: &str) -> BTreeMap<String, String> {
    let list = git(repo, &["ls-tree", "-r", "--name-only", "main", folder]);
    let questions: Vec<String> = list.lines().map(|path| format!("main:{path}\n")).collect();
    let said = cat(repo, "--batch", &questions.concat());
    let mut rest = said.as_slice();
    let read = |path: &str| {
        // `<id> blob <size>`, the bytes, a line feed
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let header = std::str::from_utf8(&rest[..end]).unwrap();
        let size: usize = header.rsplit(' ').next().unwrap().parse().unwrap();
        let text = rest[end + 1..=end + size].to_vec();
        rest = &rest[end + size + 2..];
        (path.to_owned(), String::from_utf8(text).unwrap())
    };
    list.lines().map(read).collect()
}

/// What `git cat-file` prints for some lines of input.
fn cat(repo: &Path, option: &str, questions: &str) -> Vec<u8> {
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(questions.as_bytes()).unwrap();
    input.rewind().unwrap();
    let mut command = Command::new("git");
    command.args(["cat-file", option]).current_dir(repo);
    command.stdin(Stdio::from(input)).output().unwrap().stdout
}

/// The main and the deploy heads of a repository, in one look, agree.
pub(crate) fn in_step(repo: &Path) -> Result<(), String> {
    let mut heads = BTreeMap::new();
    let said = git(
        repo,
        &[
            "for-each-ref",
            "--format=%(refname:lstrip=2) %(objectname)",
            "refs/heads",
        ],
    );
    for line in said.lines() {
        let (name, id) = line.split_once(' ').unwrap();
        heads.insert(name, id);
    }
    let mut questions = String::new();
    for cluster in CLUSTERS {
        let Some(deploy) = heads.get(format!("deploy/{cluster}").as_str()) else {
            continue;
        };
        questions += &format!(
            "{deploy}:clusters/{cluster}\n{}:clusters/{cluster}\n",
            heads["main"]
        );
    }
    let answers = objects(repo, &questions);
    if answers.chunks(2).all(|pair| pair[0] == pair[1]) {
        Ok(())
    } else {
        Err(format!("{heads:?}: {answers:?}"))
    }
}
