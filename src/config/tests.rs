//! What a configuration is taken for, and how it is refused.

use super::*;

const FILE: &str = "data: /var/lib/fleetwright\ngit:\n  url: https://git.example.com/fleet.git\n";

fn variables(pairs: &[(&str, &str)]) -> Variables {
    pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

fn error(text: &str, pairs: &[(&str, &str)]) -> String {
    match Config::read(text, &variables(pairs)) {
        Ok(_) => panic!("it was taken: {text}"),
        Err(error) => error.to_string(),
    }
}

/// A file, variables over it, and what the error must say.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

fn remote(config: &Config) -> (&str, Option<&str>, u64, u64) {
    match &config.settings.mode {
        Mode::Remote {
            url,
            token,
            pace,
            poll,
            ..
        } => (url, token.as_deref(), pace.as_secs(), poll.as_secs()),
        Mode::Embedded => panic!("serve has a remote"),
    }
}

#[test]
fn a_short_file_gets_defaults() {
    let config = Config::read(FILE, &Variables::new()).expect("a good file");
    assert_eq!(config.listen, "127.0.0.1:8080");
    assert_eq!(
        remote(&config),
        ("https://git.example.com/fleet.git", None, 10, 60)
    );
    assert_eq!(
        config.settings.repository,
        Path::new("/var/lib/fleetwright/mirror.git")
    );
    assert_eq!(
        config.settings.cluster_url,
        "https://git.example.com/fleet.git"
    );
    assert_eq!(
        (config.settings.queue, config.filter.as_str()),
        (QUEUE, "info")
    );
}

#[test]
fn variables_win_over_the_file_and_can_replace_it() {
    let over = variables(&[
        ("FLEETWRIGHT_GIT_URL", "https://other.example.com/fleet.git"),
        ("FLEETWRIGHT_PUSH_PACE", "1m30s"),
        ("FLEETWRIGHT_QUEUE", "7"),
        ("FLEETWRIGHT_CLUSTERS", "[{name: production}]"),
        ("FLEETWRIGHT_LISTEN", ""),
    ]);
    let config = Config::read(FILE, &over).expect("good variables");
    assert_eq!(
        remote(&config),
        ("https://other.example.com/fleet.git", None, 90, 60)
    );
    assert_eq!(config.settings.queue, 7);
    assert_eq!(config.settings.clusters[0].name.as_str(), "production");
    assert_eq!(
        config.listen, "127.0.0.1:8080",
        "an empty variable counts as absent"
    );
    let alone = variables(&[
        ("FLEETWRIGHT_DATA", "/d"),
        ("FLEETWRIGHT_GIT_URL", "https://g.example.com/f.git"),
    ]);
    assert!(Config::read("# nothing\n", &alone).is_ok());
}

#[test]
fn what_is_wrong_is_named_with_its_key() {
    let table: [Case<'_>; 13] = [
        (
            FILE,
            &[(
                "FLEETWRIGHT_CLUSTERS",
                "[{name: one, context: a}, {name: two, context: b}, {name: three, context: a}]",
            )],
            &["one and three have the same kubeconfig and context"],
        ),
        (
            "data: /d\ngit:\n  urll: x\n",
            &[],
            &["line 3", "git", "urll"],
        ),
        ("data: /d\ngits: {}\n", &[], &["gits"]),
        ("data: /d\ndns: {servers: x}\n", &[], &["dns", "servers"]),
        (
            FILE,
            &[("FLEETWRIGHT_DNS_SERVER", "ns.example.com")],
            &["dns.server", "ns.example.com"],
        ),
        (
            FILE,
            &[("FLEETWRIGHT_DNS_SERVERS", "x")],
            &["FLEETWRIGHT_DNS_SERVERS is no known variable"],
        ),
        (
            "data: /d\n",
            &[],
            &["git.url is missing", "FLEETWRIGHT_GIT_URL"],
        ),
        (
            "git: {url: x}\n",
            &[],
            &["data is missing", "FLEETWRIGHT_DATA"],
        ),
        (
            FILE,
            &[("FLEETWRIGHT_GIT_URLL", "x")],
            &["FLEETWRIGHT_GIT_URLL is no known variable"],
        ),
        (
            FILE,
            &[("FLEETWRIGHT_QUEUE", "many")],
            &["FLEETWRIGHT_QUEUE", "many"],
        ),
        (
            FILE,
            &[("FLEETWRIGHT_PUSH_PACE", "fast")],
            &["push.pace", "fast"],
        ),
        (FILE, &[("FLEETWRIGHT_GIT_AUTHOR", "me")], &["git.author"]),
        (
            FILE,
            &[("FLEETWRIGHT_GIT_TOKEN_FILE", "/does/not/exist")],
            &["git.tokenFile", "/does/not/exist"],
        ),
    ];
    for (text, pairs, words) in table {
        let said = error(text, pairs);
        assert!(words.iter().all(|it| said.contains(it)), "{said}");
        assert!(!said.contains('\n'), "one line: {said}");
    }
}

#[test]
fn the_pace_is_a_preset_or_a_duration() {
    for (text, seconds) in [("github", 10), ("0s", 0), ("1m", 60)] {
        let config = Config::read(
            &format!("{FILE}push: {{pace: {text}}}\n"),
            &Variables::new(),
        );
        assert_eq!(remote(&config.expect("a good file")).2, seconds, "{text}");
    }
    let said = error(FILE, &[("FLEETWRIGHT_PUSH_PACE", "gitlab")]);
    assert!(said.contains("push.pace"), "{said}");
}

#[test]
fn a_dns_server_has_a_port_even_where_none_is_named() {
    for (text, address) in [
        ("192.0.2.53", "192.0.2.53:53"),
        ("192.0.2.53:5353", "192.0.2.53:5353"),
        ("2001:db8::53", "[2001:db8::53]:53"),
    ] {
        let config = Config::read(FILE, &variables(&[("FLEETWRIGHT_DNS_SERVER", text)]));
        let server = config.expect("a good address").settings.dns_server;
        assert_eq!(server.map(|it| it.to_string()).as_deref(), Some(address));
    }
}

#[test]
fn a_fetch_or_push_has_its_time() {
    for (text, seconds) in [("", 120), ("  timeout: 3s\n", 3)] {
        let config = Config::read(&format!("{FILE}{text}"), &Variables::new());
        match config.expect("a good file").settings.mode {
            Mode::Remote { timeout, .. } => assert_eq!(timeout.as_secs(), seconds),
            Mode::Embedded => panic!("serve has a remote"),
        }
    }
    let said = error(FILE, &[("FLEETWRIGHT_GIT_TIMEOUT", "0s")]);
    assert!(said.contains("git.timeout"), "{said}");
}

#[test]
fn variables_of_others_are_left_alone() {
    let service = [
        ("FLEETWRIGHT_SERVICE_HOST", "10.0.0.1"),
        ("FLEETWRIGHT_PORT", "tcp://x"),
        ("FLEETWRIGHT_URL", "x"),
    ];
    assert!(Config::read(FILE, &variables(&service)).is_ok());
}

#[test]
fn secrets_are_used_and_never_shown() {
    let secret = variables(&[
        ("FLEETWRIGHT_GIT_TOKEN", "hunter2"),
        (
            "FLEETWRIGHT_GIT_URL",
            "https://bot:hunter3@git.example.com/fleet.git",
        ),
    ]);
    let config = Config::read(FILE, &secret).expect("good variables");
    assert_eq!(remote(&config).1, Some("hunter2"));
    let shown = config.in_force().expect("YAML");
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(
        shown.contains("(hidden, from FLEETWRIGHT_GIT_TOKEN)"),
        "{shown}"
    );
    assert!(shown.contains("(hidden)@git.example.com"), "{shown}");
}

#[test]
fn names_of_variables_follow_their_keys() {
    assert_eq!(
        variables::name("git.signingKey"),
        "FLEETWRIGHT_GIT_SIGNING_KEY"
    );
    assert_eq!(variables::name("listen"), "FLEETWRIGHT_LISTEN");
}

#[test]
fn authors_are_written_as_git_writes_them() {
    assert!(person("Fleet Bot <bot@example.com>").is_ok());
    for bad in [
        "",
        "bot@example.com",
        "Bot <bot>",
        "<bot@example.com>",
        "Bot <a@b> <c@d>",
    ] {
        assert!(person(bad).is_err(), "{bad}");
    }
}

#[test]
fn request_limits_are_laid_over_the_defaults() {
    let text = format!("{FILE}requestLimits: {{writes: {{count: 7}}, creates: {{per: 2h}}}}\n");
    let over = variables(&[
        ("FLEETWRIGHT_REQUEST_LIMITS_WRITES_PER", "1m"),
        ("FLEETWRIGHT_REQUEST_LIMITS_CREATES_PER_ADDRESS_COUNT", "9"),
    ]);
    let config = Config::read(&text, &over).expect("good limits");
    let limits = config.settings.request_limits;
    let rules = [limits.writes, limits.creates, limits.creates_per_address];
    let rules = rules.map(|it| (it.count, it.per.as_secs()));
    assert_eq!(rules, [(7, 60), (5, 7200), (9, 60)]);
    let shown = config.in_force().expect("YAML");
    assert!(shown.contains("createsPerAddress"), "{shown}");
    for (limits, words) in [
        ("{writes: {count: 0}}", "requestLimits.writes.count: 0"),
        ("{writes: {count: 10001}}", "from 1 to 10000"),
        ("{creates: {per: 0s}}", "requestLimits.creates.per"),
        ("{creates: {per: 25h}}", "longer than 24h"),
        ("{reads: {count: 1}}", "reads"),
        ("{writes: {counts: 1}}", "counts"),
    ] {
        let said = error(&format!("{FILE}requestLimits: {limits}\n"), &[]);
        assert!(said.contains(words), "{said}");
    }
    let said = error(FILE, &[("FLEETWRIGHT_REQUEST_LIMITS_READS_COUNT", "1")]);
    assert!(said.contains("no known variable"), "{said}");
}

#[test]
fn proxies_are_networks() {
    let text = format!("{FILE}auth: {{trustedProxies: [10.0.0.0/8]}}\n");
    let inside = |config: &Config, last| {
        let address = std::net::IpAddr::from([10, 1, 1, last]);
        config.trusted_proxies.contain(address)
    };
    assert!(inside(
        &Config::read(&text, &Variables::new()).expect("networks"),
        1
    ));
    let over = variables(&[(
        "FLEETWRIGHT_AUTH_TRUSTED_PROXIES",
        "[10.1.1.2, '2001:db8::/32']",
    )]);
    let config = Config::read(&text, &over).expect("networks");
    assert!(!inside(&config, 1) && inside(&config, 2));
    let said = error(
        &format!("{FILE}auth: {{trustedProxies: [proxy.example.com]}}\n"),
        &[],
    );
    assert!(
        said.contains("auth.trustedProxies") && said.contains("10.0.0.0/8"),
        "{said}"
    );
}

#[test]
fn webhooks_name_their_secrets_and_never_hold_them() {
    let secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("erp");
    std::fs::write(&file, format!("{secret}\n")).expect("written");
    let file = file.display();
    let other = ("OTHER", "whsec_enp6enp6enp6enp6enp6enp6enp6enp6");
    let read = |webhooks: &str| {
        Config::read(
            &format!("{FILE}webhooks: {webhooks}\n"),
            &variables(&[other]),
        )
    };
    let config = read(&format!(
        "[{{name: erp, secrets: [{{file: {file}}}, {{variable: OTHER}}], role: operator, owners: [ann, ben], \
         actions: [create, delete]}}, {{name: shop, role: merchant, owners: [ann], actions: [create]}}]"
    ));
    let config = config.expect("good webhooks");
    assert_eq!(config.webhooks[0].secrets.len(), 2);
    assert_eq!(config.webhooks[0].owners.len(), 2);
    assert!(config.webhooks[1].secrets.is_empty());
    let shown = config.in_force().expect("YAML");
    assert!(
        shown.contains("(hidden, from OTHER)") && !shown.contains("whsec_"),
        "{shown}"
    );

    let table = [
        (
            format!("[{{name: erp, secrets: [{secret}], role: operator, actions: []}}]"),
            "never written here",
        ),
        (
            format!("[{{name: erp, secrets: [{{value: {secret}}}], role: operator, actions: []}}]"),
            "never written here",
        ),
        (
            "[{name: erp, secrets: [{variable: NOWHERE}], role: operator, actions: []}]".to_owned(),
            "NOWHERE is not set",
        ),
        (
            "[{name: erp, secrets: [{file: /nowhere/erp}], role: operator, actions: []}]"
                .to_owned(),
            "cannot read /nowhere/erp",
        ),
        (
            format!(
                "[{{name: erp, secrets: [{{file: {file}, variable: OTHER}}], role: operator, actions: []}}]"
            ),
            "never written here",
        ),
        (
            format!("[{{name: erp, secrets: {secret}, role: operator, actions: []}}]"),
            "(hidden)",
        ),
        (
            "[{name: erp, role: viewer, actions: []}]".to_owned(),
            "merchant or operator",
        ),
        (
            "[{name: erp, role: merchant, actions: []}]".to_owned(),
            "exactly one owner",
        ),
        (
            "[{name: erp, role: operator, actions: [approve]}]".to_owned(),
            "approve",
        ),
        (
            "[{name: 'E R P', role: operator, actions: []}]".to_owned(),
            "a-z",
        ),
        (
            "[{name: erp, role: operator, actions: []}, {name: erp, role: operator, actions: []}]"
                .to_owned(),
            "twice",
        ),
        (
            format!(
                "[{{name: a, secrets: [{{file: {file}}}], role: operator, actions: []}}, \
                   {{name: b, secrets: [{{file: {file}}}], role: operator, actions: []}}]"
            ),
            "in common",
        ),
    ];
    for (webhooks, words) in table {
        let said = read(&webhooks)
            .err()
            .map(|it| it.to_string())
            .unwrap_or_default();
        assert!(
            !said.is_empty() && said.contains(words),
            "{webhooks}: {said}"
        );
        assert!(!said.contains("whsec_M"), "{said}");
    }
}
