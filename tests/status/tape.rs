//! A tape of everything that the API server says about the fleet while stories are played, and the recordings cut from it.
//!
//! kubectl watches one kind each. The recordings have the lines that `cluster::replay` reads, each with the time it came
//! (`at`), and comment lines `# deploy {…}` where the deploy branch moved, so that what Git wanted is known as well.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::git::git;
use crate::world::World;

/// What is watched: kubectl's name of the kind, and where.
const KINDS: [(&str, &[&str]); 6] = [
    ("gitrepositories.source.toolkit.fluxcd.io", &["-n", "fleet"]),
    (
        "artifactgenerators.source.extensions.fluxcd.io",
        &["-n", "fleet"],
    ),
    (
        "externalartifacts.source.toolkit.fluxcd.io",
        &["-n", "fleet"],
    ),
    (
        "kustomizations.kustomize.toolkit.fluxcd.io",
        &["-n", "fleet"],
    ),
    ("helmreleases.helm.toolkit.fluxcd.io", &["-n", "fleet"]),
    ("namespaces", &["-l", "fleetwright.dev/store"]),
];

/// An event with the time it came.
type Heard = (Timestamp, Value);

/// The running tape.
pub(crate) struct Tape {
    heard: Arc<Mutex<Vec<Heard>>>,
    watches: Vec<(Child, JoinHandle<()>)>,
}

impl Tape {
    /// Watches from now on. Returns when every watch has told of what is there.
    pub(crate) fn runs(world: &World) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let watches = KINDS.map(|kind| watch(world, kind, &heard)).into();
        let tape = Self { heard, watches };
        eventually("the tape runs", Duration::from_secs(20), || {
            let begun = tape.heard.lock().unwrap().len() >= 5;
            begun
                .then_some(())
                .ok_or_else(|| "no events yet".to_owned())
        });
        tape
    }

    /// Ends the watches and gives what was heard.
    pub(crate) fn stops(self) -> Vec<Heard> {
        for (mut child, reading) in self.watches {
            child.kill().unwrap();
            child.wait().unwrap();
            reading.join().unwrap();
        }
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

fn watch(
    world: &World,
    (kind, scope): (&str, &[&str]),
    heard: &Arc<Mutex<Vec<Heard>>>,
) -> (Child, JoinHandle<()>) {
    let mut child = Command::new(world.bed.program("kubectl"))
        .args([
            "get",
            kind,
            "--watch",
            "--output-watch-events",
            "--output",
            "json",
        ])
        .args(scope)
        .env("KUBECONFIG", world.bed.kubeconfig())
        .env("HOME", world.dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let events = serde_json::Deserializer::from_reader(child.stdout.take().unwrap());
    let heard = Arc::clone(heard);
    let reading = std::thread::spawn(move || {
        // ends with the last whole event when kubectl is killed
        for event in events.into_iter::<Value>().map_while(Result::ok) {
            heard.lock().unwrap().push((Timestamp::now(), event));
        }
    });
    (child, reading)
}

/// A story to cut out: whose, from when to when, and whether all lists are read again after every so many events.
pub(crate) struct Story {
    pub(crate) store: &'static str,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) relist_every: Option<usize>,
}

/// The recording of one story: what was there before as lists, then the events that concern its store.
pub(crate) fn cut(world: &World, heard: &[Heard], story: &Story) -> String {
    let mut lines = Vec::new();
    let mut there: BTreeMap<(String, String), Value> = BTreeMap::new();
    let ours = heard
        .iter()
        .filter(|(_, event)| concerns(event, story.store));
    let mut count = 0;
    for (at, event) in ours.filter(|(at, _)| *at <= story.to) {
        let event = plain(world, event.clone());
        let (kind, object) = (&event["type"], &event["object"]);
        if *at >= story.from && count == 0 {
            lines.extend(lists(&there, story.from));
        }
        let gone = *kind == "DELETED";
        let before = if gone {
            there.remove(&key(object))
        } else {
            there.insert(key(object), object.clone())
        };
        if *at < story.from || (!gone && before.is_some_and(|it| says_the_same(&it, object))) {
            continue;
        }
        count += 1;
        lines.push((
            *at,
            json!({"type": kind, "at": at, "object": object}).to_string(),
        ));
        if story.relist_every.is_some_and(|every| count % every == 0) {
            lines.extend(lists(&there, *at));
        }
    }
    let told = deploys(world, story).into_iter();
    lines.extend(told.map(|(at, wanted)| (at, format!("# deploy {wanted}"))));
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(_, line)| line + "\n").collect()
}

/// Whether two states of an object differ in nothing that the recording keeps.
fn says_the_same(before: &Value, after: &Value) -> bool {
    let said = |object: &Value| {
        let mut said = object.clone();
        said["metadata"]["resourceVersion"].take();
        said
    };
    said(before) == said(after)
}

fn key(object: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&object["kind"]), text(&object["metadata"]["name"]))
}

