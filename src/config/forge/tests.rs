//! What the section is taken for, and how it is refused.

use super::super::{Config, Variables};
use super::*;

const PEM: &str =
    "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0IHNlY3JldA==\n-----END RSA PRIVATE KEY-----\n";

/// A folder with a key, a token and a secret.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [
        ("app.pem", PEM),
        ("token", "github_pat_topsecret\n"),
        ("hook", "first-secret\n\nsecond-secret\n"),
        ("empty", "\n"),
    ] {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

/// Reads a configuration with this section; `@` stands for the folder.
fn read(folder: &Path, forge: &str, pairs: &[(&str, &str)]) -> Result<Config, String> {
    let place = folder.to_str().expect("a plain path");
    let forge = forge.replace('@', place);
    let text =
        format!("data: /d\ngit: {{url: https://github.com/acme/fleet.git}}\nforge: {forge}\n");
    let pairs = pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), text.replace('@', place)));
    Config::read(&text, &pairs.collect::<Variables>()).map_err(|error| error.to_string())
}

#[test]
fn an_app_is_read_and_nothing_secret_is_shown() {
    let folder = folder();
    let text = "{github: {appId: 7, installationId: 9, privateKey: @/app.pem, webhookSecret: @/hook, \
                apiUrl: http://127.0.0.1:9/, poll: 5s, forms: false}}";
    let config = read(folder.path(), text, &[]).expect("good");
    let forge = config.settings.forge.as_ref().expect("a forge");
    assert_eq!(forge.full_name(), "acme/fleet");
    assert_eq!(forge.api_url, "http://127.0.0.1:9");
    assert_eq!(forge.poll.as_secs(), 5);
    assert!(forge.comments && !forge.forms);
    let app = ForgeIdentity::App {
        id: 7,
        private_key: PEM.as_bytes().to_vec(),
        installation: Some(9),
    };
    assert_eq!(forge.identity, app);
    let keys: Vec<&[u8]> = forge
        .webhook_secrets
        .iter()
        .map(WebhookSecret::key)
        .collect();
    assert_eq!(keys, [b"first-secret".as_slice(), b"second-secret"]);
    for shown in [config.in_force().expect("YAML"), format!("{forge:?}")] {
        let secret = ["c2Vj", "99, 50", "first", "second"];
        assert!(!secret.iter().any(|it| shown.contains(it)), "{shown}");
    }
    let shown = config.in_force().expect("YAML");
    assert!(
        shown.contains("app.pem") && shown.contains("hook)"),
        "{shown}"
    );
}

#[test]
fn a_token_will_do_and_variables_hold_what_files_may() {
    let folder = folder();
    let config =
        read(folder.path(), "{github: {tokenFile: @/token}}", &[]).expect("a token in a file");
    let forge = config.settings.forge.as_ref().expect("a forge");
    let token = ForgeIdentity::Token("github_pat_topsecret".to_owned());
    assert_eq!(forge.identity, token);
    assert_eq!(forge.api_url, "https://api.github.com");
    assert_eq!(forge.poll.as_secs(), 60);
    assert!(forge.forms && forge.comments && forge.webhook_secrets.is_empty());
    assert!(!format!("{forge:?}").contains("topsecret"));
    assert!(!config.in_force().expect("YAML").contains("topsecret"));

    let pairs = [
        ("FLEETWRIGHT_FORGE_GITHUB_APP_ID", "7"),
        ("FLEETWRIGHT_FORGE_GITHUB_PRIVATE_KEY", PEM),
        ("FLEETWRIGHT_FORGE_GITHUB_WEBHOOK_SECRET", "hush"),
        ("FLEETWRIGHT_FORGE_GITHUB_REPOSITORY", "acme/other"),
        ("FLEETWRIGHT_FORGE_GITHUB_COMMENTS", "false"),
    ];
    let config = read(folder.path(), "none", &pairs).expect("variables alone");
    let forge = config.settings.forge.as_ref().expect("a forge");
    assert_eq!(forge.full_name(), "acme/other");
    assert_eq!(forge.webhook_secrets[0].key(), b"hush");
    assert!(!forge.comments);
    let shown = config.in_force().expect("YAML");
    assert!(
        shown.contains("FLEETWRIGHT_FORGE_GITHUB_WEBHOOK_SECRET"),
        "{shown}"
    );
    assert!(
        !shown.contains("hush") && !shown.contains("c2Vj"),
        "{shown}"
    );

    let none = read(folder.path(), "none", &[]).expect("no forge");
    assert!(none.settings.forge.is_none());
    let shown = none.in_force().expect("YAML");
    assert!(shown.contains("forge: none"), "{shown}");
    let off = [("FLEETWRIGHT_FORGE", "none")];
    let off = read(folder.path(), "{github: {tokenFile: @/token}}", &off).expect("switched off");
    assert!(off.settings.forge.is_none());
}

/// A section, variables over it, and what the error must say.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

#[test]
fn what_is_wrong_is_named_and_no_secret_repeated() {
    let folder = folder();
    let table: [Case<'_>; 18] = [
        ("{github: {}}", &[], "nobody to be there"),
        (
            "{github: {appId: 7, privateKey: @/app.pem, tokenFile: @/token}}",
            &[],
            "two identities",
        ),
        (
            "{github: {appId: 7, tokenFile: @/token}}",
            &[],
            "two identities",
        ),
        (
            "{github: {appId: 7}}",
            &[],
            "forge.github.privateKey is missing",
        ),
        (
            "{github: {privateKey: @/app.pem}}",
            &[],
            "forge.github.appId is missing",
        ),
        (
            "{github: {appId: seven, privateKey: @/app.pem}}",
            &[],
            "appId",
        ),
        (
            "{github: {appId: 7, privateKey: @/token}}",
            &[],
            "no private key",
        ),
        (
            "{github: {appId: 7, privateKey: @/nowhere}}",
            &[],
            "/nowhere",
        ),
        ("{github: {tokenFile: @/empty}}", &[], "the token is none"),
        (
            "{github: {tokenFile: topsecret}}",
            &[],
            "forge.github.tokenFile: cannot read (hidden)",
        ),
        ("{github: {token: topsecret}}", &[], "token"),
        (
            "{github: {tokenFile: @/token, webhookSecret: topsecret}}",
            &[],
            "cannot read (hidden)",
        ),
        (
            "{github: {tokenFile: @/token, webhookSecret: @/empty}}",
            &[],
            "one a line",
        ),
        (
            "{github: {tokenFile: @/token, repository: acme}}",
            &[],
            "owner/name",
        ),
        (
            "{github: {tokenFile: @/token, apiUrl: 'http://api.github.com'}}",
            &[],
            "forge.github.apiUrl",
        ),
        (
            "{github: {tokenFile: @/token, poll: 0s}}",
            &[],
            "forge.github.poll",
        ),
        ("{gitlab: {}}", &[], "gitlab"),
        (
            "none",
            &[("FLEETWRIGHT_FORGE_GITHUB_TOKENS", "topsecret")],
            "no known variable",
        ),
    ];
    for (forge, pairs, words) in table {
        let said = read(folder.path(), forge, pairs).err().expect(forge);
        assert!(said.contains(words), "{forge}: {said}");
        assert!(
            !said.contains("topsecret") && !said.contains('\n'),
            "{said}"
        );
    }
}
