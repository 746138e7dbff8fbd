//! What is read is what was written last.

use serde_json::json;

use super::*;
use crate::domain::change::{Action, State};
use crate::domain::phase::{LastKnown, Phase};
use crate::domain::record_text::{RecordText, Recorded};

fn row(plan: &str) -> StoreRow {
    let (id, commit) = ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "1".repeat(40));
    let row = json!({
        "record": {
            "apiVersion": "fleetwright.dev/v1", "kind": "Store", "metadata": {"name": "shop", "uid": id},
            "spec": {
                "engine": "woocommerce", "plan": plan, "owner": "ann", "cluster": "local",
                "host": "shop.example.com", "version": "1.0.0",
            },
        },
        "uid": id, "change": id, "desired": commit, "deploy": null, "applied": null, "specHash": "a",
        "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z", "removedAt": null,
        "gone": false, "template": "t", "policy": "p",
    });
    serde_json::from_value(row).unwrap()
}

#[test]
fn who_reads_after_a_write_reads_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(&folder.path().join("index.redb")).unwrap();
    let name: StoreName = "shop".parse().unwrap();
    assert_eq!(index.store(&name).unwrap(), None);
    for plan in ["small", "medium", "large"] {
        let projection = Projection {
            stores: vec![(name.clone(), row(plan))],
            ..Projection::default()
        };
        index.apply(&projection).unwrap();
        // Twice: whoever comes first opens the table, and the next one finds it open.
        for _ in 0..2 {
            assert_eq!(index.store(&name).unwrap(), Some(row(plan)));
            let text = index.store_as::<RecordText>(&name).unwrap().unwrap();
            assert_eq!(text.record.etag(), row(plan).record.etag());
        }
    }
    index.clear().unwrap();
    assert_eq!(index.store(&name).unwrap(), None);
}

#[test]
fn what_was_seen_of_an_older_state_takes_nothing_from_a_newer_one() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(&folder.path().join("index.redb")).unwrap();
    let name: StoreName = "shop".parse().unwrap();
    let id: ChangeId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
    let store = |row: StoreRow| vec![(name.clone(), row)];
    let now = jiff::Timestamp::UNIX_EPOCH;
    let mut merged = Change::queued(
        id.clone(),
        name.clone(),
        id.clone().into(),
        Action::Update,
        "ann".into(),
        now,
    );
    merged.go(State::Merged, now, None);
    let published = Projection {
        stores: store(row("small")),
        changes: vec![merged.clone()],
        ..Projection::default()
    };
    index.apply(&published).unwrap();

    // Seen as it is: taken in.
    let mut seen = published.clone();
    seen.stores[0].1.gone = true;
    seen.changes[0].go(State::Applied, now, None);
    assert!(index.apply_seen(&seen).unwrap().is_empty());
    assert!(index.store(&name).unwrap().unwrap().gone);
    assert_eq!(index.change(&id).unwrap().unwrap().state, State::Applied);

    // A later commit came, and overtook the change, after the look began.
    let mut later = row("large");
    later.desired = "2".repeat(40).parse().unwrap();
    merged.go(State::Superseded, now, None);
    let newer = Projection {
        stores: store(later.clone()),
        changes: vec![merged],
        ..Projection::default()
    };
    index.apply(&newer).unwrap();
    seen.changes[0].go(State::Ready, now, None);
    let passed_by = index.apply_seen(&seen).unwrap();
    assert_eq!(passed_by, [name.clone()].into());
    assert_eq!(index.store(&name).unwrap(), Some(later));
    assert_eq!(index.change(&id).unwrap().unwrap().state, State::Superseded);
}

#[test]
fn a_noted_phase_is_read_at_once_and_written_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.redb");
    let index = Index::open(&path).unwrap();
    let name: StoreName = "shop".parse().unwrap();
    let first = Projection {
        stores: vec![(name.clone(), row("small"))],
        ..Projection::default()
    };
    index.apply(&first).unwrap();
    let known = |phase| LastKnown {
        phase,
        reason: String::new(),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    let read = |index: &Index| index.store(&name).unwrap().unwrap().known;

    index.know(&name, &row("small").uid, known(Phase::Ready));
    assert_eq!(read(&index), Some(known(Phase::Ready)));
    // The writer's row of the same store takes nothing from it.
    index.apply(&first).unwrap();
    assert_eq!(read(&index), Some(known(Phase::Ready)));
    index.write_known().unwrap();
    assert_eq!(read(&index), Some(known(Phase::Ready)));
    // Nor once it is written: what the writer read may be older.
    index.apply(&first).unwrap();
    assert_eq!(read(&index), Some(known(Phase::Ready)));

    index.know(&name, &row("small").uid, known(Phase::Degraded));
    index.flush().unwrap();
    drop(index);
    let index = Index::open(&path).unwrap();
    assert_eq!(read(&index), Some(known(Phase::Degraded)));

    // What was noted of an earlier life is nothing to this one.
    let other: Uid = "01BX5ZZKBKACTAV9WEVGEMMVRZ".parse().unwrap();
    index.know(&name, &other, known(Phase::Failed));
    index.write_known().unwrap();
    assert_eq!(read(&index), Some(known(Phase::Degraded)));
}
