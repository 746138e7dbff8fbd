//! Starting the server where something is in the way: one line that says what and what to do.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::process::PROGRAM;
use crate::wire::Dev;

/// The one line of a start that fails.
fn refused(args: &[&str], envs: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let out = Command::new(PROGRAM)
        .args(args)
        .envs(envs.iter().copied())
        .current_dir(folder.path())
        .output();
    let out = out.expect("the program starts");
    let said = String::from_utf8(out.stderr).expect("text");
    assert!(!out.status.success(), "{args:?}: {said}");
    let errors: Vec<_> = said
        .lines()
        .filter(|it| it.starts_with("error: "))
        .collect();
    let [line] = errors.as_slice() else {
        panic!("one line: {said}")
    };
    assert!(out.stdout.is_empty(), "{:?}", out.stdout);
    (*line).to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let line = refused(&["dev", "--listen", &address], &[]);
    let port = address.rsplit(':').next().unwrap_or("?");
    assert!(
        line.contains(&format!("port {port} is in use")) && line.contains("--listen"),
        "{line}"
    );
}

#[test]
fn a_data_folder_in_use_is_named_with_its_process() {
    let dev = Dev::start();
    let line = refused(
        &["dev", "--listen", "127.0.0.1:0", "--data", text(&dev.data)],
        &[],
    );
    let pid = dev.read("lock");
    assert!(
        line.contains("in use by another process") && line.contains(&format!("pid {pid}")),
        "{line}"
    );
    assert_eq!(dev.get("/api/health").status, 200, "the first one goes on");
    assert!(
        dev.base.ends_with(&dev.read("address")),
        "and is still found"
    );
}

#[test]
fn without_git_it_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let line = refused(
        &["dev", "--listen", "127.0.0.1:0", "--data", text(&data)],
        &[("PATH", "")],
    );
    assert!(line.contains("git") && line.contains("install"), "{line}");
}

#[test]
fn a_missing_kubeconfig_is_named() {
    let line = refused(
        &[
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--kubeconfig",
            "nowhere.yaml",
        ],
        &[],
    );
    assert!(line.contains("nowhere.yaml"), "{line}");
}

#[test]
fn configurations_are_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("fleetwright.yaml");
    let data = folder.path().join("data");
    let serve = |check: bool, yaml: &str| {
        std::fs::write(&file, yaml).expect("written");
        let mut args = vec!["serve", "--config", text(&file)];
        args.extend(check.then_some("--check"));
        refused(&args, &[])
    };
    let line = serve(true, "data: d\ngit:\n  urll: x\n");
    assert!(line.contains("line 3") && line.contains("urll"), "{line}");
    assert!(serve(true, "data: d\n").contains("git.url is missing"));
    let line = refused(&["serve", "--config", "nowhere.yaml"], &[]);
    assert!(line.contains("nowhere.yaml"), "{line}");
    // Nothing listens at port 1.
    let remote = format!(
        "data: {}\nlisten: 127.0.0.1:0\ngit:\n  url: http://127.0.0.1:1/fleet.git\n",
        data.display()
    );
    let line = serve(false, &remote);
    assert!(line.contains("127.0.0.1:1"), "{line}");

    let out = Command::new(PROGRAM)
        .args(["serve", "--check", "--config", text(&file)])
        .env("FLEETWRIGHT_GIT_TOKEN", "hunter2")
        .output()
        .expect("the program starts");
    let said = String::from_utf8(out.stdout).expect("text");
    assert!(
        out.status.success() && said.contains("127.0.0.1:1") && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn a_signal_ends_it_cleanly() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let args = ["dev", "--listen", "127.0.0.1:0", "--data", text(&data)];
    let mut child = Command::new(PROGRAM)
        .args(args)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let began = Instant::now();
    while !data.join("address").exists() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it does not start"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(killed.success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
    assert!(
        !data.join("address").exists(),
        "nobody is sent to a server that is gone"
    );
}

#[test]
fn a_dashboard_beside_the_shops_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, data) = (folder.path().join("serve.yaml"), folder.path().join("data"));
    let fleet = folder.path().join("fleet.git");
    crate::support::process::run(&["init", text(&fleet)]);
    let serve = |url: &str, check: bool| {
        let yaml = format!(
            "data: {}\nlisten: 127.0.0.1:0\ngit: {{url: {}}}\nauth: {{publicUrl: \"{url}\"}}\n",
            data.display(),
            fleet.display()
        );
        std::fs::write(&file, yaml).expect("written");
        let mut args = vec!["serve", "--config", text(&file)];
        args.extend(check.then_some("--check"));
        refused(&args, &[])
    };
    assert!(serve("http://fleet.example.com", false).contains("https://"));
    // The skeleton's cluster `local` has the base domain localtest.me.
    for check in [false, true] {
        let line = serve("https://fleet.localtest.me/", check);
        assert!(
            line.contains("localtest.me") && line.contains("domain of its own"),
            "{line}"
        );
    }
}
