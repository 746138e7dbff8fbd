//! What is said of a commit, by us and by others.

use fleetwright::domain::forge::{Annotation, CheckReport, Conclusion};
use fleetwright::forge::Identity;

use crate::bench::{BRANCH, access, head, new_pull, script, start, with};
use crate::stand_in::Role;

fn report(conclusion: Conclusion) -> CheckReport {
    let annotation = Annotation {
        path: "stores/a.yaml".to_owned(),
        line: 1,
        message: "no such plan".to_owned(),
    };
    CheckReport {
        urgent: false,
        name: "fleetwright/render",
        conclusion,
        title: "Rendered".to_owned(),
        summary: "All of it.".to_owned(),
        annotations: vec![annotation; 60],
    }
}

#[test]
fn an_apps_checks_and_others_stand_side_by_side() {
    let github = start();
    script(&github, async |forge| {
        let ours = head(&github, BRANCH);
        assert_eq!(forge.checks(&ours).await.unwrap(), []);
        forge
            .report(&ours, &report(Conclusion::Pending))
            .await
            .unwrap();
        let name = "fleetwright/render".to_owned();
        assert_eq!(
            forge.checks(&ours).await.unwrap(),
            [(name.clone(), Conclusion::Pending)]
        );
        forge
            .report(&ours, &report(Conclusion::Success))
            .await
            .unwrap();
        github.checks(ours.as_str(), "build", "failure");
        let stand = forge.checks(&ours).await.unwrap();
        assert_eq!(
            stand,
            [
                ("build".to_owned(), Conclusion::Failure),
                (name, Conclusion::Success)
            ]
        );
    });
}

#[test]
fn a_token_reports_by_status() {
    let github = start();
    let mut token = access(&github);
    let robot = github.user("robot", Role::Write);
    token.identity = Identity::Token(robot.token().into());
    with(token, async |forge| {
        let ours = head(&github, BRANCH);
        forge
            .report(&ours, &report(Conclusion::Success))
            .await
            .unwrap();
        let stand = forge.checks(&ours).await.unwrap();
        assert_eq!(
            stand,
            [("fleetwright/render".to_owned(), Conclusion::Success)]
        );
        assert_eq!(forge.open(&new_pull()).await.unwrap().author.id, robot.id());
    });
}
