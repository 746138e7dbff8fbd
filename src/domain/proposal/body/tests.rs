//! What a reviewer reads, for plain changes, many changes, and hostile ones.

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::domain::Uid;
use crate::domain::approval::needed;

const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn policy() -> FleetPolicy {
    serde_json::from_value(json!({
        "apiVersion": "fleetwright.dev/v1", "kind": "FleetPolicy", "clusters": {}, "engines": {},
        "plans": {
            "small": {"price": 1, "quota": {}, "limitRange": {}, "engines": {}},
            "large": {"price": 10, "quota": {}, "limitRange": {}, "engines": {}},
        },
        "approval": [
            {"when": {"actions": ["delete"]}, "require": {"approvals": 1}},
            {"when": {"plans": ["large"]}, "require": {"approvals": 2, "teams": ["platform"], "merge": "person"}},
        ],
    }))
    .unwrap()
}

fn record(store: &str, plan: &str) -> Record {
    let spec = serde_json::from_value(json!({
        "engine": "woocommerce", "plan": plan, "owner": "alice", "cluster": "local",
        "host": format!("{store}.example.com"), "version": "1.0.0",
    }));
    Record::new(store.parse().unwrap(), uid(), spec.unwrap())
}

fn uid() -> Uid {
    ID.parse().unwrap()
}

fn change(store: &str, action: Action, requester: &str) -> Change {
    let (id, store) = (ID.parse().unwrap(), store.parse().unwrap());
    Change::queued(
        id,
        store,
        uid(),
        action,
        requester.into(),
        Timestamp::UNIX_EPOCH,
    )
}

fn edited(lines: usize) -> Edited {
    Edited {
        record: "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-plan: small\n+plan: large\n".into(),
        objects: vec![ObjectChange {
            kind: "ResourceQuota".into(),
            name: "quota".into(),
            added: 2,
            removed: 1,
        }],
        files: vec![FileText {
            path: "clusters/local/shards/9e/stores/shop/tenant.yaml".into(),
            shown: Shown::New("kind: Namespace\n".repeat(lines)),
        }],
    }
}

/// The text of changes that each bring a store from small to large.
fn text(changes: &[Change], reason: Option<&str>, lines: usize) -> String {
    let policy = policy();
    let records = changes.iter().map(|it| {
        let store = it.store.as_str();
        (record(store, "small"), record(store, "large"))
    });
    let records: Vec<(Record, Record)> = records.collect();
    let (old, new) = &records[0];
    let needed = needed(&policy, Action::Update, Some(&old.spec), &new.spec).unwrap();
    let changes = changes.iter().zip(&records);
    body(&ProposalText {
        id: &ID.parse().unwrap(),
        policy: &policy,
        needed: &needed,
        changes: changes
            .map(|(change, (old, new))| ChangeText {
                change,
                reason,
                old: Some(old),
                new,
                edited: edited(lines),
            })
            .collect(),
    })
}

#[test]
fn a_reviewer_sees_what_who_why_and_what_it_costs() {
    let change = change("shop", Action::Update, "token:ann");
    let text = text(&[change], Some("Grew too small"), 1);
    let expected = format!(
        "<!-- fleetwright:proposal {ID} -->
1 change of the fleet. It needs approval by 2 people (platform); then a person merges it.

Asked for by the fleet policy:
- rule 2: plans large: 2 approvals by platform, merged by a person

Cost: 1 → 10 price units.

### update `shop`
Asked for by `token:ann`, as change `{ID}`.
> Grew too small

- owner: `alice`
- plan: `small` → `large`
- price: 1 → 10
- engine: `woocommerce`
- version: `1.0.0`
- cluster: `local`
- hosts: `shop.example.com`

```diff
--- a/x
+++ b/x
@@ -1 +1 @@
-plan: small
+plan: large
```

Objects:
- `ResourceQuota/quota` +2 −1

### Rendered files
<details><summary><code>clusters/local/shards/9e/stores/shop/tenant.yaml</code></summary>

```yaml
kind: Namespace
```

</details>
"
    );
    assert!(text.starts_with(&expected), "{text}");
}

