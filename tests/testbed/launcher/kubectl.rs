//! Runs the kubectl that was built with the cluster, as its administrator.

use std::io::Write as _;
use std::process::{Output, Stdio};

use super::error::Error;
use super::setup::Setup;

/// Runs kubectl and gives whatever came out.
pub(super) fn output(
    setup: &Setup,
    arguments: &[&str],
    input: Option<&str>,
) -> Result<Output, Error> {
    let failed = |source| Error::Spawn {
        program: "kubectl".into(),
        source,
    };
    let mut child = setup
        .kubectl()
        .args(arguments)
        .stdin(input.map_or_else(Stdio::null, |_| Stdio::piped()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let (Some(mut stdin), Some(text)) = (child.stdin.take(), input) {
        // A kubectl that refuses its arguments reads nothing; its own message says more than this error.
        let _ = stdin.write_all(text.as_bytes());
    }
    child.wait_with_output().map_err(failed)
}

/// Runs kubectl and gives its standard output; a refusal is an error with its message.
pub(super) fn run(setup: &Setup, arguments: &[&str]) -> Result<String, Error> {
    succeed(arguments, &output(setup, arguments, None)?)
}

/// Like [`run`], with `input` on standard input.
pub(super) fn run_with_input(
    setup: &Setup,
    arguments: &[&str],
    input: &str,
) -> Result<String, Error> {
    succeed(arguments, &output(setup, arguments, Some(input))?)
}

fn succeed(arguments: &[&str], output: &Output) -> Result<String, Error> {
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Error::Kubectl {
            arguments: arguments.join(" "),
            message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}
