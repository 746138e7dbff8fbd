//! Trees, commits, signatures, references and what is read back of them.

use std::collections::BTreeMap;

use fleetwright::git::{
    EntryKind, FleetRepo, GitError, Graft, KeyRing, KeyRole, Landed, PathChange, RefUpdate,
    SigningKey,
};

use crate::bench::{Bench, edits, foreign_commit, git, piped, tree_of_files};

/// Numbers that look random and are the same every time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A few edits of files in a small, crowded name space: files and folders whose names sort next to each other.
fn some_edits(dice: &mut Dice, files: &mut BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut list = BTreeMap::new();
    for _ in 0..=dice.throw(6) {
        let folder =
            ["", "a/", "a-/", "a/b/", "a.b/c/", "z/y/x/"][usize::try_from(dice.throw(6)).unwrap()];
        let path = format!("{folder}f{}", dice.throw(4));
        let text = if dice.throw(3) == 0 {
            String::new()
        } else {
            format!("v{}\n", dice.throw(5))
        };
        list.insert(path, text);
    }
    for (path, text) in &list {
        if text.is_empty() {
            files.remove(path);
        } else {
            files.insert(path.clone(), text.clone());
        }
    }
    list.into_iter().collect()
}

/// What `git diff-tree` says, in our words.
fn judged_diff(bench: &Bench, old: &str, new: &str) -> Vec<(String, String, String)> {
    let said = bench.git(&["diff-tree", "-r", "--no-renames", "--abbrev=40", old, new]);
    let change = |line: &str| {
        let (fields, path) = line.split_once('\t').unwrap();
        let fields: Vec<_> = fields.split(' ').collect();
        (path.to_owned(), fields[2].to_owned(), fields[3].to_owned())
    };
    said.lines().map(change).collect()
}

fn our_diff(changes: &[PathChange]) -> Vec<(String, String, String)> {
    let id = |id: Option<_>| {
        id.map_or("0".repeat(40), |id: fleetwright::git::BlobId| {
            id.to_string()
        })
    };
    changes
        .iter()
        .map(|c| (c.path.clone(), id(c.old), id(c.new)))
        .collect()
}

#[test]
fn a_long_history_of_edits_is_what_git_would_have_written() {
    let bench = Bench::new();
    let (mut dice, mut files, mut tip) = (Dice(7), BTreeMap::new(), None);
    let (mut line, mut diffs) = (Vec::new(), Vec::new());
    // The judge has objects of its own: what fsck finds in ours is what we wrote.
    let judge = bench.upstream("judge.git");
    let mut group = bench.repo.group().unwrap();
    for _ in 0..60 {
        let list = some_edits(&mut dice, &mut files);
        let list: Vec<_> = list
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let edits = edits(&list);
        let before = tip.clone();
        let made = group
            .commit(&bench.spec(before.as_ref(), &[], &edits))
            .unwrap();
        let judged = tree_of_files(&judge, &files);
        let Some(commit) = made else {
            let unchanged = before.map_or_else(
                || tree_of_files(&judge, &BTreeMap::new()),
                |before| group.tree_of(&before).unwrap().to_string(),
            );
            assert_eq!(judged, unchanged, "no commit only where nothing changes");
            continue;
        };
        assert_eq!(
            group.tree_of(&commit).unwrap().to_string(),
            judged,
            "{list:?}"
        );
        for (path, text) in &files {
            assert_eq!(
                group.read(&commit, path).unwrap().as_deref(),
                Some(text.as_bytes()),
                "{path}"
            );
        }
        if let Some(before) = &before {
            let ours = our_diff(&group.diff(Some(before), &commit).unwrap());
            diffs.push((before.clone(), commit.clone(), ours));
        }
        line.push(commit.clone());
        tip = Some(commit);
    }
    assert_eq!(
        bench.repo.branch("main").unwrap(),
        None,
        "nobody sees a group before it lands"
    );
    let (first, tip) = (line[0].clone(), tip.unwrap());
    assert_eq!(
        group
            .land(&[RefUpdate::branch("main", None, tip.clone())])
            .unwrap(),
        Landed::Yes
    );

    assert_eq!(bench.git(&["fsck", "--strict", "--no-dangling"]), "");
    assert_eq!(bench.git(&["rev-parse", "HEAD"]), tip.as_str());
    for (before, commit, ours) in diffs {
        assert_eq!(ours, judged_diff(&bench, before.as_str(), commit.as_str()));
    }
    let walked = bench.repo.since(&tip, None).unwrap();
    assert_eq!(walked, line, "parents come before children");
    line.reverse();
    assert_eq!(bench.repo.since(&tip, Some(&line[3])).unwrap().len(), 3);
    assert!(
        bench.repo.is_ancestor(&first, &tip).unwrap()
            && !bench.repo.is_ancestor(&tip, &first).unwrap()
    );
    let mut seen = BTreeMap::new();
    let mut each = |path: &str, entry: &fleetwright::git::Entry| {
        let text = bench.repo.read_blob(&entry.id.blob()).unwrap();
        seen.insert(path.to_owned(), String::from_utf8(text).unwrap());
    };
    bench.repo.files(&tip, "", &mut each).unwrap();
    assert_eq!(seen, files);
}

