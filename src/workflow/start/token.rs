//! The admin token: made once, kept for the person who runs the server, and known to us by its hash only.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::StartError;
use crate::domain::Owner;
use crate::domain::record::hex;
use crate::domain::request::{Caller, Role};
use crate::journal::Journal;

/// The admin token is made once, kept for the person who runs the server, and known to us by its hash only.
pub(super) fn admin_token(data: &Path, journal: &Journal) -> Result<(), StartError> {
    let token = kept_token(&data.join("admin.token"))?;
    let owner: Owner = "admin".parse().expect("a plain word is an owner");
    let caller = Caller {
        subject: "token:admin".to_owned(),
        role: Role::Admin,
        owner,
    };
    journal.put_token(&token_hash(&token), &caller)?;
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

fn new_token() -> String {
    use base64::Engine;
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    format!(
        "fwt_{}",
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    )
}

/// What is kept of a token.
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
