//! Within GitHub's limits, whatever is asked for: the stand-in counts, and one breach fails the test.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::support::eventually;
use crate::world::{Given, World};

#[test]
fn two_hundred_changes_in_a_minute_share_pull_requests_rather_than_break_a_limit() {
    const CHANGES: usize = 200;
    // Given GitHub's own limits, on pushes as well.
    let world = World::with(Given {
        config: json!({"push": {"pace": "github"}}),
        ..Given::default()
    });
    world.github.limits(|it| it.pushes_a_minute = 6);
    // When far more is asked for than may be opened one by one.
    let changes: Vec<String> = (0..CHANGES)
        .map(|it| world.ask(&format!("shop-{it}")))
        .collect();
    let long = Duration::from_mins(5);
    let of_pull = eventually("every change has a pull request", long, || {
        let mut of_pull: BTreeMap<u64, usize> = BTreeMap::new();
        for change in &changes {
            let (_, body) = world.api().try_get(&format!("/api/v1/changes/{change}"))?;
            let Some(number) = body["pullRequest"]["number"].as_u64() else {
                return Err(format!("{} pull requests; {body}", of_pull.len()));
            };
            *of_pull.entry(number).or_default() += 1;
        }
        Ok(of_pull)
    });
    // Then the first have one of their own, and the rest share.
    println!(
        "{CHANGES} changes in {} pull requests: {of_pull:?}",
        of_pull.len()
    );
    assert!(of_pull.len() < 45, "{of_pull:?}");
    assert!(of_pull.values().all(|it| *it <= 50), "{of_pull:?}");
    // A large one takes few calls for each of its changes.
    let (large, inside) = of_pull.iter().max_by_key(|(_, inside)| **inside).unwrap();
    let before = world.github.calls().len();
    world.person("bob").approves(*large);
    world.pull_when("the large one is merged", *large, |it| it.merged.is_some());
    let calls = world.github.calls();
    let calls = calls[before..].iter().filter(|it| {
        it.path.contains(&format!("/pulls/{large}")) || it.path.ends_with("/check-runs")
    });
    let calls = calls.count() + 2;
    println!("{calls} calls for {inside} changes");
    assert!(calls * 5 <= *inside, "{calls} calls for {inside} changes");
    assert!(
        world.github.breaches().is_empty(),
        "{:#?}",
        world.github.breaches()
    );
}