#[test]
fn signatures_hold_for_git_and_for_us_and_for_nothing_else() {
    let bench = Bench::new();
    let ours = bench.land("main", &edits(&[("stores/3f/a.yaml", "kind: Store\n")]));
    let mut keys = KeyRing::new();
    keys.trust(KeyRole::Main, bench.key.public_line()).unwrap();
    std::fs::write(bench.path("allowed"), keys.allowed_signers("fleetwright")).unwrap();
    let allowed = format!(
        "gpg.ssh.allowedSignersFile={}",
        bench.path("allowed").display()
    );
    let said = bench.git(&["-c", &allowed, "verify-commit", ours.as_str()]);
    let good = format!(
        "Good \"git\" signature for fleetwright with ED25519 key {}",
        bench.key.fingerprint()
    );
    assert_eq!(said, good);
    let shown = bench.git(&[
        "log",
        "-1",
        "--format=%an <%ae> %ct %s|%(trailers:key=Fleetwright-Action,valueonly)",
    ]);
    assert_eq!(
        shown,
        "Ada Løve <ada@example.com> 1700000000 store: Create one|create"
    );
    assert_eq!(
        bench.repo.verified(&ours, &keys).unwrap(),
        Some(KeyRole::Main)
    );

    let info = bench.repo.commit_info(&ours).unwrap();
    let signer = bench.repo.signer(&info.id).unwrap();
    assert_eq!(signer.as_deref(), Some(bench.key.fingerprint()));
    assert_eq!(
        (info.author.name.as_str(), info.time),
        ("Ada Løve", 1_700_000_000)
    );
    assert_eq!(
        info.message,
        "store: Create one\n\nFleetwright-Action: create\n"
    );

    // A commit that git signs with a key of its own counts when that key is trusted.
    let repo = bench.repo.path();
    let other = SigningKey::generate(&bench.path("other"), "break glass").unwrap();
    let key = format!("user.signingKey={}", bench.path("other").display());
    let blob = piped(repo, &["hash-object", "-w", "--stdin"], "x");
    let tree = format!("100644 blob {blob}\tx\n");
    let theirs = foreign_commit(repo, &tree, &[&ours], &["-c", "gpg.format=ssh", "-c", &key]);
    assert_eq!(bench.repo.verified(&theirs, &keys).unwrap(), None);
    assert_eq!(
        bench.repo.signer(&theirs).unwrap(),
        Some(other.fingerprint().to_owned())
    );
    keys.trust(KeyRole::BreakGlass, other.public_line())
        .unwrap();
    assert_eq!(
        bench.repo.verified(&theirs, &keys).unwrap(),
        Some(KeyRole::BreakGlass)
    );

    // Unsigned, altered after signing, and with a second signature.
    let unsigned = foreign_commit(repo, &tree, &[&ours], &[]);
    let text = bench.git(&["cat-file", "commit", ours.as_str()]) + "\n";
    let altered = text.replace("Create one", "Create two");
    let signature = &text[text.find("gpgsig").unwrap()..text.find("\n\n").unwrap()];
    let doubled = text.replace(signature, &format!("{signature}\n{signature}"));
    for bad in [altered, doubled] {
        let bad = piped(
            repo,
            &["hash-object", "-t", "commit", "-w", "--stdin"],
            &bad,
        )
        .parse()
        .unwrap();
        assert_eq!(bench.repo.verified(&bad, &keys).unwrap(), None);
    }
    assert_eq!(bench.repo.verified(&unsigned, &keys).unwrap(), None);
}

