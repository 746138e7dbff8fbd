//! What the other tests take for granted of the testbed: it starts quickly, runs workloads, ends namespaces, restarts a
//! component, and leaves no process behind, whatever happens to the program that started it.

#![cfg(feature = "testbed")]

#[allow(dead_code, reason = "each test program uses its own part of it")]
#[path = "testbed/launcher/mod.rs"]
mod launcher;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use launcher::{Component, Options, Testbed};

/// Set for the copy of this test program that is killed.
const HOLD: &str = "FLEETWRIGHT_TESTBED_HOLD";

const WORKLOADS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: work}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk, namespace: work}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: good, namespace: work}
spec:
  selector: {matchLabels: {app: good}}
  template:
    metadata: {labels: {app: good}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: shop, image: "shop:1", volumeMounts: [{name: disk, mountPath: /disk}]}]
      volumes: [{name: disk, persistentVolumeClaim: {claimName: disk}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: bad, namespace: work}
spec:
  progressDeadlineSeconds: 2
  selector: {matchLabels: {app: bad}}
  template:
    metadata: {labels: {app: bad}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: shop, image: "does-not-exist/shop:1"}]
"#;

#[test]
fn runs_workloads_and_restarts_components() {
    let testbed = Testbed::start(Options::default()).expect("the testbed starts");
    let seconds = testbed.ready_in().as_secs_f64();
    println!("testbed ready after {seconds:.1} s");

    testbed.kubectl_apply(WORKLOADS).expect("applied");
    wait_for(&testbed, "condition=Available", "deployment/good");
    wait_for(&testbed, "condition=Progressing=False", "deployment/bad");
    let pods = testbed
        .kubectl_ok(&["get", "pods", "-n", "work", "-l", "app=bad"])
        .expect("listed");
    assert!(pods.contains("ImagePullBackOff"), "{pods}");

    for component in [Component::SourceController, Component::ApiServer] {
        let before = testbed.process_id(component);
        testbed.restart(component).expect("it starts again");
        assert_ne!(before, testbed.process_id(component));
    }
    testbed
        .kubectl_ok(&["delete", "namespace", "work", "--timeout=60s"])
        .expect("a namespace ends");
    for component in Component::ALL {
        let id = testbed.process_id(component);
        assert!(id.is_some_and(exists), "{} has ended", component.name());
    }
}

#[test]
fn nothing_outlives_a_killed_program() {
    if std::env::var_os(HOLD).is_some() {
        return hold();
    }
    let mut program = Command::new(std::env::current_exe().expect("this test program"))
        .args([
            "--exact",
            "nothing_outlives_a_killed_program",
            "--nocapture",
        ])
        .env(HOLD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("started once more");
    let output = BufReader::new(program.stdout.take().expect("piped"));
    let ids = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("held: ")?.1.to_owned()))
        .expect("it says what it holds");
    program.kill().expect("killed");
    program.wait().expect("gone");

    let ids: Vec<u32> = ids.split(' ').filter_map(|id| id.parse().ok()).collect();
    assert_eq!(ids.len(), Component::ALL.len());
    let deadline = Instant::now() + Duration::from_secs(10);
    while ids.iter().any(|&id| exists(id)) {
        assert!(Instant::now() < deadline, "some of {ids:?} still run");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the killed program does: it starts a testbed from a thread that ends, as a test's would, and waits.
fn hold() {
    let testbed = std::thread::spawn(|| Testbed::start(Options::default()).expect("it starts"))
        .join()
        .expect("no panic");
    let ids: Vec<String> = Component::ALL
        .iter()
        .filter_map(|&component| testbed.process_id(component))
        .map(|id| id.to_string())
        .collect();
    assert!(ids.iter().all(|id| id.parse().is_ok_and(exists)));
    writeln!(std::io::stdout(), "\nheld: {}", ids.join(" ")).expect("somebody listens");
    loop {
        std::thread::park();
    }
}

fn wait_for(testbed: &Testbed, condition: &str, object: &str) {
    let condition = format!("--for={condition}");
    testbed
        .kubectl_ok(&["wait", "-n", "work", &condition, object, "--timeout=60s"])
        .expect("the condition is met");
}

/// Whether a process runs; one that nobody has waited for yet (state Z) does not.
fn exists(id: u32) -> bool {
    std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("stat")).is_ok_and(
        |stat| {
            !stat
                .rsplit(')')
                .next()
                .is_some_and(|rest| rest.starts_with(" Z"))
        },
    )
}