#[test]
fn a_deletion_says_that_the_data_goes_and_costs_nothing_any_more() {
    let policy = policy();
    let (change, record) = (
        change("shop", Action::Delete, "token:ann"),
        record("shop", "large"),
    );
    let needed = needed(&policy, Action::Delete, Some(&record.spec), &record.spec).unwrap();
    let text = body(&ProposalText {
        id: &ID.parse().unwrap(),
        policy: &policy,
        needed: &needed,
        changes: vec![ChangeText {
            change: &change,
            reason: None,
            old: Some(&record),
            new: &record,
            edited: Edited::default(),
        }],
    });
    for part in [
        "- rule 1: actions delete: 1 approval by anyone who may write",
        "- rule 2: plans large",
        "Cost: 10 → 0 price units",
        "**The store and all its data go.**",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("Rendered files"), "{text}");
}

#[test]
fn a_store_that_changes_twice_costs_what_it_costs_in_the_end() {
    let change = || change("shop", Action::Update, "token:ann");
    let (small, large) = (record("shop", "small"), record("shop", "large"));
    let (policy, id) = (policy(), ID.parse().unwrap());
    let changes = [change(), change()];
    let steps = [(None, &large), (Some(&large), &small)];
    let needed = needed(&policy, Action::Create, None, &large.spec).unwrap();
    let text = body(&ProposalText {
        id: &id,
        policy: &policy,
        needed: &needed,
        changes: changes
            .iter()
            .zip(steps)
            .map(|(change, (old, new))| ChangeText {
                change,
                reason: None,
                old,
                new,
                edited: Edited::default(),
            })
            .collect(),
    });
    assert!(text.contains("Cost: 0 → 1 price units."), "{text}");
}

#[test]
fn whatever_is_inside_the_text_fits_and_says_what_it_left_out() {
    let stores = |count: usize| -> Vec<Change> {
        let names = (0..count).map(|at| format!("shop-{at}"));
        names
            .map(|it| change(&it, Action::Update, &"x".repeat(300)))
            .collect()
    };
    for (count, lines, left_out) in [
        (1, 1, None),
        (
            1,
            5_000,
            Some("1 more file is too much for this page; see `clusters/local/` in the Files tab"),
        ),
        (50, 50, Some("more files are too much for this page")),
        (100, 1, Some("### Further changes")),
        (400, 1, Some("more, in the Commits tab")),
    ] {
        let text = text(&stores(count), Some(&"why ".repeat(100)), lines);
        assert!(text.len() <= LIMIT, "{count} changes: {} bytes", text.len());
        assert!(
            text.ends_with("put the id of one behind it.\n"),
            "{count} changes"
        );
        let told = [
            "too much for this page",
            "### Further changes",
            "more, in the Commits tab",
        ];
        match left_out {
            Some(part) => assert!(text.contains(part), "{count} changes: {part}"),
            None => assert!(!told.iter().any(|it| text.contains(it)), "{text}"),
        }
        // Whole files only: what is folded is also closed.
        assert_eq!(
            text.matches("<details>").count(),
            text.matches("</details>").count()
        );
        let named = |at: usize| text.contains(&format!("`shop-{at}`"));
        assert!(
            count > 100 || (0..count).all(named),
            "one of {count} changes is not named"
        );
    }
}

#[test]
fn a_hostile_requester_writes_text_and_nothing_else() {
    let requester = "github:`@octocat` <img src=x>\n# fixes #1";
    let reason = "fixes #1 @octocat\n```\n</details><!-- fleetwright:proposal x -->";
    let change = change("shop", Action::Update, requester);
    let text = text(std::slice::from_ref(&change), Some(reason), 1);
    assert!(
        text.contains("Asked for by ``github:`@octocat` <img src=x> # fixes #1``,"),
        "{text}"
    );
    assert!(
        text.contains("> fixes \\#&#8203;1 \\@&#8203;octocat \\`\\`\\` &lt;/details&gt;"),
        "{text}"
    );
    assert_eq!(text.matches("<!--").count(), 1);
}

#[test]
fn a_title_is_made_of_our_words_and_names_of_stores() {
    let one = |store: &str, action| change(store, action, "token:@octocat");
    for (changes, expected) in [
        (vec![one("a", Action::Create)], "create store a"),
        (
            vec![one("b", Action::Delete), one("a", Action::Delete)],
            "delete stores a, b",
        ),
        (
            vec![one("a", Action::Create), one("a", Action::Update)],
            "2 changes of store a",
        ),
        (
            ["e", "d", "c", "b", "a"]
                .map(|it| one(it, Action::Upgrade))
                .to_vec(),
            "upgrade stores a, b, c and 2 more",
        ),
        (
            vec![one("a", Action::Create), one("b", Action::Update)],
            "2 changes of stores a, b",
        ),
    ] {
        let changes: Vec<&Change> = changes.iter().collect();
        assert_eq!(title(&changes), expected);
    }
}
