//! Pull requests, people, comments and issues, as they are read and changed.

use fleetwright::domain::forge::PullState;
use fleetwright::forge::ForgeError;

use crate::bench::{BRANCH, head, new_pull, script, start};
use crate::stand_in::Role;

#[test]
fn a_pull_request_is_opened_found_again_edited_and_closed() {
    let github = start();
    script(&github, async |forge| {
        let opened = forge.open(&new_pull()).await.unwrap();
        assert_eq!(
            (opened.state, opened.own_repository),
            (PullState::Open, true)
        );
        assert_eq!(
            (opened.branch.as_str(), &opened.head),
            (BRANCH, &head(&github, BRANCH))
        );
        assert!(opened.author.bot && opened.author.id == github.app().bot);

        // there is never a second one for a branch
        let again = forge.open(&new_pull()).await.unwrap_err();
        assert!(
            matches!(&again, ForgeError::Refused(why) if why.contains("already exists")),
            "{again}"
        );
        let found = forge.pulls_of(BRANCH).await.unwrap();
        assert_eq!(
            found.iter().map(|it| it.number).collect::<Vec<_>>(),
            [opened.number]
        );
        assert_eq!(forge.pulls_of("fleetwright/other").await.unwrap(), []);

        let edited = forge
            .edit(opened.number, Some("Create b"), None, None)
            .await
            .unwrap();
        assert_eq!(edited.title, "Create b");
        let closed = forge
            .edit(opened.number, None, None, Some(PullState::Closed))
            .await
            .unwrap();
        assert_eq!(closed.state, PullState::Closed);
        assert_eq!(forge.files(opened.number).await.unwrap(), ["stores/a.yaml"]);
        forge.delete_branch(BRANCH).await.unwrap();
        forge.delete_branch(BRANCH).await.unwrap();
    });
    assert_eq!(github.head(BRANCH), None);
}

#[test]
fn lists_are_read_when_something_changed() {
    let github = start();
    script(&github, async |forge| {
        assert_eq!(forge.open_pulls("main").await.unwrap(), Some(Vec::new()));
        assert_eq!(forge.open_pulls("main").await.unwrap(), None);
        let number = forge.open(&new_pull()).await.unwrap().number;
        let found = forge.open_pulls("main").await.unwrap().unwrap();
        assert_eq!(
            found.iter().map(|it| it.number).collect::<Vec<_>>(),
            [number]
        );
        let before = forge.budget().rest.unwrap().remaining;
        assert_eq!(forge.open_pulls("main").await.unwrap(), None);
        assert_eq!(
            forge.budget().rest.unwrap().remaining,
            before,
            "304 costs nothing"
        );
        forge
            .edit(number, None, None, Some(PullState::Closed))
            .await
            .unwrap();
        assert_eq!(forge.open_pulls("main").await.unwrap(), Some(Vec::new()));
    });
}

#[test]
fn a_list_of_several_pages_is_whole() {
    let github = start();
    let ann = github.user("ann", Role::Write);
    script(&github, async |forge| {
        let number = forge.open(&new_pull()).await.unwrap().number;
        for count in 0..230 {
            ann.comments(number, &format!("{count}"));
        }
        let comments = forge.comments(number).await.unwrap();
        let bodies: Vec<String> = comments.into_iter().map(|it| it.body).collect();
        let wanted: Vec<String> = (0..230).map(|it| it.to_string()).collect();
        assert_eq!(bodies, wanted);
    });
}

#[test]
fn people_are_known_by_what_they_may_do() {
    let github = start();
    let people = [
        github.user("ann", Role::Admin),
        github.user("bob", Role::Write),
        github.user("cat", Role::Triage),
        github.user("dan", Role::Read),
    ];
    github.team("platform", &[&people[0], &people[3]]);
    script(&github, async |forge| {
        for (login, may) in [
            ("ann", true),
            ("bob", true),
            ("cat", false),
            ("dan", false),
            ("nobody", false),
        ] {
            assert_eq!(forge.may_write(login).await.unwrap(), may, "{login}");
        }
        let mut members = forge.team("platform").await.unwrap();
        members.sort_unstable();
        assert_eq!(members, [people[0].id(), people[3].id()]);
        assert!(matches!(
            forge.team("ghosts").await,
            Err(ForgeError::NotFound(_))
        ));

        let number = forge.open(&new_pull()).await.unwrap().number;
        let reviewers = ["ann", "nobody"].map(str::to_owned);
        let teams = ["platform", "ghosts"].map(str::to_owned);
        let unknown = forge
            .request_reviews(number, &reviewers, &teams)
            .await
            .unwrap();
        assert_eq!(unknown, ["nobody", "ghosts"]);
        forge.label(number, &["stores".to_owned()]).await.unwrap();
    });
}

#[test]
fn comments_and_issues_are_read_and_answered() {
    let github = start();
    let ann = github.user("ann", Role::Read);
    let number = ann.opens_issue("A store", "### Name\n\na", &["store-request"]);
    let asked = ann.comments(number, "/fleetwright status");
    script(&github, async |forge| {
        let open = forge.issues("store-request").await.unwrap().unwrap();
        assert_eq!(
            (open.len(), open[0].number, open[0].author.id),
            (1, number, ann.id())
        );
        assert_eq!(forge.issues("store-request").await.unwrap(), None);
        assert_eq!(forge.issue(number).await.unwrap().body, "### Name\n\na");
        assert!(!forge.comment(asked).await.unwrap().edited);

        forge.react(asked, "eyes").await.unwrap();
        let ours = forge.say(number, "It waits.").await.unwrap();
        forge.say_again(ours, "It is ready.").await.unwrap();
        let texts: Vec<String> = forge
            .comments(number)
            .await
            .unwrap()
            .into_iter()
            .map(|it| it.body)
            .collect();
        assert_eq!(texts, ["/fleetwright status", "It is ready."]);
        forge.close_issue(number, true).await.unwrap();
        assert!(!github.issue_is_open(number));
    });
}
