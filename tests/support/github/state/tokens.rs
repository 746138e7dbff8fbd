//! The App with its key, and the tokens that callers bring.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use jiff::Timestamp;

/// How much of one permission: nothing of it is no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Read,
    Write,
}

impl Level {
    /// Its name in the REST API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// Reads [`Level::name`].
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "read" => Some(Self::Read),
            "write" | "admin" => Some(Self::Write),
            _ => None,
        }
    }
}

/// Permissions by their names in the REST API.
pub(crate) type Permissions = BTreeMap<String, Level>;

/// A GitHub App, installed on the owner's account.
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) slug: String,
    /// The account that acts for it.
    pub(crate) bot: u64,
    pub(crate) installation: u64,
    pub(crate) permissions: Permissions,
    pub(crate) webhook_secret: String,
    /// The private key as GitHub hands it out: PKCS#1 in PEM.
    pub(crate) key_file: PathBuf,
    /// The public key: PKCS#1 in DER.
    pub(crate) public_key: Vec<u8>,
}

impl App {
    /// An App; one whose key is wanted writes it below `secrets`.
    pub(crate) fn new(
        id: u64,
        slug: &str,
        permissions: Permissions,
        secrets: Option<&Path>,
    ) -> Self {
        let mut app = Self {
            id,
            slug: slug.to_owned(),
            bot: id + 10_000_000,
            installation: id + 20_000_000,
            permissions,
            webhook_secret: random("whsec_"),
            key_file: PathBuf::new(),
            public_key: Vec::new(),
        };
        if let Some(secrets) = secrets {
            app.make_key(secrets);
        }
        app
    }

    fn make_key(&mut self, secrets: &Path) {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key can be made");
        let der = AsDer::<Pkcs8V1Der>::as_der(&pair).expect("a key has a form");
        self.public_key = pair.public_key().as_ref().to_vec();
        self.key_file = secrets.join("app.private-key.pem");
        std::fs::write(&self.key_file, pkcs1_pem(der.as_ref())).expect("the key can be written");
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&self.key_file, private).expect("the key can be hidden");
    }
}

/// Takes the RSA key out of its PKCS#8 envelope (RFC 5208): GitHub hands out the inner form.
fn pkcs1_pem(pkcs8: &[u8]) -> String {
    // SEQUENCE, version and algorithm have these lengths for every RSA key of 2,048 bits; then an OCTET STRING.
    const ENVELOPE: usize = 4 + 3 + 15 + 4;
    assert_eq!(pkcs8[ENVELOPE - 4..ENVELOPE - 2], [0x04, 0x82]);
    let text = base64::engine::general_purpose::STANDARD.encode(&pkcs8[ENVELOPE..]);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|it| std::str::from_utf8(it).expect("base64"))
        .collect();
    format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n",
        lines.join("\n")
    )
}

/// Whose a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The App's installation.
    Installation,
    /// A person, by a fine-grained token.
    Person(u64),
}

/// A token.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) owner: Owner,
    pub(crate) permissions: Permissions,
    /// When it ends; never, for a person's.
    pub(crate) expires: Option<Timestamp>,
    /// Whether it reaches the repository.
    pub(crate) reaches: bool,
}

/// A random text behind a prefix.
pub(crate) fn random(prefix: &str) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut bytes = [0_u8; 36];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
    format!("{prefix}{}", bytes.iter().map(letter).collect::<String>())
}

fn permissions(names: &[(&str, Level)]) -> Permissions {
    let owned = names
        .iter()
        .map(|(name, level)| ((*name).to_owned(), *level));
    owned.collect()
}

/// What Fleetwright's App asks for.
pub(crate) fn usual() -> Permissions {
    permissions(&[
        ("checks", Level::Write),
        ("contents", Level::Write),
        ("issues", Level::Write),
        ("members", Level::Read),
        ("merge_queues", Level::Read),
        ("metadata", Level::Read),
        ("pull_requests", Level::Write),
        ("statuses", Level::Write),
    ])
}

/// What a fine-grained token of a person can hold; checks are not among it.
pub(crate) fn personal(admin: bool) -> Permissions {
    let mut all = permissions(&[
        ("contents", Level::Write),
        ("issues", Level::Write),
        ("members", Level::Read),
        ("metadata", Level::Read),
        ("pull_requests", Level::Write),
        ("statuses", Level::Write),
    ]);
    if admin {
        all.insert("administration".to_owned(), Level::Write);
    }
    all
}

/// All there is here.
pub(crate) fn everything() -> Permissions {
    let mut all = usual();
    all.insert("administration".to_owned(), Level::Write);
    all
}
