//! An issuer's keys, and whether one of them signed a token. RS256 and ES256 only.
//!
//! Each key is tied to one algorithm when it is read, and the token's header only chooses among keys: it cannot turn a
//! public key into a shared secret, nor switch checking off (RFC 8725 §2.1, §3.1). Pure.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Bytes of a token. Those of large issuers, with many groups, have a few thousand.
const LONGEST: usize = 16 * 1024;
/// Keys that are kept of one issuer.
const MOST: usize = 64;

/// The keys that tokens may be signed with.
#[derive(Default)]
pub(super) struct Keys(Vec<Key>);

struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    public: DecodingKey,
}

/// Why a token's signature is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is signed with a key that is not here; perhaps a newer one.
    NoSuchKey,
    /// It is not to be taken, whatever keys there are.
    Wrong(&'static str),
}

/// The part of a token's header that is read (RFC 7515 §4.1).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

impl Keys {
    /// The usable keys of a JWK set (RFC 7517 §5). Keys of other kinds and for other uses are passed over.
    pub(super) fn read(set: &Value) -> Option<Self> {
        let all = set.get("keys")?.as_array()?;
        Some(Self(all.iter().filter_map(key).take(MOST).collect()))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The claims of a token that one of the keys signed. Nothing is said about them yet.
    pub(super) fn verify(&self, token: &str) -> Result<Map<String, Value>, Fault> {
        let header = header(token).ok_or(Fault::Wrong("the token is neither ours nor a JWT"))?;
        let algorithm = match header.alg.as_str() {
            "RS256" => Algorithm::RS256,
            "ES256" => Algorithm::ES256,
            _ => return Err(Fault::Wrong("the token must be signed with RS256 or ES256")),
        };
        if header.crit.is_some() {
            let why = "the token's header has extensions that are not understood";
            return Err(Fault::Wrong(why));
        }
        let key = self.choose(algorithm, header.kid.as_deref())?;
        let mut signature_only = Validation::new(algorithm);
        signature_only.validate_exp = false;
        signature_only.validate_aud = false;
        signature_only.required_spec_claims = HashSet::new();
        let signed = decode::<Map<String, Value>>(token, &key.public, &signature_only);
        signed
            .map(|it| it.claims)
            .map_err(|_| Fault::Wrong("the token's signature does not hold"))
    }

    /// The key of a header. Where it names none there must be no choice.
    fn choose(&self, algorithm: Algorithm, id: Option<&str>) -> Result<&Key, Fault> {
        let fits = |key: &&Key| {
            key.algorithm == algorithm && id.is_none_or(|id| key.id.as_deref() == Some(id))
        };
        let mut fitting = self.0.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (None, _) => Err(Fault::NoSuchKey),
            (Some(key), None) => Ok(key),
            _ => Err(Fault::Wrong("the token does not say which key signed it")),
        }
    }
}

fn header(token: &str) -> Option<Header> {
    if token.len() > LONGEST || token.split('.').count() != 3 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn key(json: &Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(json.clone()).ok()?;
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(it) if it.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        _ => return None,
    };
    let common = &jwk.common;
    let signs = common
        .public_key_use
        .as_ref()
        .is_none_or(|it| *it == PublicKeyUse::Signature);
    let fits = common.key_algorithm.is_none_or(|it| it == named);
    (signs && fits).then_some(())?;
    Some(Key {
        id: common.key_id.clone(),
        algorithm,
        public: DecodingKey::from_jwk(&jwk).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ec(extra: &Value) -> Value {
        // The public key of RFC 7515, appendix A.3.
        let mut key = json!({
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        for (name, value) in extra.as_object().expect("an object") {
            key[name] = value.clone();
        }
        key
    }

    fn keys(all: &[Value]) -> usize {
        Keys::read(&json!({ "keys": all })).expect("a set").len()
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over() {
        let table = [
            (ec(&json!({})), 1),
            (ec(&json!({"kid": "a", "alg": "ES256", "use": "sig"})), 1),
            (ec(&json!({"use": "enc"})), 0),
            (ec(&json!({"alg": "ES384"})), 0),
            (ec(&json!({"alg": "HS256"})), 0),
            (ec(&json!({"crv": "P-384"})), 0),
            (ec(&json!({"crv": "of tomorrow"})), 0),
            (json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}), 0),
            (json!({"kty": "of tomorrow"}), 0),
        ];
        for (key, usable) in table {
            assert_eq!(keys(std::slice::from_ref(&key)), usable, "{key}");
            assert_eq!(keys(&[key, ec(&json!({"kid": "b"}))]), usable + 1);
        }
        assert!(Keys::read(&json!({"keys": {}})).is_none());
        assert!(Keys::read(&json!([])).is_none());
    }

    #[test]
    fn the_header_chooses_among_keys_and_nothing_else() {
        let two = json!({"keys": [ec(&json!({"kid": "a"})), ec(&json!({"kid": "b"}))]});
        let two = Keys::read(&two).expect("a set");
        let asked = |header: Value| {
            let text = URL_SAFE_NO_PAD.encode(header.to_string());
            two.verify(&format!("{text}.e30.c2ln"))
                .expect_err("unsigned")
        };
        let wrong = |fault| matches!(fault, Fault::Wrong(_));
        assert_eq!(asked(json!({"alg": "ES256", "kid": "c"})), Fault::NoSuchKey);
        assert_eq!(asked(json!({"alg": "RS256", "kid": "a"})), Fault::NoSuchKey);
        assert!(
            wrong(asked(json!({"alg": "ES256", "kid": "a"}))),
            "not signed"
        );
        assert!(
            wrong(asked(json!({"alg": "ES256"}))),
            "two keys, and no choice"
        );
        for alg in ["none", "HS256", "ES384", "RS512", "PS256", "es256", ""] {
            assert!(wrong(asked(json!({"alg": alg, "kid": "a"}))), "{alg}");
        }
        assert!(wrong(asked(
            json!({"alg": "ES256", "kid": "a", "crit": ["b64"]})
        )));
        for text in ["", "a.b", "a.b.c", "e30.e30.e30", "a.b.c.d.e"] {
            assert!(wrong(two.verify(text).expect_err("no token")), "{text}");
        }
    }
}
