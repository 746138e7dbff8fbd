//! Fetch and push against real receiving ends, over HTTP and in the file system.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fleetwright::domain::CommitId;
use fleetwright::git::{
    CommandError, Credential, PushOutcome, PushRef, Refusal, Remote, RemoteError, git_version,
};

use crate::bench::{Bench, edits, foreign_commit, git, install_hook, piped};
use crate::server::{Fault, GitServer};

fn push_ref(branch: &str, local: &CommitId) -> PushRef {
    PushRef {
        local: local.clone(),
        remote: format!("refs/heads/{branch}"),
    }
}

/// Somebody else's commit on the upstream's main.
fn somebody_pushes(upstream: &Path) -> CommitId {
    let blob = piped(upstream, &["hash-object", "-w", "--stdin"], "theirs");
    let base = git(upstream, &["rev-parse", "main"]).parse().unwrap();
    let commit = foreign_commit(
        upstream,
        &format!("100644 blob {blob}\ttheirs\n"),
        &[&base],
        &[],
    );
    git(
        upstream,
        &["update-ref", "refs/heads/main", commit.as_str()],
    );
    commit
}

#[test]
fn a_push_lands_whole_or_says_why_not() {
    let bench = Bench::new();
    let upstream = bench.upstream("upstream.git");
    let server = GitServer::start(&upstream, Some("x-access-token:s3cret"));
    let credential = Credential::Basic {
        user: "x-access-token".into(),
        password: "s3cret".into(),
    };
    let over_http = Remote::new(&server.url, Some(credential)).unwrap();
    let in_files = Remote::new(upstream.to_str().unwrap(), None).unwrap();

    for (round, remote) in [&over_http, &in_files].into_iter().enumerate() {
        let text = format!("{round}");
        let ours = bench.land("main", &edits(&[("a", &text)]));
        let deploy = format!("deploy/c{round}");
        let both = [push_ref("main", &ours), push_ref(&deploy, &ours)];
        assert_eq!(
            remote.push(&bench.repo, &both).unwrap(),
            PushOutcome::Pushed
        );
        assert_eq!(
            remote.push(&bench.repo, &both).unwrap(),
            PushOutcome::Pushed,
            "a second time changes nothing"
        );
        assert_eq!(
            git(&upstream, &["rev-parse", "main", &deploy]),
            format!("{ours}\n{ours}")
        );

        // Somebody was faster on main: neither reference moves, and their commit stays.
        let theirs = somebody_pushes(&upstream);
        let next = bench.land("main", &edits(&[("b", &text)]));
        let both = [push_ref("main", &next), push_ref(&deploy, &next)];
        let lost = PushOutcome::LostRace {
            references: vec!["refs/heads/main".into()],
        };
        assert_eq!(remote.push(&bench.repo, &both).unwrap(), lost);
        assert_eq!(
            git(&upstream, &["rev-parse", "main", &deploy]),
            format!("{theirs}\n{ours}")
        );

        // Fetched, it is plain what happened; then we go on from there, and what is gone there goes here.
        git(
            &upstream,
            &["update-ref", "refs/heads/passing", theirs.as_str()],
        );
        remote.fetch(&bench.repo, &["*"]).unwrap();
        assert_eq!(
            bench.repo.reference("refs/remotes/origin/main").unwrap(),
            Some(theirs.clone())
        );
        assert!(bench.repo.is_ancestor(&ours, &theirs).unwrap());
        git(&upstream, &["update-ref", "-d", "refs/heads/passing"]);
        remote.fetch(&bench.repo, &["*"]).unwrap();
        assert_eq!(
            bench.repo.reference("refs/remotes/origin/passing").unwrap(),
            None
        );
        assert!(!bench.repo.path().join("FETCH_HEAD").exists());
        let derived = bench
            .commit(Some(&theirs), &edits(&[("b", &text)]))
            .unwrap();
        assert_eq!(
            remote
                .push(&bench.repo, &[push_ref("main", &derived)])
                .unwrap(),
            PushOutcome::Pushed
        );
        let update = fleetwright::git::RefUpdate::branch("main", Some(next), derived);
        assert_eq!(
            bench.repo.update(&[update]).unwrap(),
            fleetwright::git::Landed::Yes
        );
    }
    // The branches rewritten there are followed here.
    let first = git(&upstream, &["rev-list", "--max-parents=0", "main"]);
    git(&upstream, &["update-ref", "refs/heads/main", &first]);
    over_http.fetch(&bench.repo, &["main", "deploy/*"]).unwrap();
    assert_eq!(bench.git(&["rev-parse", "refs/remotes/origin/main"]), first);
    assert_eq!(git(&upstream, &["fsck", "--strict", "--no-dangling"]), "");
}

