//! Git over smart HTTP: `git http-backend`, behind GitHub's questions of who may read and push.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use serde_json::json;

use super::super::git::{plain_git, run};
use super::super::receive::{self, Command};
use super::super::state::World;
use super::super::state::tokens::Level;
use super::auth::{self, Who};
use super::{Shared, locked};

/// Answers one request of a git client.
pub(crate) async fn answer(
    world: Shared,
    request: Request<Bytes>,
    pause: Duration,
) -> Response<Body> {
    tokio::time::sleep(pause).await;
    let done = tokio::task::spawn_blocking(move || respond(&world, &request)).await;
    done.unwrap_or_else(|_| plain(500, "Internal Server Error"))
}

fn respond(world: &Shared, request: &Request<Bytes>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default();
    let push = path.ends_with("/git-receive-pack") || query.contains("service=git-receive-pack");
    let mut guard = locked(world);
    let (who, path_info) = match let_in(&guard, request, &path, push) {
        Ok(it) => it,
        Err(refusal) => {
            if path.ends_with("/git-receive-pack") {
                let number = guard.log.begin("POST", &path, "", json!({}));
                guard.log.end(number, refusal.0, b"");
            }
            return refusal.answer();
        }
    };
    if !path.ends_with("/git-receive-pack") {
        let dir = guard.repo.dir().to_owned();
        // a fetch needs nothing of the world, and others shall not wait for it
        drop(guard);
        return cgi(&dir, request, &path_info, &[], &[]);
    }
    receive_push(&mut guard, request, &who, &path_info)
}

/// Asks who it is and whether that one may.
fn let_in(
    world: &World,
    request: &Request<Bytes>,
    path: &str,
    push: bool,
) -> Result<(Who, String), Refusal> {
    let (name, path_info) = path.split_once(".git/").unwrap_or((path, ""));
    let ours = name
        .trim_start_matches('/')
        .eq_ignore_ascii_case(&world.full_name());
    let who = auth::who(world, request).map_err(|_| {
        let why = "Invalid username or token. Password authentication is not supported for Git operations.";
        Refusal::challenge(why)
    })?;
    if matches!(who, Who::Nobody) && (push || world.options.private) {
        return Err(Refusal::challenge("No anonymous access."));
    }
    if !ours || !who.sees(world) {
        return Err(Refusal(404, "Repository not found.".to_owned()));
    }
    let level = if push { Level::Write } else { Level::Read };
    let role = who.account(world).map(|id| world.writes(id));
    let may = who.may(world, &[("contents", level)]) && (!push || role == Some(true));
    if !may {
        let login = who.account(world).map(|id| world.account(id).login.clone());
        let why = match who {
            Who::Installation(_) => "Write access to repository not granted.".to_owned(),
            _ => format!(
                "Permission to {}.git denied to {}.",
                world.full_name(),
                login.unwrap_or_default()
            ),
        };
        return Err(Refusal(403, why));
    }
    Ok((who, format!("/{path_info}")))
}

/// A status and a sentence that git shows to its user.
struct Refusal(u16, String);

impl Refusal {
    fn challenge(why: &str) -> Self {
        Self(401, why.to_owned())
    }

    fn answer(&self) -> Response<Body> {
        let mut answer = plain(self.0, &self.1);
        if self.0 == 401 {
            let value = axum::http::HeaderValue::from_static("Basic realm=\"GitHub\"");
            answer.headers_mut().insert("www-authenticate", value);
        }
        answer
    }
}

fn plain(status: u16, text: &str) -> Response<Body> {
    let mut answer = Response::new(Body::from(format!("{text}\n")));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    let kind = axum::http::HeaderValue::from_static("text/plain; charset=UTF-8");
    answer.headers_mut().insert("content-type", kind);
    answer
}

/// Takes a push under the rules of the branches, and does what follows from it.
fn receive_push(
    world: &mut World,
    request: &Request<Bytes>,
    who: &Who,
    path_info: &str,
) -> Response<Body> {
    let commands = receive::commands(request.body());
    let by = who.account(world).unwrap_or_default();
    let identity = who.identity(world);
    let path = request.uri().path();
    let shown: Vec<_> = commands
        .iter()
        .map(|it| json!({"ref": it.name, "old": it.old, "new": it.new}))
        .collect();
    let number = world
        .log
        .begin("POST", path, "", json!({"commands": shown}));
    world.log.identify(number, &identity);
    if !commands.is_empty() {
        world.limits.pushed(&identity);
    }
    let rules = tempfile::tempdir().expect("a folder for the rules");
    write_rules(world, &commands, by, rules.path());
    let hooks = format!("core.hooksPath={}", rules.path().display());
    let config = [
        hooks.as_str(),
        "receive.hideRefs=refs/pull",
        "transfer.hideRefs=refs/forks",
    ];
    let env = [("GITHUB_RULES", rules.path().display().to_string())];
    let dir = world.repo.dir().to_owned();
    let answer = cgi(&dir, request, path_info, &config, &env);
    let answer = reworded(world, answer, &commands);
    world.branches_moved(by);
    world.log.end(number, answer.status().as_u16(), b"");
    answer
}

