//! A slower disk: this program once more, beneath a layer in which every sync takes a while longer.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::git::SLOWNESS;
use crate::prepare::Scratch;

/// Runs this program with these arguments where a sync takes at least so long; gives what it printed.
pub(crate) fn run(sync: Duration, args: &[String]) -> Result<String> {
    let scratch = Scratch::new()?;
    let library = scratch.path("slow_sync.so");
    build(&library)?;
    let output = Command::new(std::env::current_exe()?)
        .args(args)
        .env(SLOWNESS[0], &library)
        .env(SLOWNESS[1], sync.as_micros().to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the run on a slower disk failed");
    Ok(String::from_utf8(output.stdout)?)
}

fn build(library: &Path) -> Result<()> {
    let folder = library.parent().context("a folder for the library")?;
    std::fs::create_dir_all(folder)?;
    let source: PathBuf = [env!("CARGO_MANIFEST_DIR"), "benches/writer/slow_sync.c"]
        .iter()
        .collect();
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .args([library, source.as_path()])
        .arg("-ldl")
        .status()
        .context("a C compiler is needed for the slower disk")?;
    ensure!(status.success(), "cc failed");
    Ok(())
}
