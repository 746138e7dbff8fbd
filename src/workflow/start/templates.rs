//! The templates in use: those Fleetwright was built with, or a folder of the user's.

use std::collections::BTreeMap;
use std::path::Path;

use super::StartError;
use crate::render::Templates;
use crate::workflow::settings::Settings;

pub(in crate::workflow) fn templates(settings: &Settings) -> Result<Templates, StartError> {
    match &settings.templates {
        None => Ok(Templates::embedded()?),
        Some(folder) => {
            let mut sources = BTreeMap::new();
            read_folder(folder, folder, &mut sources)?;
            Ok(Templates::new(sources)?)
        }
    }
}

fn read_folder(
    root: &Path,
    folder: &Path,
    sources: &mut BTreeMap<String, String>,
) -> Result<(), StartError> {
    let fail = |source| StartError::File {
        path: folder.display().to_string(),
        source,
    };
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.is_dir() {
            read_folder(root, &path, sources)?;
        } else if let Some(name) = path
            .strip_prefix(root)
            .ok()
            .and_then(Path::to_str)
            .filter(|it| it.ends_with(".j2"))
        {
            sources.insert(
                name.to_owned(),
                std::fs::read_to_string(&path).map_err(fail)?,
            );
        }
    }
    Ok(())
}
