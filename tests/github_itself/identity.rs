//! Who asks: the App, its installation, people; tokens that end, permissions that are missing.

use std::time::Duration;

use serde_json::json;

use crate::client::{
    as_app, as_installation, begin, begin_with, get, http, installation_token, post, try_http,
    wait, with_token,
};
use crate::github::{Level, Options, Role};

#[test]
fn octocrab_reads_everything_about_the_app() {
    let github = begin();
    let app = github.app();
    wait(async {
        let octocrab = as_app(&github);
        let apps = octocrab.apps();
        let installed = apps
            .get_repository_installation("acme", "fleet")
            .await
            .unwrap();
        assert_eq!(*installed.id, app.installation);
        assert_eq!(apps.installations().send().await.unwrap().items.len(), 1);
        let me: octocrab::models::App = octocrab.get("/app", None::<&()>).await.unwrap();
        assert_eq!(*me.id, app.id);
    });
}

#[test]
fn a_token_that_ended_is_refused_and_octocrab_gets_another() {
    let github = begin();
    let token = installation_token(&github);
    assert_eq!(get(&github, &token, "").status, 200);
    wait(async {
        let octocrab = as_installation(&github);
        octocrab.repos("acme", "fleet").get().await.unwrap();

        github.advance(Duration::from_secs(3601));

        octocrab.repos("acme", "fleet").get().await.unwrap();
    });
    let refused = get(&github, &token, "");
    assert_eq!(refused.status, 401);
    assert_eq!(refused.body["message"], "Bad credentials");
}

#[test]
fn a_token_is_narrowed_to_what_is_asked_for() {
    let github = begin();
    let path = format!(
        "/app/installations/{}/access_tokens",
        github.app().installation
    );
    let narrowed = json!({"repositories": ["fleet"], "permissions": {"contents": "read"}});
    let made: serde_json::Value = wait(async {
        as_app(&github)
            .post(path.clone(), Some(&narrowed))
            .await
            .unwrap()
    });
    let token = made["token"].as_str().unwrap();
    assert_eq!(
        made["permissions"],
        json!({"contents": "read", "metadata": "read"})
    );
    assert_eq!(get(&github, token, "/contents/README.md").status, 200);
    let refused = get(&github, token, "/pulls");
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.body["message"],
        "Resource not accessible by integration"
    );

    let too_much = json!({"permissions": {"administration": "write"}});
    let refused: Result<serde_json::Value, _> =
        wait(async { as_app(&github).post(path, Some(&too_much)).await });
    assert!(format!("{refused:?}").contains("not granted to this installation"));
}

#[test]
fn what_the_app_was_not_granted_it_may_not_do() {
    let github = begin();
    github.grant(|permissions| {
        permissions.remove("checks");
        permissions.insert("contents".to_owned(), Level::Read);
    });
    let token = installation_token(&github);
    let run = json!({"name": "x", "head_sha": github.head("main").unwrap()});
    assert_eq!(post(&github, &token, "/check-runs", &run).status, 403);
    assert_eq!(
        get(&github, &token, "/branches/main/protection").status,
        403
    );
    assert_eq!(get(&github, &token, "/branches/main").status, 200);
}

#[test]
fn bad_claims_of_the_app_are_refused_each_with_its_sentence() {
    let github = begin();
    let app = github.app();
    let pem = std::fs::read(&app.key_file).unwrap();
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(&pem).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let cases = [
        (
            json!({"iat": now, "exp": now + 300, "iss": app.id}),
            200,
            "",
        ),
        (
            json!({"iat": now, "exp": now + 300, "iss": app.id.to_string()}),
            200,
            "",
        ),
        (
            json!({"iat": now, "exp": now + 3600, "iss": app.id}),
            401,
            "too far in the future",
        ),
        (
            json!({"iat": now - 900, "exp": now - 300, "iss": app.id}),
            401,
            "'exp'",
        ),
        (
            json!({"iat": now + 300, "exp": now + 500, "iss": app.id}),
            401,
            "'iat'",
        ),
        (json!({"iat": now, "exp": now + 300}), 401, "'iss'"),
        (
            json!({"iat": now, "exp": now + 300, "iss": 7}),
            404,
            "Integration not found",
        ),
    ];
    for (claims, status, words) in cases {
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
        let claim = jsonwebtoken::encode(&header, &claims, &key).unwrap();
        let answer = http(&github, &claim, "GET", "/app", None);
        assert_eq!(answer.status, status, "{claims}: {}", answer.text);
        assert!(answer.text.contains(words), "{claims}: {}", answer.text);
    }
    assert_eq!(http(&github, "a.b.c", "GET", "/app", None).status, 401);
}

