//! Packs of prepared fleets: one of commits that are made here, and one of everything.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use git2::{ObjectType, Oid};

use crate::git;

/// A commit's type in a pack, in the first byte of its entry (gitformat-pack(5)).
const COMMIT: u8 = 1 << 4;
/// Of a byte of an entry's size: more follow.
const MORE: u8 = 0x80;

/// Commits on their way into a pack.
pub(super) struct Commits {
    entries: Vec<u8>,
    count: u32,
}

impl Commits {
    pub(super) fn new() -> Self {
        let (entries, count) = (Vec::new(), 0);
        Self { entries, count }
    }

    pub(super) fn add(&mut self, text: &str) -> Result<Oid> {
        let length = text.len();
        self.entries.push(MORE | COMMIT | low(length, 4));
        let mut rest = length >> 4;
        while rest >> 7 > 0 {
            self.entries.push(MORE | low(rest, 7));
            rest >>= 7;
        }
        self.entries.push(low(rest, 7));
        let mut packed = ZlibEncoder::new(&mut self.entries, Compression::fast());
        packed.write_all(text.as_bytes())?;
        packed.finish()?;
        self.count += 1;
        Ok(Oid::hash_object(ObjectType::Commit, text.as_bytes())?)
    }

    /// Puts the pack into a repository.
    pub(super) fn install(self, repo: &Path) -> Result<()> {
        let head = [*b"PACK", 2_u32.to_be_bytes(), self.count.to_be_bytes()].concat();
        let mut pack = [head, self.entries].concat();
        let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, &pack);
        pack.extend_from_slice(sum.as_ref());
        feed(repo, &["index-pack", "--stdin"], &pack)
    }
}

/// The lowest bits of a number.
fn low(number: usize, bits: u32) -> u8 {
    u8::try_from(number & ((1 << bits) - 1)).expect("at most seven bits are asked for")
}

/// Puts every object into one pack, but for some. Deltas stay as they are; no history is walked, which takes minutes.
pub(super) fn into_one(repo: &Path, without: &HashSet<String>) -> Result<()> {
    let old = packs(repo)?;
    let all = git::run(
        repo,
        &[
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(objectname)",
        ],
    )?;
    let wanted: Vec<&str> = all.lines().filter(|it| !without.contains(*it)).collect();
    let list = wanted.join("\n") + "\n";
    let args = [
        "pack-objects",
        "-q",
        "--window=0",
        "--delta-base-offset",
        "objects/pack/pack",
    ];
    feed(repo, &args, list.as_bytes())?;
    for file in old {
        std::fs::remove_file(file)?;
    }
    git::run(repo, &["prune-packed"])?;
    Ok(())
}

fn packs(repo: &Path) -> Result<Vec<std::path::PathBuf>> {
    let files = std::fs::read_dir(repo.join("objects/pack"))?;
    files
        .map(|it| it.map(|it| it.path()).map_err(anyhow::Error::from))
        .collect()
}

fn feed(repo: &Path, args: &[&str], input: &[u8]) -> Result<()> {
    let mut child = git::command(repo)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let mut stdin = child.stdin.take().context("git has an input")?;
    stdin.write_all(input)?;
    drop(stdin);
    ensure!(child.wait()?.success(), "git {args:?} failed");
    Ok(())
}
