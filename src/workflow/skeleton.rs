//! The skeleton of a fleet repository: the policy of `fleet/` and every chart of `charts/`, as Fleetwright was built.

use include_dir::{Dir, include_dir};

use crate::git::{CommitSpec, FleetRepo, GitError, Landed, Person, RefUpdate, SigningKey};
use crate::plan::{Edit, Edits};
use crate::render::{chart_path, yaml};

static FLEET: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/fleet");
static CHARTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/charts");

/// Every file of a new fleet repository.
pub(super) fn files() -> Edits {
    let mut edits = Edits::new();
    collect(&FLEET, &mut edits);
    for chart in CHARTS.dirs() {
        let engine = chart.path().to_string_lossy().into_owned();
        let Some(version) = version_of(chart) else {
            continue;
        };
        let mut own = Edits::new();
        collect(chart, &mut own);
        let (_, folder) = chart_path(&engine, &version);
        // A fleet repository keeps charts by version, so that a store can pin one.
        let inside = |path: String| {
            path.strip_prefix(&format!("{engine}/"))
                .map(|rest| format!("{folder}/{rest}"))
        };
        edits.extend(
            own.into_iter()
                .filter_map(|(path, edit)| Some((inside(path)?, edit))),
        );
    }
    edits
}

/// Makes the first commit of an empty repository.
pub(super) fn plant(
    repo: &FleetRepo,
    author: &Person,
    key: &SigningKey,
    now: i64,
) -> Result<(), GitError> {
    let mut group = repo.group()?;
    let edits = files();
    let commit = group.commit(&CommitSpec {
        parent: None,
        grafts: &[],
        edits: &edits,
        even_if_same: false,
        message: "begin the fleet\n\nFleetwright-Action: init\n",
        author,
        committer: author,
        time_seconds: now,
        key,
    })?;
    let Some(commit) = commit else { return Ok(()) };
    match group.land(&[RefUpdate::branch("main", None, commit)])? {
        // Where somebody began it at the same moment, theirs is as good.
        Landed::Yes | Landed::Moved { .. } => Ok(()),
    }
}

fn version_of(chart: &Dir<'_>) -> Option<String> {
    let file = chart.get_file(chart.path().join("Chart.yaml"))?;
    let value = yaml::read_value(file.contents_utf8()?).ok()?;
    Some(value.get("version")?.as_str()?.to_owned())
}

fn collect(dir: &Dir<'_>, edits: &mut Edits) {
    for file in dir.files() {
        edits.insert(
            file.path().to_string_lossy().into_owned(),
            Edit::Put(file.contents().to_vec()),
        );
    }
    for folder in dir.dirs() {
        collect(folder, edits);
    }
}