/// Writes down what the hook has to know: one file a rule and reference.
fn write_rules(world: &World, commands: &[Command], by: u64, dir: &Path) {
    let write = |name: &str, text: &str| {
        std::fs::write(dir.join(name), text).expect("the rules can be written");
    };
    for command in commands {
        let Some(branch) = command.name.strip_prefix("refs/heads/") else {
            continue;
        };
        let rules = world.rules_of(branch);
        if !rules.any() || world.bypasses(&rules, by) {
            continue;
        }
        let file = command.name.replace('/', "%");
        let title = if rules.ruleset {
            format!(
                "error: GH013: Repository rule violations found for {}.",
                command.name
            )
        } else {
            format!(
                "error: GH006: Protected branch update failed for {}.",
                command.name
            )
        };
        write(&format!("{file}.title"), &title);
        let refused = world.push_refused(command, &rules);
        write(&format!("{file}.refused"), &refused.join("\n"));
        if rules.fixed || !rules.ruleset {
            write(&format!("{file}.fixed"), "");
        }
        if rules.signatures {
            write(&format!("{file}.signed"), "");
        }
    }
    let keys = world.accounts.values().flat_map(|it| &it.signing_keys);
    let allowed: Vec<String> = keys.map(|key| format!("* {key}")).collect();
    write("allowed", &allowed.join("\n"));
    write("update", receive::HOOK);
    make_executable(&dir.join("update"));
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, mode).expect("the hook can be made a program");
}

/// Puts GitHub's words in the place of git's own where the hook refused.
fn reworded(world: &World, answer: Response<Body>, commands: &[Command]) -> Response<Body> {
    let ruleset = |name: &str| {
        let branch = name.trim_start_matches("refs/heads/");
        world.rules_of(branch).ruleset
    };
    let words: Vec<(String, &str)> = commands
        .iter()
        .map(|it| {
            let said = if ruleset(&it.name) {
                "push declined due to repository rule violations"
            } else {
                "protected branch hook declined"
            };
            (it.name.clone(), said)
        })
        .collect();
    let (head, body) = answer.into_parts();
    let bytes = futures::executor::block_on(axum::body::to_bytes(body, usize::MAX));
    let bytes = receive::reworded(&bytes.unwrap_or_default(), &words);
    Response::from_parts(head, Body::from(bytes))
}

/// Runs `git http-backend` for one request.
fn cgi(
    dir: &Path,
    request: &Request<Bytes>,
    path_info: &str,
    config: &[&str],
    env: &[(&str, String)],
) -> Response<Body> {
    let header = |name: &str| {
        let value = request.headers().get(name);
        value.and_then(|it| it.to_str().ok()).unwrap_or_default()
    };
    let mut command = plain_git(dir);
    for setting in ["http.receivepack=true"].iter().chain(config) {
        command.args(["-c", setting]);
    }
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", dir)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path_info)
        .env("REQUEST_METHOD", request.method().as_str())
        .env("QUERY_STRING", request.uri().query().unwrap_or_default())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", request.body().len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"));
    for (name, value) in env {
        command.env(name, value);
    }
    match run(command, request.body()) {
        Ok(said) => cgi_answer(&said),
        Err(why) => {
            // a client that goes away in the middle is no defect, but a test that fails wants to know
            let _told = writeln!(std::io::stderr(), "git http-backend: {why}");
            plain(500, "git http-backend failed")
        }
    }
}

fn cgi_answer(said: &[u8]) -> Response<Body> {
    let end = said.windows(4).position(|it| it == b"\r\n\r\n");
    let Some(end) = end else {
        return plain(500, "git http-backend said nothing");
    };
    let head = String::from_utf8_lossy(&said[..end]).into_owned();
    let mut answer = Response::builder();
    for (name, value) in head.lines().filter_map(|it| it.split_once(": ")) {
        answer = match name {
            "Status" => answer.status(value[..3].parse::<u16>().unwrap_or(500)),
            _ => answer.header(name, value),
        };
    }
    let body = Body::from(said[end + 4..].to_vec());
    answer
        .body(body)
        .unwrap_or_else(|_| plain(500, "git http-backend answered oddly"))
}
