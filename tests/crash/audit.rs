//! What must hold whatever was killed when: checked in full now and then, and at the end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fleetwright::domain::record::record_path;
use fleetwright::journal::Journal;
use serde_json::Value;

use crate::clients::Clients;
use crate::history::{History, check_deploys, files, trailer};
use crate::place::{CLUSTERS, Mode, Place};
use crate::support::api::Api;
use crate::support::eventually;
use crate::support::git::{git, try_git};
use crate::victim::Victim;

/// How long nothing may move although something waits, and how long the index may take to follow.
const SOON: Duration = Duration::from_mins(1);
/// How many stores and changes are asked for one by one.
const SAMPLE: usize = 40;

/// What an audit counted.
pub(crate) struct Counted {
    pub(crate) commits: usize,
    pub(crate) deploys: usize,
}

/// Checks everything while the server runs and nobody writes, and stops it to look at what it leaves.
pub(crate) fn audit(place: &Place, victim: &mut Victim, clients: &Clients) -> Counted {
    let api = victim.api();
    let accepted = clients.ledger.all();
    settled(place, &api);
    let history = History::read(&place.published);
    history.check(&accepted);
    let deploys = check_deploys(&place.published, &history);
    signed(place);
    index_agrees(place, &api, &history);
    changes_agree(&api, &history, accepted.keys().rev().take(SAMPLE));
    victim.stop();
    sound(place);
    nothing_open(place);
    Counted {
        commits: history.0.len(),
        deploys,
    }
}