#[test]
fn a_refusal_names_the_reference_and_what_the_server_said() {
    let bench = Bench::new();
    let ours = bench.land("main", &edits(&[("a", "1")]));
    let both = [push_ref("main", &ours), push_ref("deploy/eu", &ours)];
    let refusal = |branch: &str, reason: &str| Refusal {
        reference: format!("refs/heads/{branch}"),
        reason: reason.to_owned(),
    };
    let say = "echo 'protected: ask somebody' >&2; exit 1";
    let one = format!("case $1 in refs/heads/deploy/*) {say};; esac");
    let all = "pre-receive hook declined";
    for (hook, script, refusals) in [
        (
            "pre-receive",
            say,
            vec![refusal("main", all), refusal("deploy/eu", all)],
        ),
        // Only one is refused; the other is dragged along, and is not to blame.
        (
            "update",
            one.as_str(),
            vec![refusal("deploy/eu", "hook declined")],
        ),
    ] {
        let upstream = bench.upstream(hook);
        install_hook(&upstream, hook, script);
        let server = GitServer::start(&upstream, None);
        for url in [server.url.as_str(), upstream.to_str().unwrap()] {
            let outcome = Remote::new(url, None)
                .unwrap()
                .push(&bench.repo, &both)
                .unwrap();
            let said = "protected: ask somebody".to_owned();
            let PushOutcome::Denied {
                refusals: got,
                said: heard,
            } = outcome
            else {
                panic!("{outcome:?}");
            };
            assert_eq!(got, refusals);
            assert!(heard.contains(&said), "{heard}");
        }
        assert_eq!(git(&upstream, &["for-each-ref"]), "", "none of both landed");
    }
}

#[test]
fn a_race_that_only_the_server_sees_is_a_lost_race() {
    let bench = Bench::new();
    let base = bench.land("main", &edits(&[("a", "1")]));
    let next = bench.land("main", &edits(&[("a", "2")]));
    let theirs = bench.commit(Some(&base), &edits(&[("b", "1")])).unwrap();
    let upstream = bench.upstream("upstream.git");
    let server = GitServer::start(&upstream, None);
    let remote = Remote::new(&server.url, None).unwrap();
    let before = [push_ref("main", &base), push_ref("side", &theirs)];
    assert_eq!(
        remote.push(&bench.repo, &before).unwrap(),
        PushOutcome::Pushed
    );

    // The reference moves after the server announced it: this hook stands for somebody else's push at that moment.
    let script = format!("[ $1 != refs/heads/main ] || git update-ref $1 {theirs} $2");
    install_hook(&upstream, "update", &script);
    let both = [push_ref("deploy/eu", &next), push_ref("main", &next)];
    let outcome = remote.push(&bench.repo, &both).unwrap();
    let PushOutcome::LostRace { references } = outcome else {
        panic!("{outcome:?}");
    };
    assert!(
        references.contains(&"refs/heads/main".to_owned()),
        "{references:?}"
    );
    assert_eq!(
        git(&upstream, &["rev-parse", "main", "side"]),
        format!("{theirs}\n{theirs}")
    );
    assert_eq!(git(&upstream, &["for-each-ref", "refs/heads/deploy"]), "");
}

