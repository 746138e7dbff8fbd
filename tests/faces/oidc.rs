//! ID tokens of an issuer that is trusted: which are taken, and what they open.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::issuer::{Issuer, Key, unsigned};
use crate::support::eventually;
use crate::wire::Dev;

const SOON: Duration = Duration::from_secs(30);

fn trusting(issuer: &str) -> Dev {
    Dev::serve(&json!({"auth": {"oidc": {
        "issuer": issuer, "audience": "fleet", "roleClaim": "groups", "ownerClaim": "org",
        "roles": {"shops": "merchant", "watch": "viewer", "ops": "operator"},
    }}}))
}

/// Claims that are good now; `change` is laid over them, and null takes one away.
fn claims(issuer: &str, change: &Value) -> Value {
    let now = Timestamp::now().as_second();
    let mut claims = json!({
        "iss": issuer, "aud": "fleet", "sub": "ann", "groups": ["shops"], "org": "alice",
        "iat": now, "exp": now + 300,
    });
    json_patch::merge(&mut claims, change);
    claims
}

#[test]
fn good_tokens_open_what_their_claims_say() {
    let keys = [Key::rsa("r1"), Key::ec("e1")];
    let issuer = Issuer::start(&[&keys[0], &keys[1]]);
    let dev = trusting(&issuer.url);
    let now = Timestamp::now().as_second();
    let good = [
        json!({}),
        json!({"aud": ["other", "fleet"]}),
        json!({"exp": now - 30}),
        json!({"nbf": now + 30, "iat": now + 30}),
        json!({"groups": "watch", "org": null}),
    ];
    for key in &keys {
        for change in &good {
            let token = key.sign(&claims(&issuer.url, change));
            let reply = dev.bearing(&token, "GET", "/api/v1/stores", "");
            assert_eq!(reply.status, 200, "{} {change}: {reply:?}", key.algorithm());
        }
    }
    assert_eq!(issuer.asked(), 1, "its keys are kept");

    // The claims' owner and role count, and the subject is what Git will name.
    let merchant = keys[0].sign(&claims(&issuer.url, &json!({})));
    let shop = json!({"name": "shop", "engine": "woocommerce"}).to_string();
    let made = dev.bearing(&merchant, "POST", "/api/v1/stores", &shop);
    assert_eq!(
        (made.status, &made.json()["requester"]),
        (202, &"oidc:ann".into()),
        "{made:?}"
    );
    let other = keys[1].sign(&claims(&issuer.url, &json!({"sub": "bob", "org": "bob"})));
    let hidden = dev.bearing(&other, "GET", "/api/v1/stores/shop", "");
    hidden.assert_problem(404);
    let viewer = keys[1].sign(&claims(&issuer.url, &json!({"groups": ["watch"]})));
    assert_eq!(
        dev.bearing(&viewer, "GET", "/api/v1/stores/shop", "")
            .status,
        200
    );
    dev.bearing(&viewer, "DELETE", "/api/v1/stores/shop", "")
        .assert_problem(403);

    // The dashboard takes it as well.
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let entered = dev.anonymous("POST", "/sign-in", &form, &format!("token={viewer}"));
    assert_eq!((entered.status, entered.header("location")), (303, "/"));

    let said = dev.server.said();
    assert!(
        said.contains("oidc:ann"),
        "requests are logged with their caller"
    );
    for token in [&merchant, &other, &viewer] {
        let signature = token.rsplit('.').next().expect("three parts");
        assert!(!said.contains(signature), "no token is logged");
    }
}