#[test]
fn a_person_has_no_checks_and_what_their_role_allows() {
    let github = begin();
    let (ann, dave) = (
        github.user("ann", Role::Write),
        github.user("dave", Role::Read),
    );
    let sha = github.head("main").unwrap();
    let run = json!({"name": "x", "head_sha": sha});
    let token = ann.token();
    assert_eq!(post(&github, &token, "/check-runs", &run).status, 403);
    let status = json!({"state": "success", "context": "x"});
    assert_eq!(
        post(&github, &token, &format!("/statuses/{sha}"), &status).status,
        201
    );
    wait(async {
        let me = with_token(&github, &token).current().user().await.unwrap();
        assert_eq!((me.login.as_str(), *me.id), ("ann", ann.id()));
    });
    let level = get(&github, &token, "/collaborators/dave/permission").body;
    assert_eq!(level["permission"], "read");
    assert_eq!(level["user"]["id"], dave.id());
}

#[test]
fn strangers_do_not_see_a_private_repository() {
    let github = begin();
    assert_eq!(get(&github, "", "").status, 404);
    assert_eq!(get(&github, "ghs_nothing", "").status, 401);
    let nobody = github.user("mallory", Role::None).token();
    assert_eq!(get(&github, &nobody, "").status, 404);
    let named = try_http(
        &github,
        "",
        "GET",
        "/rate_limit",
        None,
        &[("user-agent", "")],
    );
    assert_eq!(named.unwrap().status, 403);
}

#[test]
fn an_enterprise_server_has_its_api_elsewhere() {
    let github = begin_with(Options {
        ghes: true,
        ..Options::default()
    });
    assert!(github.api_url().ends_with("/api/v3"));
    wait(async {
        let repository = as_installation(&github)
            .repos("acme", "fleet")
            .get()
            .await
            .unwrap();
        assert!(repository.url.as_str().contains("/api/v3/repos/acme/fleet"));
    });
    let token = installation_token(&github);
    let query = json!({"query": "{viewer{login}}"});
    let url = github.api_url().replace("/api/v3", "/api/graphql");
    let answer = ureq::post(&url)
        .header("user-agent", "a test")
        .header("authorization", format!("Bearer {token}"))
        .send(query.to_string());
    let answer = answer.unwrap().body_mut().read_to_string().unwrap();
    assert!(answer.contains(r#""login":"fleetwright-test""#), "{answer}");
}

#[test]
fn teams_and_people_are_found_by_name_and_number() {
    let github = begin();
    let (ann, bob) = (
        github.user("ann", Role::Write),
        github.user("bob", Role::Write),
    );
    github.team("platform", &[&ann, &bob]);
    let token = installation_token(&github);
    let members = http(
        &github,
        &token,
        "GET",
        "/orgs/acme/teams/platform/members",
        None,
    );
    assert_eq!(members.body[1]["login"], "bob");
    assert_eq!(
        http(&github, &token, "GET", "/orgs/acme/teams/none", None).status,
        404
    );
    let by_number = http(&github, &token, "GET", &format!("/user/{}", ann.id()), None);
    assert_eq!(by_number.body["login"], "ann");
    wait(async {
        let octocrab = as_installation(&github);
        let members = octocrab
            .teams("acme")
            .members("platform")
            .per_page(5)
            .send()
            .await
            .unwrap();
        assert_eq!(members.items.len(), 2);
    });
}