#[test]
fn every_way_of_not_reaching_the_remote_has_its_own_name() {
    let bench = Bench::new();
    let ours = bench.land("main", &edits(&[("a", "1")]));
    let upstream = bench.upstream("upstream.git");
    let server = GitServer::start(&upstream, Some("bot:right"));
    let with = |password: &str| {
        let url = server
            .url
            .replace("http://", &format!("http://bot:{password}@"));
        Remote::new(&url, None).unwrap()
    };
    let plain = |url: &str| Remote::new(url, None).unwrap();
    let main = [push_ref("main", &ours)];

    let wrong = with("wr0ng");
    let error = wrong.fetch(&bench.repo, &["*"]).unwrap_err();
    assert!(matches!(error, RemoteError::Denied { .. }), "{error}");
    assert!(!error.to_string().contains("wr0ng"), "{error}");
    assert!(matches!(
        wrong.push(&bench.repo, &main),
        Err(RemoteError::Denied { .. })
    ));

    let right = with("right");
    assert_eq!(right.push(&bench.repo, &main).unwrap(), PushOutcome::Pushed);
    assert!(matches!(
        right.fetch(&bench.repo, &["nope"]),
        Err(RemoteError::NoSuchBranch { .. })
    ));
    server.set_fault(Fault::Status(403));
    assert!(matches!(
        right.fetch(&bench.repo, &["*"]),
        Err(RemoteError::Denied { .. })
    ));
    server.set_fault(Fault::Status(404));
    assert!(matches!(
        right.fetch(&bench.repo, &["*"]),
        Err(RemoteError::NotARepository { .. })
    ));
    server.set_fault(Fault::Status(502));
    assert!(matches!(
        right.fetch(&bench.repo, &["*"]),
        Err(RemoteError::Unreachable { .. })
    ));
    assert!(matches!(
        right.push(&bench.repo, &main),
        Ok(PushOutcome::Unreachable { .. })
    ));
    server.set_fault(Fault::Hangs);
    let hasty = right.clone().with_timeout(Duration::from_secs(1));
    assert!(matches!(
        hasty.fetch(&bench.repo, &["*"]),
        Err(RemoteError::TimedOut { seconds: 1, .. })
    ));
    assert_eq!(
        hasty.push(&bench.repo, &main).unwrap(),
        PushOutcome::TimedOut
    );

    // The push arrives, the answer does not: what was reported is not what is true, and a second look tells.
    server.set_fault(Fault::BreaksAfterPush);
    let next = bench.land("main", &edits(&[("a", "2")]));
    let outcome = right.push(&bench.repo, &[push_ref("main", &next)]).unwrap();
    assert!(
        matches!(outcome, PushOutcome::Unreachable { .. }),
        "{outcome:?}"
    );
    server.set_fault(Fault::None);
    right.fetch(&bench.repo, &["main"]).unwrap();
    assert_eq!(
        bench.repo.reference("refs/remotes/origin/main").unwrap(),
        Some(next)
    );

    let closed = plain("http://127.0.0.1:1/x.git");
    assert!(matches!(
        closed.fetch(&bench.repo, &["*"]),
        Err(RemoteError::Unreachable { .. })
    ));
    assert!(matches!(
        closed.push(&bench.repo, &main),
        Ok(PushOutcome::Unreachable { .. })
    ));
    let nothing = plain(bench.path("nothing").to_str().unwrap());
    assert!(matches!(
        nothing.fetch(&bench.repo, &["*"]),
        Err(RemoteError::NotARepository { .. })
    ));
    assert!(matches!(
        nothing.push(&bench.repo, &main),
        Err(RemoteError::NotARepository { .. })
    ));
}

#[test]
fn a_missing_git_program_is_said_plainly() {
    const CHILD: &str = "FLEETWRIGHT_TEST_WITHOUT_GIT";
    if std::env::var_os(CHILD).is_some() {
        let error = git_version().unwrap_err();
        assert!(matches!(error, CommandError::NotFound), "{error}");
        return;
    }
    assert!(git_version().is_ok());
    // The environment of a running test must not change: the test runs itself again without a PATH.
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "remote::a_missing_git_program_is_said_plainly"])
        .env("PATH", "/nonexistent")
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(status.status.success(), "{status:?}");
}
