//! Finds what `tests/testbed/build.sh` built. Builds nothing itself: that takes minutes and belongs to a person or to CI.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::Error;

/// The folder of the built testbed.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    directory: PathBuf,
}

impl Programs {
    /// Asks the build script where the programs lie, or why they do not.
    pub(super) fn find() -> Result<Self, Error> {
        let script = testbed_folder().join("build.sh");
        let output = Command::new("bash")
            .arg(&script)
            .arg("--check")
            .output()
            .map_err(|source| Error::Spawn {
                program: "bash".into(),
                source,
            })?;
        if !output.status.success() {
            let sentence = String::from_utf8_lossy(&output.stderr);
            let sentence = sentence.trim().trim_start_matches("testbed: ");
            return Err(Error::NotBuilt(sentence.to_owned()));
        }
        let directory = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        Ok(Self { directory })
    }

    /// The path of a program, such as `kubectl` or `helm`.
    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.directory.join("bin").join(program)
    }

    /// The folder with the CRDs of all Flux controllers.
    pub(super) fn crds(&self) -> PathBuf {
        self.directory.join("crds")
    }

    /// The stages that tell kwok what to play, ours and its own.
    pub(super) fn stages(&self) -> Result<Vec<PathBuf>, Error> {
        let mut files = yaml_files(&testbed_folder().join("stages"))?;
        for set in entries(&self.directory.join("stages"))? {
            files.extend(yaml_files(&set)?);
        }
        Ok(files)
    }
}

/// `tests/testbed` of the checkout this was compiled in.
fn testbed_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testbed")
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = entries(folder)?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = std::fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.path()))
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(Error::file(folder))?;
    paths.sort();
    Ok(paths)
}
