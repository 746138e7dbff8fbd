//! What end-to-end tests share: the built binary as a process, a client of its API, and plain git.

pub(crate) mod api;
pub(crate) mod git;
pub(crate) mod process;

use std::time::{Duration, Instant};

/// Asks again and again until there is an answer, and fails with the last reason when the time is over.
pub(crate) fn eventually<T>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> Result<T, String>,
) -> T {
    let began = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(reason) if began.elapsed() > limit => {
                panic!("{what}: not within {limit:?}: {reason}")
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}
