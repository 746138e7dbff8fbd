//! A recording, shown line by line to the state machine and the mapping.

use std::path::PathBuf;

use fleetwright::cluster::{Kind, State, replay};
use fleetwright::domain::phase::{DeletionStep, Desired, LastKnown, Phase, status};
use fleetwright::domain::{CommitId, StoreName};
use jiff::Timestamp;
use serde_json::Value;

use Phase::{Applying, Committed, Deleted, Deleting, Failed, Provisioning, Ready, Suspended};

/// The recordings: name, store, and the phases that it must show in this order. Between them it may show only the phases
/// of a change on its way.
pub(crate) const STORIES: [(&str, &str, &[Phase]); 6] = [
    (
        "create",
        "created",
        &[Committed, Applying, Provisioning, Ready],
    ),
    ("upgrade", "upgraded", &[Ready, Committed, Applying, Ready]),
    ("install-failure", "unlucky", &[Provisioning, Failed, Ready]),
    ("suspended", "held", &[Ready, Suspended, Ready]),
    ("deletion", "leaving", &[Ready, Deleting, Deleted]),
    ("relist", "reread", &[Ready, Committed, Applying, Ready]),
];

/// A change on its way.
const BETWEEN: [Phase; 3] = [Committed, Applying, Provisioning];

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
    for (phase, _) in &shown {
        if wanted.peek() == Some(&phase) {
            wanted.next();
        }
    }
    assert_eq!(
        wanted.next(),
        None,
        "{name} has not shown all of {told:?}: {shown:?}"
    );
    let mut fine = BETWEEN.to_vec();
    fine.extend(told);
    let wrong: Vec<_> = shown
        .iter()
        .filter(|(phase, _)| !fine.contains(phase))
        .collect();
    assert!(wrong.is_empty(), "{name} has shown {wrong:?} in {shown:?}");
    let last = shown.last().map(|(phase, _)| phase);
    assert_eq!(last, told.last(), "{name}: {shown:?}");
}

/// Each phase with its message, when it differs from the one before. The lists that a recording begins with come one
/// kind after another, so they are looked at when all are there.
fn phases(store: &StoreName, recording: &str) -> Vec<(Phase, String)> {
    let mut steps = replay::read(recording).unwrap().into_iter().peekable();
    let (mut git, mut state) = (Wanted::default(), State::new("store-"));
    let mut shown: Vec<(Phase, String)> = Vec::new();
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
        if shown.last().is_none_or(|(phase, _)| *phase != told.phase) {
            shown.push((told.phase, format!("line {number}: {}", told.message)));
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
