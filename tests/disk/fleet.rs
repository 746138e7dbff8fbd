//! A fleet made large at once: the folders of many stores beside those that the server has made.
//!
//! What a commit costs depends on the folders that it writes anew, and not on what the files beside say: the server
//! is told that it has looked at them. Written by the library's own writer, while no server runs.

use std::path::Path;

use fleetwright::domain::record::{record_path, shard};
use fleetwright::domain::{ClusterName, CommitId, StoreName};
use fleetwright::git::{CommitSpec, FleetRepo, Group, Landed, Person, RefUpdate, SigningKey};
use fleetwright::journal::Journal;
use fleetwright::plan::{Edit, Edits};
use fleetwright::render::{deploy_branch, store_folder};

/// Makes the fleet of a data folder this much larger, on cluster `local`.
pub(crate) fn grow(data: &Path, stores: usize) {
    let repo = FleetRepo::open(&data.join("fleet.git")).unwrap();
    let key = |name: &str| SigningKey::load(&data.join("keys").join(name)).unwrap();
    let cluster: ClusterName = "local".parse().unwrap();
    let branch = deploy_branch(&cluster);
    let (main, deploy) = (head(&repo, "main"), head(&repo, &branch));
    let edits = files(&cluster, stores);
    let mut group = repo.group().unwrap();
    let tip = commit(&mut group, &main, &edits, "more stores\n", &key("main"));
    let below: Edits = edits
        .into_iter()
        .filter(|(path, _)| path.starts_with("clusters/"))
        .collect();
    let text =
        format!("deploy to local\n\nFleetwright-Source: {tip}\nFleetwright-Sequence: 1000\n");
    let deployed = commit(&mut group, &deploy, &below, &text, &key("deploy"));
    let updates = [
        RefUpdate::branch("main", Some(main), tip.clone()),
        RefUpdate::branch(&branch, Some(deploy), deployed),
    ];
    assert_eq!(group.land(&updates).unwrap(), Landed::Yes);
    let journal = Journal::open(&data.join("journal.redb")).unwrap();
    journal.remember("seen", tip.as_str()).unwrap();
}

fn head(repo: &FleetRepo, branch: &str) -> CommitId {
    repo.branch(branch).unwrap().unwrap()
}

/// As many files as a store has, each where a store's would be, and a file for every shard.
fn files(cluster: &ClusterName, stores: usize) -> Edits {
    let mut files = Edits::new();
    let mut put = |path: String| files.insert(path, Edit::Put(b"# one of many\n".to_vec()));
    for number in 0..stores {
        let name: StoreName = format!("filler-{number:06}").parse().unwrap();
        let (folder, shard) = (store_folder(cluster, &name), shard(&name));
        put(record_path(&name));
        put(format!("{folder}/release.yaml"));
        put(format!("{folder}/tenant.yaml"));
        put(format!(
            "clusters/{cluster}/shards/{shard}/sync/store-{name}.yaml"
        ));
    }
    files
}

fn commit(
    group: &mut Group<'_>,
    parent: &CommitId,
    edits: &Edits,
    message: &str,
    key: &SigningKey,
) -> CommitId {
    let author = Person::new("Fleetwright", "fleetwright@localhost");
    let spec = CommitSpec {
        parent: Some(parent),
        grafts: &[],
        edits,
        even_if_same: false,
        message,
        author: &author,
        committer: &author,
        time_seconds: jiff::Timestamp::now().as_second(),
        key,
    };
    group.commit(&spec).unwrap().unwrap()
}
