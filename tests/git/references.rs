//! References: moved together or not at all, whatever somebody else left where they lie.

use fleetwright::git::{GitError, Landed, RefUpdate};

use crate::bench::{Bench, edits};

#[test]
fn references_move_together_or_not_at_all() {
    let bench = Bench::new();
    let one = bench.land("main", &edits(&[("a", "1")]));
    let two = bench.commit(Some(&one), &edits(&[("a", "2")])).unwrap();
    let main = |old: Option<&_>| RefUpdate::branch("main", old.cloned(), two.clone());
    let deploy = |old: Option<&_>| RefUpdate::branch("deploy/eu", old.cloned(), two.clone());
    let moved = |reference: &str| Landed::Moved {
        reference: reference.to_owned(),
    };

    assert_eq!(
        bench.repo.update(&[deploy(None), main(None)]).unwrap(),
        moved("refs/heads/main")
    );
    assert_eq!(
        bench
            .repo
            .update(&[main(Some(&one)), deploy(Some(&one))])
            .unwrap(),
        moved("refs/heads/deploy/eu")
    );
    assert_eq!(
        bench.repo.references("refs/").unwrap(),
        [("refs/heads/main".to_owned(), one.clone())]
    );
    // Packed references count as well.
    bench.git(&["pack-refs", "--all"]);
    assert_eq!(
        bench
            .repo
            .update(&[deploy(None), main(Some(&one))])
            .unwrap(),
        Landed::Yes
    );
    assert_eq!(
        bench.git(&["rev-parse", "main", "deploy/eu"]),
        format!("{two}\n{two}")
    );

    // Many writers at once: each comparison is against what the one before left.
    let wins: usize = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..4).map(|racer| (racer, &bench, two.clone())).collect();
        let race = |(racer, bench, two): (usize, &Bench, _)| {
            let text = racer.to_string();
            let new = bench
                .commit(Some(&two), &edits(&[("a", &text), ("r", "1")]))
                .unwrap();
            usize::from(
                bench
                    .repo
                    .update(&[RefUpdate::branch("main", Some(two), new)])
                    .unwrap()
                    == Landed::Yes,
            )
        };
        let threads: Vec<_> = racers
            .into_iter()
            .map(|racer| scope.spawn(move || race(racer)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(wins, 1);

    // What a killed process left is cleared at the next start.
    let tip = bench.repo.branch("main").unwrap();
    std::fs::write(bench.repo.path().join("refs/heads/main.lock"), "").unwrap();
    let update = RefUpdate::branch("main", tip, one);
    assert!(matches!(
        bench.repo.update(std::slice::from_ref(&update)),
        Err(GitError::Locked { .. })
    ));
    assert_eq!(bench.repo.clear_stale_locks().unwrap().len(), 1);
    assert_eq!(bench.repo.update(&[update]).unwrap(), Landed::Yes);
}
