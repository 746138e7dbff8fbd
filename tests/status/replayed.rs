//! A recording, shown line by line to the state machine and the mapping.

use std::path::PathBuf;

use fleetwright::cluster::{Kind, State, replay};
use fleetwright::domain::phase::{DeletionStep, Desired, LastKnown, Phase, Status, status};
use fleetwright::domain::{CommitId, StoreName};
use jiff::Timestamp;
use serde_json::Value;

use Phase::{Applying, Committed, Deleted, Deleting, Failed, Provisioning, Ready, Suspended};

/// A phase with its reason.
pub(crate) type Told = (Phase, &'static str);

/// Rows 5, 8, 17 and 18 of the mapping, and the end that is wished for.
const NOT_FETCHED: Told = (Committed, "WaitingForSource");
const BEING_APPLIED: Told = (Applying, "Applying");
const INSTALLING: Told = (Provisioning, "Installing");
const UPGRADING: Told = (Applying, "Upgrading");
const WELL: Told = (Ready, "Ready");

/// The recordings: name, store, and what they must show in this order. Between that they may show only a change on its
/// way.
pub(crate) const STORIES: [(&str, &str, &[Told]); 6] = [
    (
        "create",
        "created",
        &[NOT_FETCHED, BEING_APPLIED, INSTALLING, WELL],
    ),
    (
        "upgrade",
        "upgraded",
        &[WELL, NOT_FETCHED, BEING_APPLIED, UPGRADING, WELL],
    ),
    (
        "install-failure",
        "unlucky",
        &[
            INSTALLING,
            (Provisioning, "InstallFailed"),
            (Failed, "UpgradeFailed"),
            WELL,
        ],
    ),
    (
        "suspended",
        "held",
        &[WELL, (Suspended, "SuspendedInCluster"), WELL],
    ),
    (
        "deletion",
        "leaving",
        &[
            WELL,
            (Deleting, "WaitingForSource"),
            (Deleting, "Uninstalling"),
            (Deleting, "WaitingForSource"),
            (Deleting, "RemovingNamespace"),
            (Deleted, "Deleted"),
        ],
    ),
    (
        "relist",
        "reread",
        &[WELL, NOT_FETCHED, BEING_APPLIED, UPGRADING, WELL],
    ),
];

/// A change on its way.
const BETWEEN: [Told; 5] = [
    NOT_FETCHED,
    (Committed, "WaitingForArtifact"),
    BEING_APPLIED,
    INSTALLING,
    UPGRADING,
];

/// A deletion on its way.
const BETWEEN_STEPS: [Told; 3] = [
    (Deleting, "WaitingForArtifact"),
    (Deleting, "Applying"),
    (Deleting, "ReleaseGone"),
];

/// Where a recording is kept.
pub(crate) fn path(name: &str) -> PathBuf {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/flux");
    data.join(format!("{name}.jsonl"))
}

/// Plays a recording and holds the phases to its story.
pub(crate) fn check(name: &str, store: &str, recording: &str) {
    let (_, _, told) = STORIES.into_iter().find(|it| it.0 == name).unwrap();
    let shown = phases(&store.parse().unwrap(), recording);
    let mut wanted = told.iter().peekable();
    for step in &shown {
        if wanted.peek().is_some_and(|it| step.is(it)) {
            wanted.next();
        }
    }
    assert_eq!(
        wanted.next(),
        None,
        "{name} has not shown all of {told:?}: {shown:?}"
    );
    let deletes = told.last().is_some_and(|(phase, _)| *phase == Deleted);
    let between: &[Told] = if deletes { &BETWEEN_STEPS } else { &BETWEEN };
    let mut fine = between.to_vec();
    fine.extend(told);
    let wrong: Vec<_> = shown
        .iter()
        .filter(|step| !fine.iter().any(|it| step.is(it)))
        .collect();
    assert!(wrong.is_empty(), "{name} has shown {wrong:?} in {shown:?}");
    let end = told.last().zip(shown.last());
    assert!(
        end.is_some_and(|(it, last)| last.is(it)),
        "{name}: {shown:?}"
    );
}

/// What a store was told to be from a line of the recording on.
#[derive(Debug)]
struct Shown {
    #[expect(
        dead_code,
        reason = "for whoever reads why a story is not the recorded one"
    )]
    line: usize,
    status: Status,
}