fn concerns(event: &Value, store: &str) -> bool {
    let shard = fleetwright::domain::record::shard(&store.parse().unwrap());
    let (kind, name) = key(&event["object"]);
    let own = [format!("store-{store}"), format!("shard-{shard}")];
    match kind.as_str() {
        "GitRepository" | "ArtifactGenerator" => true,
        "HelmRelease" => name == store,
        _ => name == "root" || own.contains(&name),
    }
}

/// All that is there as one list a kind, as a list request would answer it.
fn lists(there: &BTreeMap<(String, String), Value>, at: Timestamp) -> Vec<(Timestamp, String)> {
    let mut kinds: BTreeMap<(String, String), Vec<&Value>> = BTreeMap::new();
    for ((kind, _), object) in there {
        let version = object["apiVersion"].as_str().unwrap_or_default().to_owned();
        kinds
            .entry((version, kind.clone()))
            .or_default()
            .push(object);
    }
    let list = |((version, kind), items): ((String, String), Vec<&Value>)| {
        let object = json!({"apiVersion": version, "kind": format!("{kind}List"), "items": items});
        (
            at,
            json!({"type": "RELIST", "at": at, "object": object}).to_string(),
        )
    };
    kinds.into_iter().map(list).collect()
}

/// Without what nobody reads here, and without addresses of this machine.
fn plain(world: &World, mut event: Value) -> Value {
    let object = &mut event["object"];
    let kind = object["kind"].clone();
    keep_out(
        object,
        "/metadata",
        &["managedFields", "finalizers", "creationTimestamp", "uid"],
    );
    if let Some(spec) = object["spec"].as_object_mut() {
        let kept = [
            "suspend",
            "sourceRef",
            "chartRef",
            "dependsOn",
            "interval",
            "timeout",
        ];
        spec.retain(|field, _| kept.contains(&field.as_str()));
    }
    keep_out(
        object,
        "/status",
        &["observedIgnore", "observedSourcesDigest"],
    );
    keep_out(
        object,
        "/status/artifact",
        &["path", "url", "digest", "size"],
    );
    let conditions = object.pointer_mut("/status/conditions");
    for condition in conditions
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        keep_out(condition, "", &["lastTransitionTime"]);
    }
    match kind.as_str() {
        Some("Kustomization") => keep_out(object, "/status", &["history"]),
        // of a generator every shard's artifact, of a release every object of the chart
        _ => keep_out(object, "/status", &["inventory"]),
    }
    let text = event
        .to_string()
        .replace(&world.git.url, "http://git/fleet.git");
    serde_json::from_str(&without_ports(&text)).unwrap()
}

fn keep_out(object: &mut Value, part: &str, fields: &[&str]) {
    let part = object.pointer_mut(part).and_then(Value::as_object_mut);
    if let Some(part) = part {
        part.retain(|field, _| !fields.contains(&field.as_str()));
    }
}

fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        all + "127.0.0.1" + part.trim_start_matches(|c: char| c.is_ascii_digit())
    })
}

/// What each deploy commit wants of the store, with the commit's time: it was known to us before it was pushed.
fn deploys(world: &World, story: &Story) -> Vec<(Timestamp, Value)> {
    let log = git(
        &world.remote,
        &["log", "--reverse", "--format=%H %cI", "deploy/local"],
    );
    let mut all: Vec<(Timestamp, Value)> = Vec::new();
    for line in log.lines() {
        let (commit, time) = line.split_once(' ').unwrap();
        let at: Timestamp = time.parse().unwrap();
        let wanted = wanted(world, story.store, commit);
        all.push((
            at.max(story.from),
            json!({"commit": commit, "wanted": wanted}),
        ));
    }
    all.retain(|(at, _)| *at <= story.to);
    all
}

fn wanted(world: &World, store: &str, commit: &str) -> Value {
    let shard = fleetwright::domain::record::shard(&store.parse().unwrap());
    let shard = format!("{commit}:clusters/local/shards/{shard}");
    let read = |path: &str| {
        crate::support::git::try_git(&world.remote, &["show", &format!("{shard}/{path}")])
    };
    let (there, tenant) = read(&format!("stores/{store}/tenant.yaml"));
    if !there {
        return Value::Null;
    }
    let (released, _) = read(&format!("stores/{store}/release.yaml"));
    let value = |name: &str| {
        let line = tenant.lines().find_map(|it| it.trim().strip_prefix(name));
        line.map(|it| it.trim_matches([':', ' ', '"']).to_owned())
    };
    json!({"uid": value("fleetwright.dev/uid"), "specHash": value("fleetwright.dev/spec-hash"), "released": released})
}
