//! Which keys count: checking commit signatures, and the keys that are trusted, each for its purpose.
//!
//! Must not know: where keys are kept. Pure.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use ed25519_dalek::{Signature, VerifyingKey};
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

/// What claims to be an ssh signature for Git: which key would have signed what. Nothing is checked yet.
pub(super) struct Claim {
    fingerprint: String,
    key: [u8; 32],
    signed: Vec<u8>,
    signature: [u8; 64],
}

impl Claim {
    /// Reads a signature over `bytes`. `None` when it was made for another purpose, or is no Ed25519 signature of ssh's.
    pub(super) fn read(signature: &str, bytes: &[u8]) -> Option<Self> {
        let signature = SshSig::from_pem(signature).ok()?;
        let for_git = signature.namespace() == NAMESPACE && signature.reserved().is_empty();
        if !for_git || signature.algorithm() != Algorithm::Ed25519 {
            return None;
        }
        let key = signature.public_key();
        Some(Self {
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
            key: *key.ed25519()?.as_ref(),
            signed: SshSig::signed_data(NAMESPACE, signature.hash_alg(), bytes).ok()?,
            signature: signature.signature_bytes().try_into().ok()?,
        })
    }

    /// The fingerprint of the key that made it; `None` when it does not hold.
    pub(super) fn signer(&self) -> Option<String> {
        let key = UnparsedPublicKey::new(&ED25519, self.key);
        key.verify(&self.signed, &self.signature).ok()?;
        Some(self.fingerprint.clone())
    }
}

/// How many signatures are checked at once. More gain little.
const TOGETHER: usize = 128;

/// As [`Claim::signer`] for each of them: together, which takes less than half the time, and one by one where not all of
/// them hold.
///
/// Checked together, a signature with a part of small order can pass that fails alone. Nobody but the holder of the key can
/// make one (RFC 8032, 5.1.7, allows both ways).
pub(super) fn signers(claims: &[Option<Claim>]) -> Vec<Option<String>> {
    let some = claims.chunks(TOGETHER).flat_map(|some| {
        let all_hold = hold_together(some.iter().flatten());
        some.iter().map(move |claim| match claim {
            Some(claim) if all_hold => Some(claim.fingerprint.clone()),
            claim => claim.as_ref()?.signer(),
        })
    });
    some.collect()
}

fn hold_together<'a>(claims: impl Iterator<Item = &'a Claim>) -> bool {
    let (mut keys, mut messages, mut signatures) = (Vec::new(), Vec::new(), Vec::new());
    for claim in claims {
        let Ok(key) = VerifyingKey::from_bytes(&claim.key) else {
            return false;
        };
        keys.push(key);
        messages.push(claim.signed.as_slice());
        signatures.push(Signature::from_bytes(&claim.signature));
    }
    ed25519_dalek::verify_batch(&messages, &signatures, &keys).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::SigningKey;

    #[test]
    fn of_many_signatures_only_those_hold_that_hold_alone() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::generate(&folder.path().join("key"), "test").unwrap();
        let texts: Vec<String> = (0..300).map(|n| format!("text {n}")).collect();
        let signed: Vec<String> = texts
            .iter()
            .map(|text| key.sign(text.as_bytes()).unwrap())
            .collect();
        let by = Some(key.fingerprint().to_owned());
        // one is over another text, one is no signature
        for broken in [None, Some(0), Some(150), Some(299)] {
            let claim = |n: usize| match broken {
                Some(broken) if broken == n => Claim::read(&signed[n], b"another text"),
                _ if n == 200 => Claim::read("no signature", texts[n].as_bytes()),
                _ => Claim::read(&signed[n], texts[n].as_bytes()),
            };
            let alone: Vec<_> = (0..300).map(|n| claim(n)?.signer()).collect();
            let together = signers(&(0..300).map(claim).collect::<Vec<_>>());
            assert_eq!(together, alone);
            let holds = together.iter().filter(|it| **it == by).count();
            assert_eq!(holds, 299 - usize::from(broken.is_some()));
        }
        assert!(signers(&[]).is_empty());
    }
}