#[test]
fn what_cannot_be_written_is_refused_with_its_reason_and_leaves_nothing() {
    let bench = Bench::new();
    let base = bench.land("main", &edits(&[("a/b/c", "1"), ("f", "1")]));
    let refused = |list: &[(&str, &str)]| {
        let edits = edits(list);
        let error = bench
            .repo
            .group()
            .unwrap()
            .commit(&bench.spec(Some(&base), &[], &edits))
            .unwrap_err();
        error.to_string()
    };
    for (list, reason) in [
        (
            &[("n", "1"), ("n/m", "1")][..],
            "\"n\" cannot be a file and a folder at once",
        ),
        (
            &[("x/../y", "2")],
            "the path \"x/../y\" can't be written: it must not hold the parts . and ..",
        ),
    ] {
        assert_eq!(refused(list), reason);
    }
    // What is not there can be deleted; a file can give way to a folder; an empty folder vanishes.
    assert_eq!(
        bench.commit(
            Some(&base),
            &edits(&[("nope", ""), ("f/nope", ""), ("n/o", "")])
        ),
        None
    );
    let next = bench
        .commit(
            Some(&base),
            &edits(&[("f", ""), ("f/x", "2"), ("a/b/c", "")]),
        )
        .unwrap();
    let names: Vec<_> = bench
        .repo
        .list(&next, "")
        .unwrap()
        .into_iter()
        .map(|e| (e.name, e.kind))
        .collect();
    assert_eq!(names, [("f".to_owned(), EntryKind::Folder)]);

    // What stands where a file or a folder belongs is replaced: a stray file never keeps the writer from its own paths.
    let next = bench
        .commit(Some(&base), &edits(&[("a/b", "2"), ("f/x", "2")]))
        .unwrap();
    assert_eq!(bench.repo.read(&next, "a/b").unwrap().unwrap(), b"2");
    assert_eq!(bench.repo.read(&next, "f/x").unwrap().unwrap(), b"2");

    let gone = "0123456789012345678901234567890123456789".parse().unwrap();
    assert!(matches!(
        bench.repo.read(&gone, "f"),
        Err(GitError::NoCommit { .. })
    ));
    assert!(matches!(
        bench.repo.branch("a\0b"),
        Err(GitError::BadReference { .. })
    ));
    assert!(matches!(
        FleetRepo::init(bench.repo.path()),
        Err(GitError::Exists { .. })
    ));
    assert!(matches!(
        FleetRepo::open(bench.dir.path()),
        Err(GitError::NoRepository { .. })
    ));
}

#[test]
fn a_deploy_commit_takes_folders_over_and_edits_them() {
    let bench = Bench::new();
    let c = "clusters/eu";
    let first = bench.land(
        "main",
        &edits(&[
            ("charts/w/1/Chart.yaml", "c"),
            ("clusters/eu/s/a", "1"),
            ("x", "1"),
        ]),
    );
    let whole = [
        Graft {
            folder: "charts",
            commit: &first,
            path: "charts",
        },
        Graft {
            folder: c,
            commit: &first,
            path: c,
        },
    ];
    let deploy = bench.commit_with(None, &whole, &edits(&[])).unwrap();
    assert_eq!(
        bench.repo.entry(&deploy, c).unwrap(),
        bench.repo.entry(&first, c).unwrap()
    );
    assert_eq!(bench.repo.read(&deploy, "x").unwrap(), None);

    // Nothing moved: no commit, but where one is wanted all the same. A foreign file on main: taken out on the way. A folder gone: gone here as well.
    let none = edits(&[]);
    assert_eq!(bench.commit_with(Some(&deploy), &whole, &none), None);
    let mut wanted = bench.spec(Some(&deploy), &whole, &none);
    wanted.even_if_same = true;
    let mut group = bench.repo.group().unwrap();
    let same = group.commit(&wanted).unwrap().unwrap();
    assert_eq!(group.land(&[]).unwrap(), Landed::Yes);
    assert_eq!(
        bench.repo.tree_of(&same).unwrap(),
        bench.repo.tree_of(&deploy).unwrap()
    );
    let second = bench.land(
        "main",
        &edits(&[
            ("clusters/eu/evil", "1"),
            ("clusters/eu/s/b", "2"),
            ("charts/w/1/Chart.yaml", ""),
        ]),
    );
    let whole = whole.map(|graft| Graft {
        commit: &second,
        ..graft
    });
    let deploy = bench
        .commit_with(Some(&deploy), &whole, &edits(&[("clusters/eu/evil", "")]))
        .unwrap();
    assert_eq!(
        bench.git(&["ls-tree", "-r", "--name-only", deploy.as_str()]),
        "clusters/eu/s/a\nclusters/eu/s/b"
    );
    let differs = bench
        .repo
        .diff_folders(Some((&second, c)), Some((&deploy, c)))
        .unwrap();
    assert_eq!(
        differs
            .iter()
            .map(|change| change.path.as_str())
            .collect::<Vec<_>>(),
        ["evil"]
    );
    assert_eq!(bench.git(&["fsck", "--strict", "--no-dangling"]), "");
}

