//! As many open files as the system allows: every client is one.

use anyhow::{Result, ensure};
use rustix::process::{Resource, getrlimit, setrlimit};

/// What a thousand streams and a thousand of the worst clients need, with some room.
const FILES: u64 = 8192;

/// Takes as many as are needed, or says that they cannot be had.
pub(crate) fn allow() -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(FILES);
    ensure!(
        most >= FILES,
        "{FILES} open files are needed, and the system allows {most}: raise it with ulimit -Hn"
    );
    if limit.current.is_some_and(|it| it < FILES) {
        limit.current = Some(FILES);
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok(())
}