impl Shown {
    fn is(&self, (phase, reason): &Told) -> bool {
        self.status.phase == *phase && self.status.reason == *reason
    }
}

/// Each status whose phase or reason differs from the one before. The lists that a recording begins with come one
/// kind after another, so they are looked at when all are there.
fn phases(store: &StoreName, recording: &str) -> Vec<Shown> {
    let mut steps = replay::read(recording).unwrap().into_iter().peekable();
    let (mut git, mut state) = (Wanted::default(), State::new("store-"));
    let mut shown: Vec<Shown> = Vec::new();
    let mut now = recording.lines().find_map(at).unwrap();
    for kind in Kind::ALL {
        state.reset(kind, Vec::new(), now);
    }
    let first = recording
        .lines()
        .position(|line| line.starts_with('{'))
        .unwrap();
    let lists = recording
        .lines()
        .skip(first)
        .take_while(|line| is_list(line));
    let begins = first + lists.count();
    let mut known = None;
    for (number, line) in (1..).zip(recording.lines()) {
        now = at(line).unwrap_or(now);
        if let Some(deploy) = line.strip_prefix("# deploy ") {
            git.moves(&serde_json::from_str(deploy).unwrap(), store);
        }
        if let Some(step) = steps.next_if(|step| step.line == number) {
            step.feed(&mut state, now);
        }
        let Some(desired) = git.desired.as_ref().filter(|_| number >= begins) else {
            continue;
        };
        let (cluster, seen) = (state.cluster(), state.store(store));
        let contains = |commit: &CommitId| git.contains(commit);
        let sight = Some((cluster.as_ref(), seen.as_ref()));
        let told = status(desired, sight, &contains, known.as_ref(), now);
        known = LastKnown::after(known, &told, now);
        let same = |it: &Shown| it.status.phase == told.phase && it.status.reason == told.reason;
        if !shown.last().is_some_and(same) {
            shown.push(Shown {
                line: number,
                status: told,
            });
        }
    }
    shown
}

fn is_list(line: &str) -> bool {
    line.starts_with(r#"{"type":"RELIST""#)
}

/// When a line came.
fn at(line: &str) -> Option<Timestamp> {
    let line: Value = serde_json::from_str(line).ok()?;
    line["at"].as_str()?.parse().ok()
}

/// What Git wants of the store, as far as the recording has come.
#[derive(Default)]
struct Wanted {
    commits: Vec<CommitId>,
    desired: Option<Desired>,
}

impl Wanted {
    /// The deploy branch has moved: `{"commit", "wanted": {"uid", "specHash", "released"} | null}`.
    fn moves(&mut self, deploy: &Value, store: &StoreName) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let commit: CommitId = text(&deploy["commit"]).parse().unwrap();
        self.commits.push(commit.clone());
        let wanted = &deploy["wanted"];
        let before = self.desired.as_ref();
        let (hash, deletion) = match (wanted.as_object(), before) {
            (None, None) => return,
            (None, Some(before)) => (before.spec_hash.clone(), Some(DeletionStep::Second)),
            (Some(_), _) if wanted["released"] == false => {
                (text(&wanted["specHash"]), Some(DeletionStep::First))
            }
            (Some(_), _) => (text(&wanted["specHash"]), None),
        };
        if before.is_some_and(|it| it.spec_hash == hash && it.deletion == deletion) {
            return;
        }
        let uid = before.map(|it| it.uid.clone());
        self.desired = Some(Desired {
            name: store.clone(),
            uid: uid.unwrap_or_else(|| text(&wanted["uid"]).parse().unwrap()),
            spec_hash: hash,
            deploy_commit: Some(commit),
            deletion,
            suspended: false,
            installed: None,
        });
    }

    /// Whether the history of a commit holds the one that carries what is wanted.
    fn contains(&self, commit: &CommitId) -> Option<bool> {
        let place = |wanted: &CommitId| self.commits.iter().position(|it| it == wanted);
        let carrier = self
            .desired
            .as_ref()?
            .deploy_commit
            .as_ref()
            .and_then(place);
        Some(place(commit)? >= carrier?)
    }
}
