//! What holds us back: limits, tokens, settings.

use std::time::Duration;

use fleetwright::domain::forge::{MergeMethod, PullState, Severity};
use fleetwright::forge::{Features, Forge, ForgeError, Wanted};

use crate::bench::{access, new_pull, script, start, with};
use crate::hands::Hands;
use crate::stand_in::Rules;

#[test]
fn two_hundred_writes_at_once_break_no_limit() {
    let github = start();
    let hands = Hands::default();
    let mut access = access(&github);
    access.clock = hands.clock();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let forge = Forge::connect(access).unwrap();
        let number = forge.open(&new_pull()).await.unwrap().number;
        // when two hundred write, and come again when they are told to
        let writers: Vec<_> = (0..200)
            .map(|count| tokio::spawn(insist(forge.clone(), hands.clone(), number, count)))
            .collect();
        let all = futures::future::join_all(writers);
        tokio::pin!(all);
        let second = Duration::from_secs(1);
        let said = loop {
            if let Ok(said) = tokio::time::timeout(Duration::from_millis(10), &mut all).await {
                break said;
            }
            github.advance(second);
            hands.advance(second);
        };
        assert!(said.into_iter().all(|it| it.is_ok()));
    });
    // then
    assert_eq!(github.comments(1).len(), 200);
    let breaches: Vec<String> = github.breaches().into_iter().map(|it| it.what).collect();
    assert_eq!(breaches, Vec::<String>::new());
}

/// Says something until it is said.
async fn insist(forge: Forge, hands: Hands, number: u64, count: usize) {
    loop {
        match forge.say(number, &count.to_string()).await {
            Ok(_) => return,
            Err(ForgeError::Limited { until }) => hands.reach(until).await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_token_holds_what_is_on_and_lives_on_when_it_expires() {
    let github = start();
    let mut narrow = access(&github);
    narrow.features = Features::default();
    with(narrow, async |forge| {
        let error = forge.team("platform").await.unwrap_err();
        assert!(matches!(error, ForgeError::Forbidden(_)), "{error}");
        // when it expires behind our back, then another one is minted
        let first = forge.token().await.unwrap();
        github.advance(Duration::from_mins(61));
        assert_eq!(
            forge.open(&new_pull()).await.unwrap().state,
            PullState::Open
        );
        assert_ne!(forge.token().await.unwrap(), first);
    });
}

#[test]
fn what_is_in_the_bots_way_is_found() {
    let github = start();
    let wanted = Wanted {
        base: "main".to_owned(),
        deploy: vec!["deploy/local".to_owned()],
        method: Some(MergeMethod::Merge),
        auto_merge: true,
        forms: true,
    };
    let stops = async |forge: &Forge| {
        let found = forge.examine(&wanted).await.unwrap();
        let worst = found
            .into_iter()
            .filter(|it| it.severity == Severity::Stops);
        worst.map(|it| it.sentence).collect::<Vec<String>>()
    };
    script(&github, async |forge| {
        assert_eq!(stops(&forge).await, Vec::<String>::new());
        github.settings(|it| it.allow_auto_merge = false);
        let rules = Rules {
            ruleset: true,
            pull_request: true,
            linear_history: true,
            ..Rules::default()
        };
        github.rules("main", rules);
        let found = stops(&forge).await;
        assert_eq!(found.len(), 3, "{found:#?}");
    });
    let calls = github.calls();
    assert!(
        calls
            .iter()
            .all(|it| it.method == "GET" || it.path.ends_with("/access_tokens"))
    );
}
