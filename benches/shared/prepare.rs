//! Fleets made ready once and kept: a repository with one signed commit per store, and the keys that signed it.
//!
//! Git's own fast-import makes the contents, so that neither side reads what our writer wrote. Blobs are stored whole
//! and trees as deltas of their former selves, in one pack with a commit graph: what both sides' upkeep leaves behind.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fleetwright::domain::record::sha256_hex;
use fleetwright::git::{FleetRepo, SigningKey};

use crate::fleet::{Fleet, Shape};
use crate::git;

mod contents;
mod copy;
mod pack;
mod signed;

pub(crate) use copy::{Scratch, git_copy, our_copy};

/// Goes up when prepared fleets of before must not be used any more.
const EDITION: u32 = 2;

/// A fleet that is ready to be copied. Nobody writes into it.
pub(crate) struct Prepared {
    pub(crate) fleet: Fleet,
    /// A bare repository with main and the deploy branches.
    pub(crate) repo: PathBuf,
    /// The keys `main` and `deploy`, as in a data folder.
    pub(crate) keys: PathBuf,
    /// Where things of this fleet may be kept between runs.
    pub(crate) folder: PathBuf,
}

/// The folder of prepared fleets, beside what cargo builds.
pub(crate) fn cache() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    target
        .unwrap_or(Path::new(env!("CARGO_TARGET_TMPDIR")))
        .join("bench-fleets")
}

/// The fleet of a shape, made now where it is not there yet.
pub(crate) fn prepared(shape: Shape) -> Result<Prepared> {
    let fleet = Fleet::new(shape)?;
    let identity = format!(
        "{EDITION} {} {} {}",
        fleet.digest(),
        fleet.policy_text,
        shape.stores
    );
    let folder = cache().join(&sha256_hex(identity.as_bytes())[..16]);
    if !folder.exists() {
        crate::tell(&format!("preparing a fleet of {shape}"));
        let new = folder.with_added_extension(std::process::id().to_string());
        std::fs::create_dir_all(&new)?;
        let began = std::time::Instant::now();
        make(&fleet, &new).with_context(|| format!("could not prepare a fleet of {shape}"))?;
        std::fs::rename(&new, &folder)?;
        crate::tell(&format!("  ready after {} s", began.elapsed().as_secs()));
    }
    Ok(Prepared {
        fleet,
        repo: folder.join("fleet.git"),
        keys: folder.join("keys"),
        folder,
    })
}

fn make(fleet: &Fleet, folder: &Path) -> Result<()> {
    let repo = folder.join("fleet.git");
    SigningKey::generate(&folder.join("keys/main"), "fleetwright main")?;
    SigningKey::generate(&folder.join("keys/deploy"), "fleetwright deploy")?;
    drop(FleetRepo::init(&repo)?);
    contents::import(fleet, &repo)?;
    let unsigned = contents::history_of_main(&repo)?;
    signed::sign(fleet, &repo, &folder.join("keys"), &unsigned)?;
    git::run(&repo, &["pack-refs", "--all"])?;
    pack::into_one(&repo, &unsigned.into_iter().map(|(id, _)| id).collect())?;
    git::run(&repo, &["commit-graph", "write", "--reachable"])?;
    Ok(())
}

/// Numbers of stores that no earlier call gave: every request of a run is about a store of its own.
pub(crate) struct Picks {
    stores: usize,
    next: usize,
    rounds: usize,
}

impl Picks {
    pub(crate) fn new(stores: usize) -> Self {
        Self {
            stores,
            next: 0,
            rounds: 1,
        }
    }

    /// So many stores, spread over shards and clusters, with the revision that they get now.
    pub(crate) fn take(&mut self, count: usize) -> Vec<(usize, usize)> {
        // A step that shares no factor with the number of stores visits each once before it begins again.
        let begin = self.stores * 618 / 1000;
        let step = (begin..=self.stores).find(|it| coprime(*it, self.stores));
        let step = step.unwrap_or(1);
        let mut picks = Vec::new();
        for _ in 0..count {
            if self.next == self.stores {
                (self.next, self.rounds) = (0, self.rounds + 1);
            }
            picks.push(((self.next * step) % self.stores, self.rounds));
            self.next += 1;
        }
        picks
    }
}

fn coprime(a: usize, b: usize) -> bool {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}
