//! Packs at the borders of their format, and packs that are there already.

use std::fs;

use fleetwright::domain::CommitId;
use fleetwright::git::{FleetRepo, Landed, RefUpdate};
use fleetwright::plan::{Edit, Edits};

use crate::bench::{Bench, edits};

/// A folder of so many names, each of which takes 32 bytes in it; `0000` sorts first.
fn folder_of(names: std::ops::Range<usize>) -> Edits {
    let put = |number| (format!("big/{number:04}"), Edit::Put(b"same".to_vec()));
    names.map(put).collect()
}

/// Commits on main, each with its edits, as one group.
fn land(bench: &Bench, steps: &[Edits]) -> Vec<CommitId> {
    let mut group = bench.repo.group().unwrap();
    let (main, mut line) = (bench.repo.branch("main").unwrap(), Vec::new());
    for step in steps {
        let parent = line.last().or(main.as_ref());
        let made = group.commit(&bench.spec(parent, &[], step)).unwrap();
        line.push(made.unwrap());
    }
    let update = RefUpdate::branch("main", main, line[line.len() - 1].clone());
    assert_eq!(group.land(&[update]).unwrap(), Landed::Yes);
    line
}

/// The chains of deltas in the only pack, as `git verify-pack -s` counts them.
fn judged(bench: &Bench) -> String {
    assert_eq!(bench.git(&["fsck", "--strict", "--full"]), "");
    let folder = bench.repo.path().join("objects/pack");
    let mut files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let is_pack = |path: &std::path::PathBuf| path.extension().is_some_and(|it| it == "pack");
    let pack = files.find(is_pack).unwrap();
    let (pack, index) = (pack.to_str().unwrap(), bench.path("judged.idx"));
    bench.git(&[
        "index-pack",
        "--strict",
        "-o",
        index.to_str().unwrap(),
        pack,
    ]);
    let ours = fs::read(pack.replace(".pack", ".idx")).unwrap();
    assert!(fs::read(index).unwrap() == ours, "git makes the same index");
    bench.git(&["verify-pack", "-s", pack])
}

#[test]
fn deltas_copy_as_much_as_the_format_can_say_at_once() {
    // 2,048 names are 0x10000 bytes: the length that an older program writes as none at all.
    for (before, change) in [
        (1..2049, "big/0000"),
        (0..2048, "big/9999"),
        (0..2049, "big/0000"),
        (0..2049, "big/2048"),
        (0..4097, "big/2048"),
    ] {
        let bench = Bench::new();
        let steps = [
            folder_of(before.clone()),
            edits(&[(change, "new")]),
            edits(&[(change, "newer")]),
        ];
        let line = land(&bench, &steps);
        let chains = judged(&bench);
        assert!(chains.contains("chain length = 2: 1 object"), "{chains}");
        let cold = FleetRepo::open(bench.repo.path()).unwrap();
        let read = cold.read(&line[2], change).unwrap();
        assert_eq!(read.as_deref(), Some(&b"newer"[..]));
        assert_eq!(
            cold.list(&line[2], "big").unwrap().len(),
            before.len().max(2049)
        );
    }
}

#[test]
fn chains_of_deltas_end_at_git_s_own_limit() {
    let bench = Bench::new();
    let change = |number: usize| edits(&[("big/0000", number.to_string().as_str())]);
    let steps: Vec<_> = [folder_of(0..40)]
        .into_iter()
        .chain((1..120).map(change))
        .collect();
    let line = land(&bench, &steps);
    let chains = judged(&bench);
    assert!(chains.contains("chain length = 50: "), "{chains}");
    assert!(!chains.contains("chain length = 51: "), "{chains}");
    let cold = FleetRepo::open(bench.repo.path()).unwrap();
    for (number, commit) in line.iter().enumerate().skip(1) {
        let read = cold.read(commit, "big/0000").unwrap();
        assert_eq!(read.unwrap(), number.to_string().as_bytes());
    }
}

#[test]
fn a_pack_that_landed_outlives_its_twin_that_did_not() {
    let bench = Bench::new();
    let base = bench.land("main", &edits(&[("a", "1")]));
    let step = edits(&[("a", "2")]);
    let twins = [(), ()].map(|()| {
        let mut group = bench.repo.group().unwrap();
        let made = group.commit(&bench.spec(Some(&base), &[], &step)).unwrap();
        (group, made.unwrap())
    });
    assert_eq!(twins[0].1, twins[1].1, "the same commit, in the same pack");
    let commit = twins[0].1.clone();
    let landed = twins.map(|(group, new)| {
        let update = RefUpdate::branch("main", Some(base.clone()), new);
        group.land(&[update]).unwrap()
    });
    let reference = "refs/heads/main".to_owned();
    assert_eq!(landed, [Landed::Yes, Landed::Moved { reference }]);
    let cold = FleetRepo::open(bench.repo.path()).unwrap();
    assert_eq!(cold.read(&commit, "a").unwrap().as_deref(), Some(&b"2"[..]));
    assert_eq!(bench.git(&["fsck", "--strict", "--full"]), "");
}

#[test]
fn nothing_is_written_that_git_takes_for_a_repository_of_its_own() {
    let bench = Bench::new();
    let base = bench.land("main", &edits(&[("a", "1")]));
    // Each of these stops a push to a server that checks what it gets.
    for path in [
        "x/.git/y",
        "x/.GIT",
        "x/git~1/y",
        "x/.g\u{200c}it/y",
        "x/.\u{feff}GIT",
    ] {
        let step = edits(&[(path, "1")]);
        let mut group = bench.repo.group().unwrap();
        let refused = group
            .commit(&bench.spec(Some(&base), &[], &step))
            .unwrap_err();
        assert!(
            refused.to_string().contains("can't be written"),
            "{refused}"
        );
    }
}
