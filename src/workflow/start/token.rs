//! Tokens that lie in files of the data folder, for the person who runs the server: made once, checked before a network
//! is let in.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::StartError;
use crate::domain::record::hex;

/// The file of the admin token.
const ADMIN_TOKEN: &str = "admin.token";
/// The file of the password under which `dev` serves the fleet repository on a network.
pub(in crate::workflow) const REPOSITORY_TOKEN: &str = "git.token";

/// Characters of a token that nobody guesses. Ours have 47.
const LEAST: usize = 32;

/// The admin token, from its file. A new one where there is none yet.
pub(super) fn admin_token(data: &Path) -> Result<String, StartError> {
    kept_token(&data.join(ADMIN_TOKEN))
}

/// Whether the tokens in a data folder are secrets indeed: nobody else on the machine can read them, nobody can guess
/// them. Files that are not there yet will be made so.
pub(in crate::workflow) fn check_kept_tokens(data: &Path) -> Result<(), StartError> {
    for name in [ADMIN_TOKEN, REPOSITORY_TOKEN] {
        let path = data.join(name);
        let Ok(about) = std::fs::metadata(&path) else {
            continue;
        };
        let token = std::fs::read_to_string(&path).unwrap_or_default();
        let length = token.trim().chars().count();
        let why = if about.permissions().mode() & 0o007 != 0 {
            "everybody on this machine can read it: take that away with chmod o="
        } else if (1..LEAST).contains(&length) {
            "it is short enough to be guessed: delete the file, and the next start makes a new one"
        } else {
            continue;
        };
        return Err(StartError::OpenToken {
            path: path.display().to_string(),
            why,
        });
    }
    Ok(())
}

/// The token in a file; a new one where there is none yet.
pub(in crate::workflow) fn kept_token(path: &Path) -> Result<String, StartError> {
    let there = std::fs::read_to_string(path).unwrap_or_default();
    let there = there.trim();
    if !there.is_empty() {
        return Ok(there.to_owned());
    }
    let token = new_token();
    write_secret(path, &token)?;
    Ok(token)
}

/// A token that nobody guesses: 256 random bits.
pub(in crate::workflow) fn new_token() -> String {
    use base64::Engine;
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    format!(
        "fwt_{}",
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    )
}

/// What is kept of a token: its SHA-256, in hex. It needs no salt: there is nothing to guess.
pub(in crate::workflow) fn token_hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// After a power cut the file is there whole or not at all.
fn write_secret(path: &Path, text: &str) -> Result<(), StartError> {
    use std::io::Write;
    let fail = |source| StartError::File {
        path: path.display().to_string(),
        source,
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    // A named temporary file has mode 0600 from the start.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
    writeln!(file, "{text}").map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    super::sync_folder(folder)
}