#[test]
fn what_people_commit_is_seen_for_what_it_is() {
    let bench = Bench::new();
    let repo = bench.repo.path();
    let base = bench.land(
        "main",
        &edits(&[("a.yaml", "1"), ("b.yaml", "2"), ("d/x", "3")]),
    );
    let id = |path: &str| {
        bench
            .repo
            .entry(&base, path)
            .unwrap()
            .unwrap()
            .id
            .to_string()
    };
    // a.yaml becomes a link, b.yaml executable, d a file, and a submodule and a .git-like name appear.
    let tree = format!(
        "120000 blob {}\ta.yaml\n100755 blob {}\tb.yaml\n100644 blob {}\td\n160000 commit {base}\tsub\n",
        id("a.yaml"),
        id("b.yaml"),
        id("d/x"),
    );
    let odd = foreign_commit(repo, &tree, &[&base], &[]);
    let changes = bench.repo.diff(Some(&base), &odd).unwrap();
    assert_eq!(
        our_diff(&changes),
        judged_diff(&bench, base.as_str(), odd.as_str())
    );
    let kinds: Vec<_> = changes
        .iter()
        .map(|change| (change.path.as_str(), change.kind))
        .collect();
    let (file, other) = (EntryKind::File, EntryKind::Other);
    assert_eq!(
        kinds,
        [
            ("a.yaml", other),
            ("b.yaml", file),
            ("d", file),
            ("d/x", file),
            ("sub", other)
        ]
    );
    assert_eq!(
        bench.repo.read(&odd, "a.yaml").unwrap(),
        None,
        "a link is never followed"
    );
    assert_eq!(bench.repo.read(&odd, "sub/a.yaml").unwrap(), None);
    // Our next commit turns the link into a file again.
    let mended = bench
        .commit(Some(&odd), &edits(&[("a.yaml", "1")]))
        .unwrap();
    assert_eq!(
        bench.repo.entry(&mended, "a.yaml").unwrap(),
        bench.repo.entry(&base, "a.yaml").unwrap()
    );

    // A merge: its first parent is the branch, and all of its parents are its history.
    let side = foreign_commit(
        repo,
        &format!("100644 blob {}\ts\n", id("a.yaml")),
        &[&base],
        &[],
    );
    let merge = foreign_commit(repo, &tree, &[&odd, &side], &[]);
    let new = bench.repo.since(&merge, Some(&base)).unwrap();
    assert_eq!(new.len(), 3);
    assert!(new[..2].contains(&odd) && new[..2].contains(&side));
    assert_eq!(new[2], merge, "after both of its parents");
    assert_eq!(
        bench.repo.commit_info(&merge).unwrap().parents,
        [odd, side.clone()]
    );
    assert!(bench.repo.is_ancestor(&side, &merge).unwrap());
    assert_eq!(
        git(repo, &["log", "--format=%an", "-1", merge.as_str()]),
        "Somebody Else"
    );
}
