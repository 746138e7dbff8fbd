//! Signatures as the product makes them: for the history of prepared fleets, and to see what one costs.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use aws_lc_rs::signature::Ed25519KeyPair;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, Signature, SshSig};

/// Signatures in one sample of their cost.
const SAMPLE: usize = 100;

/// A key that signs commits.
pub(crate) struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl Signer {
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let key = PrivateKey::from_openssh(std::fs::read(path)?)?;
        let pair = key.key_data().ed25519().context("an Ed25519 key")?;
        let (secret, known) = (pair.private.as_ref(), pair.public.as_ref());
        Ok(Self {
            pair: Ed25519KeyPair::from_seed_and_public_key(secret, known)?,
            public: key.public_key().clone(),
        })
    }

    /// The armoured SSH signature over a commit.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Result<String> {
        let signed = SshSig::signed_data("git", HashAlg::Sha512, bytes)?;
        let signature = self.pair.sign(&signed);
        let signature = Signature::new(Algorithm::Ed25519, signature.as_ref())?;
        let public = self.public.key_data().clone();
        Ok(SshSig::new(public, "git", HashAlg::Sha512, signature)?.to_pem(LineEnding::LF)?)
    }

    /// Seconds that one signature over a text of this length takes: the median of samples.
    pub(crate) fn cost(&self, length: usize, samples: usize) -> Result<f64> {
        let text = vec![b'x'; length];
        let mut taken = Vec::new();
        for _ in 0..samples {
            let began = Instant::now();
            for _ in 0..SAMPLE {
                black_box(self.sign(black_box(&text))?);
            }
            taken.push(began.elapsed().as_secs_f64() / f64::from(u32::try_from(SAMPLE)?));
        }
        Ok(crate::stats::percentile(&taken, 0.5))
    }
}
