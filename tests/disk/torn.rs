//! What lies in the repository before the start is torn: the binary refuses, repairs or resumes, and says which.

use std::fs;
use std::path::{Path, PathBuf};

use crate::SOON;
use crate::audit::{audit, goes_on};
use crate::layer::Program;
use crate::recording::settled;
use crate::scenario::{Accepted, Client, accepted};
use crate::support::git::git;
use crate::trace;

/// A way to spoil a repository.
type Damage = fn(&Path);

/// A pack that nothing names.
const PACK: &str = "objects/pack/pack-0123456789abcdef0123456789abcdef01234567";

/// What an unfinished group may leave beside what has landed.
#[test]
fn leftovers_of_an_unfinished_group_are_no_obstacle() {
    let cases: [(&str, Damage); 6] = [
        ("a pack cut short, without an index", |it| {
            leave(it, &format!("{PACK}.pack"), 100);
        }),
        ("an empty pack without an index", |it| {
            leave(it, &format!("{PACK}.pack"), 0);
        }),
        ("a temporary pack", |it| {
            leave(it, "objects/pack/tmp_pack_a1b2c3", 100);
        }),
        ("a lock on packed references", |it| {
            leave(it, "packed-refs.lock", 10);
        }),
        ("a lock on main", |it| leave(it, "refs/heads/main.lock", 0)),
        ("a temporary object", |it| {
            leave(it, "objects/01/tmp_obj_a1b2c3", 10);
        }),
    ];
    all_hold(&cases, starts_all_the_same);
}

/// No power cut does this to what was synced; a failing disk does.
#[test]
fn damaged_objects_are_repaired_or_refused_with_a_sentence() {
    let cases: [(&str, Damage); 3] = [
        ("an index without a pack", |it| {
            leave(it, &format!("{PACK}.idx"), 100);
        }),
        ("the newest pack cut short", |it| halve(&newest(it).0)),
        ("the newest index cut short", |it| halve(&newest(it).1)),
    ];
    all_hold(&cases, is_told);
}

/// The index is rebuilt, whatever became of it.
#[test]
fn a_damaged_index_is_no_obstacle() {
    let cases: [(&str, Damage); 3] = [
        ("an index cut short", |it| {
            halve(&it.join("../index.redb"));
        }),
        ("an empty index", |it| leave(it, "../index.redb", 0)),
        ("an index of nonsense", |it| {
            leave(it, "../index.redb", 200);
        }),
    ];
    all_hold(&cases, starts_all_the_same);
}

#[test]
fn damaged_references_are_repaired_or_refused_with_a_sentence() {
    let cases: [(&str, Damage); 5] = [
        ("no packed references", |it| {
            fs::remove_file(it.join("packed-refs")).unwrap();
        }),
        ("packed references cut short", |it| {
            halve(&it.join("packed-refs"));
        }),
        ("empty packed references", |it| leave(it, "packed-refs", 0)),
        ("packed references of nonsense", |it| {
            leave(it, "packed-refs", 200);
        }),
        ("an empty main beside them", |it| {
            leave(it, "refs/heads/main", 0);
        }),
    ];
    all_hold(&cases, is_told);
}

#[test]
fn a_damaged_journal_is_refused_with_a_sentence() {
    let cases: [(&str, Damage); 2] = [
        ("a journal cut short", |it| {
            halve(&it.join("../journal.redb"));
        }),
        ("a journal of nonsense", |it| {
            leave(it, "../journal.redb", 200);
        }),
    ];
    all_hold(&cases, is_told);
}

fn all_hold(cases: &[(&str, Damage)], holds: fn(Damage) -> Result<(), String>) {
    let outcomes = cases.iter().map(|(what, damage)| (what, holds(*damage)));
    let failed: Vec<String> = outcomes
        .filter_map(|(what, it)| it.err().map(|why| format!("{what}: {why}")))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// The binary starts, everything accepted arrives, and git finds nothing wrong.
fn starts_all_the_same(damage: Damage) -> Result<(), String> {
    let (mut server, accepted, _folder) = waiting();
    damage(&server.repo());
    server.try_restart()?;
    goes_on(&server.api(), &server.repo(), &accepted, SOON)
}

/// The binary starts and loses nothing, or it ends with a sentence and goes on once everything is put back.
fn is_told(damage: Damage) -> Result<(), String> {
    let (mut server, accepted, folder) = waiting();
    let saved = folder.path().join("saved");
    copy(&server.data, &saved);
    let before = server.said().len();
    damage(&server.repo());
    if let Err(why) = server.try_restart() {
        let said = server.said().split_off(before);
        let sentence = said.lines().find(|it| it.starts_with("error: "));
        if sentence.is_none_or(|it| it.contains("panicked")) {
            return Err(why);
        }
        server.kill();
        fs::remove_dir_all(&server.data).unwrap();
        fs::rename(&saved, &server.data).unwrap();
        server.try_restart()?;
    }
    goes_on(&server.api(), &server.repo(), &accepted, SOON)
}

/// Puts a file of nonsense there, so many bytes long.
fn leave(repo: &Path, file: &str, length: usize) {
    let path = repo.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = b"PACK\0\0\0\x02 and then nothing of use ".repeat(9);
    fs::write(path, &text[..length]).unwrap();
}

fn halve(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::remove_file(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

/// A dead server with one change on main, in one pack only, and one accepted that is not written yet.
fn waiting() -> (Program, Vec<Accepted>, tempfile::TempDir) {
    // Upkeep may just have made a copy of the pack.
    let mut tries = std::iter::repeat_with(written).take(5);
    let found = tries.find(|(server, _, _)| holders(&server.repo()).len() == 1);
    found.expect("upkeep rests at some time")
}

fn written() -> (Program, Vec<Accepted>, tempfile::TempDir) {
    let (mut server, _, folder) = settled();
    let trace = server.trace();
    let client = Client {
        api: server.api(),
        trace: &trace,
    };
    assert_eq!(client.create("landed").0, 202);
    let all = || accepted(&trace::read(&trace, &server.data));
    audit(&server.api(), &server.repo(), &all(), SOON).unwrap();
    server.faults("write fleet.git/objects* 0 1000000 ENOSPC\n");
    assert_eq!(client.create("waiting").0, 202);
    let all = all();
    server.kill();
    server.faults("");
    (server, all, folder)
}

/// The indexes of the packs that have the newest commit.
fn holders(repo: &Path) -> Vec<PathBuf> {
    let tip = git(repo, &["rev-parse", "main"]);
    let entries = fs::read_dir(repo.join("objects/pack")).unwrap();
    let files = entries.map(|it| it.unwrap().path());
    let indexes = files.filter(|it| it.extension().is_some_and(|it| it == "idx"));
    let holds = |index: &PathBuf| {
        let listed = git(repo, &["verify-pack", "-v", index.to_str().unwrap()]);
        listed.lines().any(|it| it.starts_with(&tip))
    };
    indexes.filter(holds).collect()
}

/// The pack with the newest commit, and its index.
fn newest(repo: &Path) -> (PathBuf, PathBuf) {
    let index = holders(repo).remove(0);
    (index.with_extension("pack"), index)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}
