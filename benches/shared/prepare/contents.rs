//! The contents of a new fleet, by fast-import: blobs first, then a commit per store that names them.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use fleetwright::plan::Edit;
use fleetwright::render::{Files, chart_path};

use crate::fleet::{BEGAN, Fleet};
use crate::git;
use crate::import::{Content, Importer, Tuning, blob, commit};

/// Stores that are rendered before they are sent.
const CHUNK: usize = 2000;

/// Blobs are stored whole: chains of them would make reading slow for both sides.
const BLOBS: Tuning = Tuning {
    settings: &["core.fsync=none", "fastimport.unpackLimit=0"],
    options: &["--depth=0", "--export-marks=marks"],
};
const COMMITS: Tuning = Tuning {
    settings: &["core.fsync=none", "fastimport.unpackLimit=0"],
    options: &["--import-marks=marks"],
};

/// One store's commit: its message, its paths with the marks of their contents, and shared files that it brings.
struct Made {
    message: String,
    paths: Vec<(String, usize)>,
    shared: Files,
}

/// Writes main, unsigned.
pub(super) fn import(fleet: &Fleet, repo: &Path) -> Result<()> {
    let made = import_blobs(fleet, repo)?;
    let mut importer = Importer::start(repo, COMMITS)?;
    let mut stream = Vec::new();
    let skeleton = skeleton(fleet)?;
    let files = skeleton
        .iter()
        .map(|(path, bytes)| (path.as_str(), Content::Inline(bytes)));
    commit(&mut stream, "main", BEGAN, super::signed::FIRST, files);
    for (number, store) in made.iter().enumerate() {
        let own = store
            .paths
            .iter()
            .map(|(path, mark)| (path.as_str(), Content::Mark(*mark)));
        let shared = store
            .shared
            .iter()
            .map(|(path, bytes)| (path.as_str(), Content::Inline(bytes)));
        let seconds = BEGAN + i64::try_from(number)?;
        commit(
            &mut stream,
            "main",
            seconds,
            &store.message,
            own.chain(shared),
        );
        importer.send(&stream)?;
        stream.clear();
    }
    importer.finish()?;
    std::fs::remove_file(repo.join("marks"))?;
    Ok(())
}

fn import_blobs(fleet: &Fleet, repo: &Path) -> Result<Vec<Made>> {
    let mut importer = Importer::start(repo, BLOBS)?;
    let mut all = Vec::new();
    let mut seen = BTreeSet::new();
    let mut mark = 0;
    let mut stream = Vec::new();
    for first in (0..fleet.shape.stores).step_by(CHUNK) {
        let end = (first + CHUNK).min(fleet.shape.stores);
        for (change, mut shared) in rendered(fleet, first, end)? {
            let mut paths = Vec::new();
            for (path, edit) in change.main {
                let Edit::Put(bytes) = edit else { continue };
                mark += 1;
                blob(&mut stream, mark, &bytes);
                paths.push((path, mark));
            }
            shared.retain(|path, _| seen.insert(path.clone()));
            all.push(Made {
                message: change.message,
                paths,
                shared,
            });
        }
        importer.send(&stream)?;
        stream.clear();
        crate::tell(&format!("  rendered {end} stores"));
    }
    importer.finish()?;
    Ok(all)
}

type Rendered = (crate::fleet::StoreChange, Files);

/// Stores `first` to before `end`, on two threads, in order.
fn rendered(fleet: &Fleet, first: usize, end: usize) -> Result<Vec<Rendered>> {
    let middle = usize::midpoint(first, end);
    let part = |range: std::ops::Range<usize>| -> Result<Vec<Rendered>> {
        range.map(|store| fleet.created(store)).collect()
    };
    std::thread::scope(|scope| {
        let front = scope.spawn(|| part(first..middle));
        let mut back = part(middle..end)?;
        let front = front
            .join()
            .map_err(|_| anyhow::anyhow!("rendering failed"))?;
        let mut all = front?;
        all.append(&mut back);
        Ok(all)
    })
}

/// What a fleet repository begins with: policy, charts, and every cluster's root.
fn skeleton(fleet: &Fleet) -> Result<Files> {
    let mut files = fleet.roots()?;
    files.insert(
        "fleetwright.yaml".to_owned(),
        fleet.policy_text.clone().into_bytes(),
    );
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/woocommerce");
    let (_, folder) = chart_path("woocommerce", "1.0.0");
    add_folder(&chart, &folder, &mut files)?;
    Ok(files)
}

fn add_folder(from: &Path, to: &str, files: &mut Files) -> Result<()> {
    let entries = std::fs::read_dir(from).with_context(|| format!("no {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = format!("{to}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            add_folder(&entry.path(), &path, files)?;
        } else {
            files.insert(path, std::fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// Main's commits and their trees, oldest first.
pub(super) fn history_of_main(repo: &Path) -> Result<Vec<(String, String)>> {
    let said = git::run(repo, &["log", "--reverse", "--format=%H %T", "main"])?;
    let pairs = said.lines().filter_map(|line| line.split_once(' '));
    Ok(pairs
        .map(|(id, tree)| (id.to_owned(), tree.to_owned()))
        .collect())
}
