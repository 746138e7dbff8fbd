//! What is read is what was written last.

use serde_json::json;

use super::*;
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
        "gone": false, "notice": null, "template": "t", "policy": "p",
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
