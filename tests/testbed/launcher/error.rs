//! What can go wrong while the testbed starts, each with the next step.

use std::io;
use std::path::PathBuf;

/// Why the testbed could not be started, or one of its commands not be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The programs are not in the cache.
    #[error("the testbed is not built: {0}")]
    NotBuilt(String),
    /// A file or folder of the testbed could not be read or written.
    #[error("the testbed cannot use {path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program could not be started at all.
    #[error(
        "the testbed cannot start {program}: {source}; is it installed (setpriv is part of util-linux)?"
    )]
    Spawn {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// Every block of ports is taken.
    #[error("the testbed found no free block of ports on 127.0.0.1; stop testbeds that still run")]
    NoPorts,
    /// A key or certificate could not be made.
    #[error("the testbed cannot make its certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A component ended although nobody stopped it.
    #[error("{component} ended while the testbed was starting; its log ends with:\n{log}")]
    Ended {
        /// The component's name.
        component: &'static str,
        /// The last lines of its log.
        log: String,
    },
    /// A component runs but does not answer.
    #[error("{component} was not ready after {seconds} s; its log ends with:\n{log}")]
    NotReady {
        /// The component's name.
        component: &'static str,
        /// How long was waited for it.
        seconds: u64,
        /// The last lines of its log.
        log: String,
    },
    /// kubectl ran and said no.
    #[error("kubectl {arguments} failed: {message}")]
    Kubectl {
        /// What it was asked, joined by spaces.
        arguments: String,
        /// Its standard error.
        message: String,
    },
}

impl Error {
    /// Makes an I/O error of `path` one sentence; for `map_err`.
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
