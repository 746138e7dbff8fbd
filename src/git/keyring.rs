//! Which keys count: checking commit signatures, and the keys that are trusted, each for its purpose.
//!
//! Must not know: where keys are kept. Pure.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use ssh_key::{Algorithm, HashAlg, PublicKey, SshSig};

use super::keys::{KeyError, NAMESPACE};

/// What a trusted key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyRole {
    /// Signs main and proposals; no cluster trusts it.
    Main,
    /// Signs deploy branches; clusters trust it.
    Deploy,
    /// Signs deploy branches by hand in an emergency; clusters trust it.
    BreakGlass,
}

/// The keys whose signatures count, past ones included.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    /// By fingerprint: the role, and the public key as one line.
    keys: BTreeMap<String, (KeyRole, String)>,
}

impl KeyRing {
    /// A ring that trusts nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts a public key (`ssh-ed25519 AAAA… comment`) in one role; the last word on a key counts.
    ///
    /// # Errors
    /// [`KeyError::Unusable`] when the line is no public key.
    pub fn trust(&mut self, role: KeyRole, public_line: &str) -> Result<(), KeyError> {
        let line = public_line.trim();
        let key = PublicKey::from_openssh(line).map_err(|error| KeyError::Unusable {
            what: format!(
                "the public key {:?}",
                line.chars().take(80).collect::<String>()
            ),
            source: Some(error.into()),
        })?;
        self.keys.insert(
            key.fingerprint(HashAlg::Sha256).to_string(),
            (role, line.to_owned()),
        );
        Ok(())
    }

    /// The role of the key with this fingerprint (`SHA256:…`), if it is trusted.
    pub fn role(&self, fingerprint: &str) -> Option<KeyRole> {
        self.keys.get(fingerprint).map(|(role, _)| *role)
    }

    /// The text of a `gpg.ssh.allowedSignersFile` with which `git verify-commit` accepts what this ring accepts, under
    /// the name `principal` (see `ALLOWED SIGNERS` in ssh-keygen(1)).
    pub fn allowed_signers(&self, principal: &str) -> String {
        let signer = |(_, line): &(KeyRole, String)| {
            format!("{principal} namespaces=\"{NAMESPACE}\" {line}\n")
        };
        self.keys.values().map(signer).collect()
    }
}

/// The fingerprint of the key that made `signature` over exactly `bytes`; `None` when it does not hold, was made for
/// another purpose, or is no Ed25519 signature of ssh's.
pub(super) fn signer(signature: &str, bytes: &[u8]) -> Option<String> {
    let signature = SshSig::from_pem(signature).ok()?;
    let for_git = signature.namespace() == NAMESPACE && signature.reserved().is_empty();
    if !for_git || signature.algorithm() != Algorithm::Ed25519 {
        return None;
    }
    let key = signature.public_key();
    let signed = SshSig::signed_data(NAMESPACE, signature.hash_alg(), bytes).ok()?;
    UnparsedPublicKey::new(&ED25519, key.ed25519()?.as_ref())
        .verify(&signed, signature.signature_bytes())
        .ok()?;
    Some(key.fingerprint(HashAlg::Sha256).to_string())
}
