//! The key that signs commits: an Ed25519 key in OpenSSH's format, as `ssh-keygen` writes it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::signature::Ed25519KeyPair;
use ssh_key::private::Ed25519Keypair;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, Signature, SshSig};

use super::error::Cause;

/// Signatures of commits are made and checked in this namespace (Git's documentation of `gpg.ssh`).
pub(super) const NAMESPACE: &str = "git";

/// Why a key could not be read, made or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("could not {doing} the key file {}", path.display())]
    File {
        /// What was tried, as in "could not …".
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The text is no key that we can use.
    #[error(
        "{what} is no Ed25519 key without passphrase in OpenSSH format: make one with `ssh-keygen -t ed25519 -N ''`"
    )]
    Unusable {
        /// Where the text came from.
        what: String,
        /// The parser's reason, if it gave one.
        #[source]
        source: Option<Cause>,
    },
    /// The system gives no random numbers, or signing failed.
    #[error("could not {doing}")]
    Crypto {
        /// What was tried, as in "could not …".
        doing: &'static str,
        /// The library's reason.
        #[source]
        source: Cause,
    },
}

/// A private key that signs commits. `Debug` shows its fingerprint only.
#[derive(Clone)]
pub struct SigningKey {
    /// Signs: several times as fast as the library that reads the key.
    pair: Arc<Ed25519KeyPair>,
    public: PublicKey,
    public_line: String,
    fingerprint: String,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SigningKey")
            .field(&self.fingerprint())
            .finish()
    }
}

impl SigningKey {
    /// Reads a private key file.
    ///
    /// # Errors
    /// [`KeyError::File`] when it cannot be read, [`KeyError::Unusable`] for another kind of key or one with a
    /// passphrase.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let text = fs::read_to_string(path);
        let text = text.map_err(|source| KeyError::File {
            doing: "read",
            path: path.to_owned(),
            source,
        })?;
        let unusable = |source| KeyError::Unusable {
            what: path.display().to_string(),
            source,
        };
        let key = PrivateKey::from_openssh(&text).map_err(|error| unusable(Some(error.into())))?;
        if key.is_encrypted() || key.algorithm() != Algorithm::Ed25519 {
            return Err(unusable(None));
        }
        let pair = key.key_data().ed25519().ok_or_else(|| unusable(None))?;
        Self::of(pair, key.public_key()).map_err(|error| unusable(Some(error)))
    }

    fn of(pair: &Ed25519Keypair, public: &PublicKey) -> Result<Self, Cause> {
        let (secret, known) = (pair.private.as_ref(), pair.public.as_ref());
        Ok(Self {
            pair: Arc::new(Ed25519KeyPair::from_seed_and_public_key(secret, known)?),
            public_line: public.to_openssh()?,
            fingerprint: public.fingerprint(HashAlg::Sha256).to_string(),
            public: public.clone(),
        })
    }

    /// Makes a new key and writes it to `path` (mode 0600), and its public half to `path` with `.pub` added.
    ///
    /// # Errors
    /// [`KeyError::File`] when a file is there already or cannot be written.
    pub fn generate(path: &Path, comment: &str) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| KeyError::Crypto {
            doing: "get random numbers for a new key",
            source: error.into(),
        })?;
        let pair = Ed25519Keypair::from_seed(&seed);
        let failed = |source: Cause| KeyError::Crypto {
            doing: "encode a new key",
            source,
        };
        let made = PrivateKey::new(pair.clone().into(), comment);
        let key = made.map_err(|error| failed(error.into()))?;
        let this = Self::of(&pair, key.public_key()).map_err(failed)?;
        let text = key
            .to_openssh(LineEnding::LF)
            .map_err(|error| failed(error.into()))?;
        write_new(path, text.as_bytes())?;
        let public = path.with_added_extension("pub");
        let written = fs::write(&public, format!("{}\n", this.public_line));
        written.map_err(|source| KeyError::File {
            doing: "write",
            path: public,
            source,
        })?;
        Ok(this)
    }

    /// The key at `path`, made there first when there is none.
    ///
    /// # Errors
    /// As [`load`](Self::load) and [`generate`](Self::generate).
    pub fn load_or_generate(path: &Path, comment: &str) -> Result<Self, KeyError> {
        if path.exists() {
            Self::load(path)
        } else {
            Self::generate(path, comment)
        }
    }

    /// The public half as one line, `ssh-ed25519 AAAA… comment`, without a line feed.
    pub fn public_line(&self) -> &str {
        &self.public_line
    }

    /// The public half's fingerprint, as `ssh-keygen -l` prints it: `SHA256:…`.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The armoured SSH signature over `bytes`, for a commit's `gpgsig` header.
    pub(super) fn sign(&self, bytes: &[u8]) -> Result<String, KeyError> {
        let text = self.signature(bytes);
        text.map_err(|error| KeyError::Crypto {
            doing: "sign a commit",
            source: error.into(),
        })
    }

    fn signature(&self, bytes: &[u8]) -> Result<String, ssh_key::Error> {
        let hash = HashAlg::Sha512;
        let signed = SshSig::signed_data(NAMESPACE, hash, bytes)?;
        let signature = self.pair.sign(&signed);
        let signature = Signature::new(Algorithm::Ed25519, signature.as_ref())?;
        let key = self.public.key_data().clone();
        SshSig::new(key, NAMESPACE, hash, signature)?.to_pem(LineEnding::LF)
    }
}

/// Writes a private file that was not there before; after a crash it is there whole or not at all.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let failed = |source| KeyError::File {
        doing: "write",
        path: path.to_owned(),
        source,
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    // A named temporary file has mode 0600 from the start.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist_noclobber(path)
        .map_err(|error| failed(error.error))?;
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/main");
        let made = SigningKey::load_or_generate(&path, "fleetwright main").unwrap();
        let read = SigningKey::load_or_generate(&path, "other").unwrap();
        assert_eq!(read.public_line(), made.public_line());
        assert!(made.public_line().starts_with("ssh-ed25519 AAAA"));
        assert!(made.public_line().ends_with(" fleetwright main"));
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let public = fs::read_to_string(folder.path().join("keys/main.pub")).unwrap();
        assert_eq!(public, format!("{}\n", made.public_line()));
        assert!(matches!(
            SigningKey::generate(&path, "x"),
            Err(KeyError::File { doing: "write", .. })
        ));
        fs::write(&path, "no key").unwrap();
        assert!(matches!(
            SigningKey::load(&path),
            Err(KeyError::Unusable { .. })
        ));
    }
}