/// Waits until nothing is queued and no deletion is under way, however long that takes while something moves.
fn settled(place: &Place, api: &Api) {
    let (mut before, mut since) = (String::new(), Instant::now());
    loop {
        let (_, health) = api.get("/api/health");
        // Deletions that nobody heard of come to their end as well.
        let (_, leaving) = api.get("/api/v1/stores?phase=Deleting");
        let leaving = leaving["items"].as_array().unwrap().len();
        let git_says = &health["checks"]["git"];
        let tip = git(&place.published, &["rev-parse", "main"]);
        let well = git_says["queued"] == 0 && git_says["status"] == "ok";
        if well && leaving == 0 && git_says["published"] == tip.as_str() {
            return;
        }
        let now = format!(
            "{} queued, {leaving} leaving, main at {tip}",
            git_says["queued"]
        );
        if now != before {
            (before, since) = (now, Instant::now());
        } else if since.elapsed() > SOON {
            let open = |state| api.get(&format!("/api/v1/changes?state={state}")).1;
            let (queued, written) = (open("queued"), open("written"));
            panic!("nothing moves: {health}\nqueued {queued}\nwritten {written}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The heads of the deploy branches are signed with our key.
fn signed(place: &Place) {
    let signers = place.data.join("allowed_signers");
    let signers = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    for cluster in CLUSTERS {
        let branch = format!("deploy/{cluster}");
        git(
            &place.published,
            &["-c", &signers, "verify-commit", &branch],
        );
    }
    git(&place.published, &["-c", &signers, "verify-commit", "main"]);
}

/// Every page of a list.
pub(crate) fn all(api: &Api, list: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, mut page) = api.get(&format!("/api/v1/{list}?limit=200{cursor}"));
        assert_eq!(status, 200, "{page}");
        items.append(page["items"].as_array_mut().unwrap());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// The API shows the records of published main, all of them and no others, each with its newest commit.
fn index_agrees(place: &Place, api: &Api, history: &History) {
    let newest = history.newest();
    let shown = all(api, "stores");
    let alive = shown.iter().filter(|it| it["phase"] != "Deleted");
    let shown: BTreeMap<String, &Value> = alive
        .map(|it| (it["name"].as_str().unwrap().to_owned(), it))
        .collect();
    let records = records(place);
    let names = |it: Vec<&String>| it.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(shown.keys().collect()),
        names(records.keys().collect())
    );
    for (name, record) in &records {
        let store = shown[name];
        assert_eq!(store["record"], *record, "{name}");
        assert_eq!(
            store["revisions"]["desired"],
            newest[name.as_str()],
            "{name}"
        );
        assert_eq!(store["pendingChanges"], serde_json::json!([]), "{name}");
        let notice = &store["notice"];
        assert!(notice.is_null(), "{name}: {notice}");
    }
    for (name, _) in records.iter().take(SAMPLE) {
        let (_, one) = api.get(&format!("/api/v1/stores/{name}"));
        assert_eq!(one, *shown[name], "{name}");
        let (_, page) = api.get(&format!("/api/v1/stores/{name}/history?limit=200"));
        let uid = &one["uid"];
        let items = page["items"].as_array().unwrap();
        let told: Vec<&str> = items
            .iter()
            .map(|it| it["commit"].as_str().unwrap())
            .collect();
        let there = history
            .0
            .iter()
            .rev()
            .filter(|it| it.store == *name && *uid == it.uid);
        let there: Vec<&str> = there.map(|it| it.id.as_str()).take(200).collect();
        assert_eq!(told, there, "{name}");
    }
}

/// The records on published main, by store.
fn records(place: &Place) -> BTreeMap<String, Value> {
    let files = files(&place.published, "stores");
    let read = |text: &String| {
        let record: Value = serde_yaml::from_str(text).unwrap();
        (
            record["metadata"]["name"].as_str().unwrap().to_owned(),
            record,
        )
    };
    files.values().map(read).collect()
}

/// A look after a restart: the index follows published main, and shows what its newest change made of its store.
pub(crate) fn glance(place: &Place, api: &Api) {
    eventually("the index says what published main says", SOON, || {
        let newest = format!("--format=%H {}", trailer("Fleetwright-Store"));
        let newest = git(&place.published, &["log", "-1", &newest, "main"]);
        let (tip, store) = newest.split_once(' ').unwrap_or((&newest, ""));
        let (_, health) = api.try_get("/api/health")?;
        if health["checks"]["index"]["commit"] != tip {
            return Err(format!("{newest} {health}"));
        }
        let Ok(name) = store.parse() else {
            return Ok(()); // a commit of ours or a person's that is about no store
        };
        let path = format!("{tip}:{}", record_path(&name));
        let (there, text) = try_git(&place.published, &["cat-file", "-p", &path]);
        let (_, shown) = api.try_get(&format!("/api/v1/stores/{store}"))?;
        let record: Value = serde_yaml::from_str(&text).unwrap_or_default();
        let same = if there {
            shown["record"] == record && shown["revisions"]["desired"] == tip
        } else {
            shown["phase"] == "Deleted"
        };
        if same {
            Ok(())
        } else {
            Err(format!("{tip}: {text}\n{shown}"))
        }
    });
}

/// Changes are where Git says they are.
fn changes_agree<'a>(api: &Api, history: &History, changes: impl Iterator<Item = &'a String>) {
    for change in changes {
        let (status, body) = api.get(&format!("/api/v1/changes/{change}"));
        assert_eq!(status, 200, "{body}");
        let last = history.0.iter().rev().find(|it| it.change == *change);
        assert_eq!(body["commit"], last.unwrap().id.as_str(), "{body}");
        let state = body["state"].as_str().unwrap();
        assert!(["merged", "ready"].contains(&state), "{body}");
    }
}

/// Both repositories are whole, and nothing of a killed process is in the way in ours.
fn sound(place: &Place) {
    for repo in [&place.ours, &place.published] {
        let (ok, said) = try_git(
            repo,
            &["fsck", "--strict", "--no-dangling", "--no-progress"],
        );
        assert!(
            ok && said.is_empty(),
            "git fsck of {}: {said}",
            repo.display()
        );
    }
    if place.mode == Mode::Serve {
        crate::history::in_step(&place.ours).unwrap();
    }
}

/// After a clean stop no entry is open in the journal, and no change has failed.
fn nothing_open(place: &Place) {
    let journal = Journal::open(&place.data.join("journal.redb")).unwrap();
    let open = journal.entries().unwrap();
    assert!(open.is_empty(), "open: {open:?}");
    let ended = journal.ended().unwrap();
    let failed: Vec<_> = ended.iter().filter(|it| it.error.is_some()).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

/// Everything that lists show, but for times that Git does not know.
pub(crate) fn shown(api: &Api) -> BTreeMap<String, Vec<Value>> {
    let mut shown = BTreeMap::new();
    shown.insert("stores".to_owned(), all(api, "stores"));
    let mut changes = all(api, "changes");
    for change in &mut changes {
        let change = change.as_object_mut().unwrap();
        let times = ["createdAt", "updatedAt", "timeline", "milestones"];
        change.retain(|key, _| !times.contains(&key.as_str()));
    }
    shown.insert("changes".to_owned(), changes);
    let names = shown["stores"].iter().take(SAMPLE);
    let names: Vec<String> = names
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect();
    for name in names {
        let list = format!("stores/{name}/history");
        let items = all(api, &list);
        shown.insert(list, items);
    }
    shown
}