#[test]
fn other_tokens_open_nothing() {
    let (rsa, ec) = (Key::rsa("r1"), Key::ec("e1"));
    let issuer = Issuer::start(&[&rsa, &ec]);
    let dev = trusting(&issuer.url);
    let now = Timestamp::now().as_second();
    let with = |change: &Value| claims(&issuer.url, change);
    let fine = with(&json!({}));
    let mut table: Vec<(String, String)> = [
        json!({"aud": "other"}),
        json!({"aud": null}),
        json!({"iss": "http://127.0.0.1:1"}),
        json!({"iss": null}),
        json!({"exp": now - 90}),
        json!({"exp": null}),
        json!({"nbf": now + 120}),
        json!({"iat": now + 120}),
        json!({"sub": null}),
    ]
    .iter()
    .map(|change| (change.to_string(), rsa.sign(&with(change))))
    .collect();
    let none = unsigned(&json!({"alg": "none"}), &fine);
    table.push(("no signature".to_owned(), format!("{none}.")));
    for alg in ["none", "None", "HS256"] {
        let header = json!({"alg": alg, "kid": "r1"});
        table.push((alg.to_owned(), rsa.sign_as(&header, &fine)));
    }
    let head = json!({"alg": "ES256", "kid": "r1"});
    table.push((
        "another algorithm than the key's".to_owned(),
        ec.sign_as(&head, &fine),
    ));
    let head = json!({"alg": "RS256", "kid": "r1"});
    let forged = Key::rsa("r1").sign_as(&head, &fine);
    table.push(("another key of that name".to_owned(), forged));
    let signed = rsa.sign(&fine);
    let (start, signature) = signed.rsplit_once('.').expect("three parts");
    let more = unsigned(&head, &with(&json!({"groups": ["ops"]})));
    table.push((
        "claims of another token".to_owned(),
        format!("{more}.{signature}"),
    ));
    table.push(("cut short".to_owned(), start.to_owned()));
    for (name, secret) in public_as_secrets(&rsa) {
        let text = unsigned(&json!({"alg": "HS256", "kid": "r1"}), &fine);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), text.as_bytes());
        let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag));
        table.push((format!("HS256 with the {name}"), token));
    }
    for (what, token) in &table {
        let reply = dev.bearing(token, "GET", "/api/v1/stores", "");
        assert_eq!(reply.status, 401, "{what}: {reply:?}");
        reply.assert_problem(401);
        assert!(
            reply.header("www-authenticate").contains("invalid_token"),
            "{what}"
        );
    }
    for change in [
        json!({"groups": []}),
        json!({"groups": ["root"]}),
        json!({"org": null}),
    ] {
        let reply = dev.bearing(&rsa.sign(&with(&change)), "GET", "/api/v1/stores", "");
        reply.assert_problem(403);
        assert!(reply.text.contains("ask an admin"), "{change}: {reply:?}");
    }
    assert_eq!(
        dev.bearing(&signed, "GET", "/api/v1/stores", "").status,
        200,
        "the rest is fine"
    );
}

/// What somebody could take for the secret of an HMAC who has seen the public key only.
fn public_as_secrets(key: &Key) -> Vec<(&'static str, Vec<u8>)> {
    let jwk = key.public();
    let n = jwk["n"].as_str().expect("a modulus");
    vec![
        ("modulus", URL_SAFE_NO_PAD.decode(n).expect("base64")),
        ("modulus in base64", n.as_bytes().to_vec()),
        ("JWK", jwk.to_string().into_bytes()),
        ("empty key", Vec::new()),
    ]
}

#[test]
fn keys_are_rotated_and_made_up_ones_do_not_hammer_the_issuer() {
    let (old, new) = (Key::rsa("old"), Key::ec("new"));
    let issuer = Issuer::start(&[&old]);
    let dev = trusting(&issuer.url);
    let fine = claims(&issuer.url, &json!({}));
    let status = |key: &Key| {
        dev.bearing(&key.sign(&fine), "GET", "/api/v1/stores", "")
            .status
    };
    assert_eq!((status(&old), status(&new)), (200, 401));

    issuer.publish(&[&new]);
    eventually("the new key is taken", SOON, || match status(&new) {
        200 => Ok(()),
        other => Err(other.to_string()),
    });
    assert_eq!(
        status(&old),
        401,
        "a key that was withdrawn is good no longer"
    );

    let (before, began) = (issuer.asked(), Instant::now());
    std::thread::scope(|threads| {
        for thread in 0..4 {
            let (dev, new, fine) = (&dev, &new, &fine);
            threads.spawn(move || {
                for count in 0..25 {
                    let head = json!({"alg": "ES256", "kid": format!("k{thread}-{count}")});
                    let token = new.sign_as(&head, fine);
                    assert_eq!(dev.bearing(&token, "GET", "/api/v1/stores", "").status, 401);
                }
            });
        }
    });
    let more = (issuer.asked() - before) as u64;
    let most = 2 + began.elapsed().as_secs() / 5;
    assert!(
        more <= most,
        "100 unknown keys made {more} fetches, not {most}"
    );
    assert_eq!(status(&new), 200);
}

#[test]
fn an_issuer_that_is_down_holds_nothing_up() {
    let key = Key::ec("e1");
    let port = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = port.local_addr().expect("an address");
    drop(port);
    let url = format!("http://{address}");
    let dev = trusting(&url);
    let token = key.sign(&claims(&url, &json!({})));
    let health = || dev.get("/api/health").json();
    eventually("the trouble is shown", SOON, || {
        let health = health();
        let told = health["checks"]["oidc"]["message"]
            .as_str()
            .unwrap_or("")
            .contains(&url);
        let shown = health["status"] == "degraded" && told;
        shown.then_some(()).ok_or_else(|| health.to_string())
    });
    let reply = dev.bearing(&token, "GET", "/api/v1/stores", "");
    reply.assert_problem(503);
    assert!(!reply.header("retry-after").is_empty());
    assert_eq!(
        dev.get("/api/v1/stores").status,
        200,
        "our own tokens are as good as ever"
    );

    let _issuer = Issuer::start_at(address, &[&key]);
    eventually("its tokens are taken", SOON, || {
        match dev.bearing(&token, "GET", "/api/v1/stores", "").status {
            200 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    let oidc = health()["checks"]["oidc"].clone();
    assert_eq!(
        (&oidc["status"], &oidc["keys"]),
        (&"ok".into(), &1.into()),
        "{oidc}"
    );
}
