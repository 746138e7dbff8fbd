//! An App's tokens: asked for narrowly, kept, renewed in time and when they are refused.

use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fleetwright::forge::{Access, Features, Forge, ForgeError, Identity};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::hands::Hands;
use crate::responder::{Reply, Responder, Seen, pull};

const MINT: &str = "POST /app/installations/42/access_tokens";
const FIND: &str = "GET /repos/shop/fleet/installation";

/// One key for all: making one takes a while.
static KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let body = STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n").into_bytes()
});

fn app(server: &Responder, hands: &Hands) -> Access {
    let mut access = server.access("");
    access.clock = hands.clock();
    access.features = Features {
        comments: true,
        teams: false,
    };
    access.identity = Identity::App {
        id: 7,
        private_key: KEY.clone(),
        installation: None,
    };
    access
}

/// A GitHub whose tokens are `token-1`, `token-2` and so on, of which it takes those that `good` does.
fn github(
    good: fn(&str) -> bool,
    life: SignedDuration,
) -> impl Fn(&Seen, usize) -> Reply + Send + Sync {
    move |seen, before| match seen.line.as_str() {
        FIND => Reply::Json(200, json!({"id": 42})),
        MINT => {
            let expires = (Timestamp::now() + life).to_string();
            let token = format!("token-{}", before + 1);
            Reply::Json(201, json!({"token": token, "expires_at": expires}))
        }
        _ if good(&seen.token) => Reply::Json(200, pull(7, "b")),
        _ => Reply::Json(401, json!({"message": "Bad credentials"})),
    }
}

fn count(server: &Responder, line: &str) -> usize {
    server.lines().iter().filter(|it| *it == line).count()
}

#[tokio::test]
async fn a_token_is_narrow_and_minted_once_for_all_who_wait() {
    let hour = SignedDuration::from_hours(1);
    let server = Responder::start(github(|_| true, hour)).await;
    let forge = Forge::connect(app(&server, &Hands::default())).unwrap();
    // when ten ask at once
    let asking = (0..10).map(|_| forge.token());
    let tokens = futures::future::join_all(asking).await;
    // then
    assert!(
        tokens.iter().all(|it| it.as_deref() == Ok("token-1")),
        "{tokens:?}"
    );
    assert_eq!((count(&server, FIND), count(&server, MINT)), (1, 1));
    let minted = server
        .seen()
        .into_iter()
        .find(|it| it.line == MINT)
        .unwrap();
    let wanted = json!({"repositories": ["fleet"], "permissions": {
        "metadata": "read", "contents": "write", "pull_requests": "write", "checks": "write", "statuses": "write",
        "issues": "write",
    }});
    assert_eq!(minted.body, wanted);
    let claims = claims(&minted.token);
    assert_eq!(claims["iss"], json!(7));
    let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!(life <= 600, "{life}");
}

/// What a signed token says; the forge checks the signature, here it is believed.
fn claims(bearer: &str) -> Value {
    let body = bearer.split('.').nth(1).unwrap();
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(body)
        .unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let hour = SignedDuration::from_hours(1);
    let server = Responder::start(github(|_| true, hour)).await;
    let hands = Hands::default();
    let forge = Forge::connect(app(&server, &hands)).unwrap();
    assert_eq!(forge.token().await.unwrap(), "token-1");
    hands.advance(Duration::from_mins(54));
    assert_eq!(forge.token().await.unwrap(), "token-1");
    hands.advance(Duration::from_mins(2));
    assert_eq!(forge.token().await.unwrap(), "token-2");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    // given a GitHub that has withdrawn the first token
    let hour = SignedDuration::from_hours(1);
    let server = Responder::start(github(|token| token != "Bearer token-1", hour)).await;
    let forge = Forge::connect(app(&server, &Hands::default())).unwrap();
    assert_eq!(forge.pull(7).await.unwrap().number, 7);
    assert_eq!(count(&server, MINT), 2);

    // given one that takes none
    let server = Responder::start(github(|_| false, hour)).await;
    let forge = Forge::connect(app(&server, &Hands::default())).unwrap();
    let error = forge.pull(7).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unauthorized(_)), "{error}");
    assert_eq!(count(&server, MINT), 2);
}

#[tokio::test]
async fn the_old_token_is_used_while_no_new_one_is_to_be_had() {
    let server = Responder::start(|seen, before| match seen.line.as_str() {
        MINT if before > 0 => Reply::Json(503, json!({"message": "Service Unavailable"})),
        _ => github(|_| true, SignedDuration::from_hours(1))(seen, before),
    })
    .await;
    let hands = Hands::default();
    let forge = Forge::connect(app(&server, &hands)).unwrap();
    assert_eq!(forge.token().await.unwrap(), "token-1");
    hands.advance(Duration::from_mins(57));
    assert_eq!(forge.token().await.unwrap(), "token-1");
    hands.advance(Duration::from_mins(3));
    let error = forge.token().await.unwrap_err();
    assert!(matches!(error, ForgeError::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn an_app_that_is_set_up_wrong_is_told_what_to_do() {
    let cases = [
        (
            FIND,
            404,
            "Not Found",
            "the App is not installed in shop/fleet",
        ),
        (
            FIND,
            401,
            "A JSON web token could not be decoded",
            "compare the App's id and private key",
        ),
        (
            MINT,
            403,
            "This installation has been suspended",
            "resume the App's installation",
        ),
        (
            MINT,
            422,
            "The permissions requested are not granted to this installation.",
            "serve --check",
        ),
    ];
    for (line, status, message, words) in cases {
        let server = Responder::start(move |seen, before| {
            if seen.line == line {
                return Reply::Json(status, json!({"message": message}));
            }
            github(|_| true, SignedDuration::from_hours(1))(seen, before)
        })
        .await;
        let error = Forge::connect(app(&server, &Hands::default()))
            .unwrap()
            .token()
            .await
            .unwrap_err();
        assert!(error.to_string().contains(words), "{status}: {error}");
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_not_quoted() {
    let server = Responder::start(|_, _| Reply::Nothing).await;
    let mut access = app(&server, &Hands::default());
    access.identity = Identity::App {
        id: 7,
        private_key: b"-----BEGIN RSA PRIVATE KEY-----\nsecret\n-----END RSA PRIVATE KEY-----\n"
            .to_vec(),
        installation: None,
    };
    let error = Forge::connect(access).unwrap_err();
    assert!(
        matches!(&error, ForgeError::Setup(_)) && !error.to_string().contains("secret"),
        "{error}"
    );
}
