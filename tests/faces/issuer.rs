//! An issuer of ID tokens: discovery and JWK set over HTTP, and keys that sign. Made of nothing that the program uses for
//! reading them, so that both cannot share a mistake.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A running issuer. Its thread ends with the test program.
pub(crate) struct Issuer {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    url: String,
    keys: Mutex<Vec<Value>>,
    asked: AtomicUsize,
}

/// A key that signs tokens.
pub(crate) struct Key {
    id: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa(Box<rsa::KeyPair>),
    Ec(EcdsaKeyPair),
}

impl Issuer {
    /// An issuer with these keys at a free port.
    pub(crate) fn start(keys: &[&Key]) -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"), keys)
    }

    pub(crate) fn start_at(address: SocketAddr, keys: &[&Key]) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            url: url.clone(),
            keys: Mutex::default(),
            asked: AtomicUsize::new(0),
        });
        let issuer = Self { url, shared };
        issuer.publish(keys);
        let shared = issuer.shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _gone = shared.answer(stream);
            }
        });
        issuer
    }

    /// Replaces the keys that it shows.
    pub(crate) fn publish(&self, keys: &[&Key]) {
        *self.shared.keys.lock().expect("no panic") = keys.iter().map(|it| it.public()).collect();
    }

    /// How often its keys were fetched.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let first = lines.next().transpose()?.unwrap_or_default();
        while lines.next().transpose()?.is_some_and(|it| !it.is_empty()) {}
        let body = if first.starts_with("GET /.well-known/openid-configuration ") {
            json!({"issuer": self.url, "jwks_uri": format!("{}/keys", self.url)})
        } else {
            self.asked.fetch_add(1, Ordering::SeqCst);
            json!({"keys": *self.keys.lock().expect("no panic")})
        };
        let (body, end) = (body.to_string(), "\r\n");
        write!(
            stream,
            "HTTP/1.1 200 OK{end}content-length: {}{end}connection: close{end}{end}{body}",
            body.len()
        )
    }
}

impl Key {
    pub(crate) fn rsa(id: &'static str) -> Self {
        let pair = rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key");
        Self {
            id,
            pair: Pair::Rsa(Box::new(pair)),
        }
    }

    pub(crate) fn ec(id: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self {
            id,
            pair: Pair::Ec(pair),
        }
    }

    /// The algorithm that it signs with.
    pub(crate) fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
        }
    }

    /// The public key as a JWK.
    pub(crate) fn public(&self) -> Value {
        let mut jwk = json!({"kid": self.id, "use": "sig", "alg": self.algorithm()});
        let mut put = |name: &str, bytes: &[u8]| jwk[name] = URL_SAFE_NO_PAD.encode(bytes).into();
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                put("n", public.modulus().big_endian_without_leading_zero());
                put("e", public.exponent().big_endian_without_leading_zero());
                jwk["kty"] = "RSA".into();
            }
            Pair::Ec(pair) => {
                // An uncompressed point: 4, x, y (SEC 1 §2.3.3).
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                put("x", x);
                put("y", y);
                jwk["kty"] = "EC".into();
                jwk["crv"] = "P-256".into();
            }
        }
        jwk
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(
            &json!({"alg": self.algorithm(), "kid": self.id, "typ": "JWT"}),
            claims,
        )
    }

    /// A token with another header than fits the key.
    pub(crate) fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let text = unsigned(header, claims);
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut bytes = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    text.as_bytes(),
                    &mut bytes,
                )
                .expect("signed");
                bytes
            }
            Pair::Ec(pair) => {
                let signed = pair.sign(&SystemRandom::new(), text.as_bytes());
                signed.expect("signed").as_ref().to_vec()
            }
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Header and claims, as they are signed.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |it: &Value| URL_SAFE_NO_PAD.encode(it.to_string());
    format!("{}.{}", part(header), part(claims))
}
