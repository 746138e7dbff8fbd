//! A store is asked over HTTP whether it works, where that is allowed, and what it answers becomes its phase.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::hands::{preloaded, ready_store, told};
use crate::onlooker::{Onlooker, nothing_but};
use crate::support::api::Api;
use crate::support::eventually;
use crate::world::{SOON, World};

const PATH: &str = "/?rest_route=/wc/store/v1/products";

/// To be played alone: the server is started again.
pub(crate) fn asked(world: &mut World) {
    let shop = Shop::opens();
    ready_store(world, "asked");

    // its name leads into a network that is not listed: nobody connects
    serve(world, &shop, &json!([]));
    let api = world.api();
    told(&api, "asked", "Degraded", "NotAnswering", "is not public");
    assert_eq!(shop.asked(), [""; 0], "no request came");

    // listed, it is asked: at its own host, for the engine's path
    serve(world, &shop, &json!(["127.0.0.0/8"]));
    let api = world.api();
    told(
        &api,
        "asked",
        "Degraded",
        "NotAnswering",
        "500 instead of 200",
    );
    let line = format!("GET {PATH} HTTP/1.1 asked.localtest.me");
    let asked = shop.asked();
    assert!(asked.contains(&line), "{asked:?}");
    assert_eq!(answering(&api), None, "it never answered");

    // a restart forgets the answers, and shows nothing else before there is one
    world.server.stop();
    world.server.restart();
    let api = world.api();
    let onlooker = Onlooker::begins(api.clone());
    let before = shop.asked().len();
    eventually("it is asked again", SOON * 2, || match shop.asked().len() {
        now if now > before => Ok(()),
        _ => Err("not yet".to_owned()),
    });
    told(&api, "asked", "Degraded", "NotAnswering", "500");
    nothing_but(&onlooker.saw(), "asked", "Degraded", "NotAnswering");

    shop.answers(200, "application/json");
    api.store_in("asked", "Ready", SOON);
    eventually("the change says when it answered", SOON, || {
        answering(&api).ok_or_else(|| "not yet".to_owned())
    });
}

/// When the store's change saw it answer, if it did.
fn answering(api: &Api) -> Option<Value> {
    let (_, changes) = api.get("/api/v1/changes?store=asked");
    let steps = changes["items"][0]["milestones"].as_array()?;
    let found = steps.iter().find(|it| it["name"] == "answering")?;
    Some(found["at"].clone())
}

/// The tests' policy, with a probe of the engine.
pub(crate) fn with_probe(policy: &str) -> String {
    let engine = "default: \"1.0.0\", merchantValues: [title]";
    let probe = format!("{engine}, probe: {{path: \"{PATH}\", expect: 200}}");
    let asked = policy.replace(engine, &probe);
    assert_ne!(asked, policy);
    asked
}

/// Has the server ask stores from now on, in these networks beside public ones.
fn serve(world: &mut World, shop: &Shop, allow: &Value) {
    let path = world.dir.path().join("config.yaml");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["probe"] = json!({"enabled": true, "allow": allow});
    std::fs::write(&path, config.to_string()).unwrap();
    let define = format!("-DPORT={}", shop.port);
    let library = preloaded(world.dir.path(), "names", include_str!("names.c"), &define);
    let environment = vec![("LD_PRELOAD", OsString::from(library))];
    world.server.restart_with(environment);
}

/// What is behind the ingress: it answers as it is told and keeps what it was asked.
struct Shop {
    port: u16,
    answer: Arc<Mutex<(u16, &'static str)>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    fn opens() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shop = Self {
            port: listener.local_addr().unwrap().port(),
            answer: Arc::new(Mutex::new((500, "text/html"))),
            asked: Arc::default(),
        };
        let (told, asked) = (Arc::clone(&shop.answer), Arc::clone(&shop.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let now = *told.lock().unwrap();
                let line = answer(stream, now);
                asked.lock().unwrap().extend(line);
            }
        });
        shop
    }

    fn answers(&self, status: u16, media: &'static str) {
        *self.answer.lock().unwrap() = (status, media);
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers one request; its first line with its host.
fn answer(mut stream: TcpStream, (status, media): (u16, &str)) -> Option<String> {
    let lines = BufReader::new(stream.try_clone().ok()?).lines();
    let head: Vec<String> = lines
        .map_while(Result::ok)
        .take_while(|it| !it.is_empty())
        .collect();
    let host = head
        .iter()
        .find_map(|it| it.to_lowercase().strip_prefix("host: ").map(str::to_owned));
    let told = format!(
        "HTTP/1.1 {status} Told\r\ncontent-type: {media}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]"
    );
    stream.write_all(told.as_bytes()).ok()?;
    Some(format!("{} {}", head.first()?, host?))
}
