//! What is asked of names, hosts and values, over the wire: the right pointer, and words that say what to do.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::process::{Server, run};
use crate::wire::Dev;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn the_schemas_of_what_people_write_are_there_for_everybody() {
    let dev = Dev::start();
    for (name, title) in [
        ("policy", "The fleet policy, fleetwright.yaml"),
        ("store", "A store's record, stores/<hh>/<store>.yaml"),
    ] {
        let reply = dev.anonymous("GET", &format!("/schemas/{name}.json"), &[], "");
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.header("content-type"), "application/schema+json");
        let schema = reply.json();
        assert_eq!(schema["title"], title);
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
    }
    dev.anonymous("GET", "/schemas/other.json", &[], "")
        .assert_problem(404);
    // What the server wrote fits the schema that it serves.
    dev.create("shop");
    let record = dev.get("/api/v1/stores/shop").json()["record"].clone();
    let schema = dev.anonymous("GET", "/schemas/store.json", &[], "").json();
    let check = jsonschema::validator_for(&schema).expect("a schema");
    let wrong: Vec<String> = check
        .iter_errors(&record)
        .map(|it| it.to_string())
        .collect();
    assert_eq!(wrong, [""; 0], "{record}");
}

#[test]
fn values_are_held_against_the_chart_before_anything_is_accepted() {
    let dev = Dev::start();
    let create = |values: Value| {
        let body = json!({"name": "shop", "engine": "woocommerce", "values": values});
        dev.json("POST", "/api/v1/stores", &body)
    };
    let table = [
        (json!({"currency": "euro"}), "/values/currency"),
        (json!({"title": "a\nb"}), "/values/title"),
        (json!({"colour": 1}), "/values/colour"),
        (
            json!({"admin": {"email": "no address"}}),
            "/values/admin/email",
        ),
        (
            json!({"admin": {"pass/word": "x"}}),
            "/values/admin/pass~1word",
        ),
        (json!({"workers": 1}), "/values/workers"),
        (json!({"host": "elsewhere.example"}), "/values/host"),
        (json!({"title": "\u{202e}gnp.exe"}), "/values/title"),
        (
            json!({"podAnnotations": {"a": "\u{1b}[2J"}}),
            "/values/podAnnotations/a",
        ),
    ];
    for (values, pointer) in table {
        let reply = create(values.clone());
        reply.assert_problem(422);
        assert_eq!(reply.pointers(), [pointer], "{values}");
    }
    dev.create("shop");
    let bad = json!({"values": {"currency": "euro"}});
    let patched = dev.json("PATCH", "/api/v1/stores/shop", &bad);
    assert_eq!(patched.pointers(), ["/values/currency"]);
    let render = json!({"name": "shop", "patch": bad});
    let rendered = dev.json("POST", "/api/v1/render", &render);
    assert_eq!(rendered.pointers(), ["/patch/values/currency"]);
    let good = json!({"values": {"currency": "CHF", "title": "Ünïcode ✨", "admin": {"email": "a@b.example"}}});
    assert_eq!(dev.json("PATCH", "/api/v1/stores/shop", &good).status, 202);
    // Two replicas need a volume that two can mount: the chart's rule over several values.
    let two = dev.json(
        "PATCH",
        "/api/v1/stores/shop",
        &json!({"values": {"replicas": 2}}),
    );
    assert_eq!(two.status, 422, "{two:?}");
    let both = json!({"values": {"replicas": 2, "persistence": {"accessMode": "ReadWriteMany"}}});
    assert_eq!(dev.json("PATCH", "/api/v1/stores/shop", &both).status, 202);
}

/// A name server with TXT records, on a port of its own; it ends with the test's process.
fn name_server(records: Arc<Mutex<HashMap<String, String>>>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address");
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((size, from)) = socket.recv_from(&mut buffer) {
            let records = records.lock().expect("the records");
            let _sent = socket.send_to(&answer(&buffer[..size], &records), from);
        }
    });
    address
}

/// The answer to a question (RFC 1035 §4.1).
fn answer(question: &[u8], records: &HashMap<String, String>) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut at = 12;
    while question[at] != 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).to_lowercase());
        at = end;
    }
    let text = records.get(&labels.join("."));
    let (code, count) = if text.is_some() { (0, 1) } else { (3, 0) };
    let mut out = question[..2].to_vec();
    out.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    out.extend(&question[12..at + 5]);
    if let Some(text) = text {
        let size = u8::try_from(text.len()).expect("a short text");
        out.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, size + 1, size]);
        out.extend(text.as_bytes());
    }
    out
}

#[test]
fn a_merchant_proves_a_host_of_their_own_by_dns() {
    let records = Arc::new(Mutex::new(HashMap::new()));
    let server = name_server(Arc::clone(&records));
    let folder = tempfile::tempdir().expect("a folder");
    let (data, remote) = (folder.path().join("data"), folder.path().join("fleet.git"));
    let path = remote.to_str().expect("a plain path");
    run(&["init", path]);
    let config = folder.path().join("config.yaml");
    let text = format!(
        "listen: 127.0.0.1:0\ndata: {}\ngit: {{url: {path}}}\npush: {{pace: 0s}}\ndns: {{server: \"{server}\"}}\n",
        data.display()
    );
    std::fs::write(&config, text).expect("written");
    let args = ["serve", "--config", config.to_str().expect("a plain path")];
    let running = Server::start(&args, &data);
    let ann = merchant(&running, "ann");

    let foreign = json!({"name": "shop", "engine": "woocommerce", "host": "shop.example.org"});
    let (status, refused) = ann.post("/api/v1/stores", &foreign);
    assert_eq!(status, 422, "{refused}");
    assert_eq!(refused["errors"][0]["pointer"], "/host");
    let (status, refused) = ann.post(
        "/api/v1/stores",
        &json!({"name": "www", "engine": "woocommerce"}),
    );
    assert_eq!(
        (status, &refused["errors"][0]["pointer"]),
        (422, &json!("/name"))
    );

    let change = ann.create(&json!({"name": "shop", "engine": "woocommerce"}));
    ann.change_in(&change, "merged", SOON);
    let uid = ann.store("shop")["uid"].as_str().expect("a uid").to_owned();
    let add = json!({"extraHosts": ["shop.example.org"]});
    let (status, refused) = ann.patch("/api/v1/stores/shop", &add);
    assert_eq!(status, 422, "{refused}");
    let told = refused["errors"][0]["detail"].as_str().expect("a sentence");
    assert!(
        told.contains("_fleetwright.shop.example.org") && told.contains(&uid),
        "{told}"
    );

    let record = "_fleetwright.shop.example.org".to_owned();
    let publish = |text: &str| {
        records
            .lock()
            .expect("the records")
            .insert(record.clone(), text.to_owned());
    };
    publish("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    assert_eq!(
        ann.patch("/api/v1/stores/shop", &add).0,
        422,
        "another store's uid"
    );
    publish(&uid);
    let (status, change) = ann.patch("/api/v1/stores/shop", &add);
    assert_eq!(status, 202, "{change}");
    // The writer asks nobody again: what was proved is kept with the change.
    records.lock().expect("the records").clear();
    ann.change_in(change["id"].as_str().expect("an id"), "merged", SOON);
    assert_eq!(
        ann.store("shop")["record"]["spec"]["extraHosts"],
        json!(["shop.example.org"])
    );
}

/// Makes a merchant a token, and returns how they speak to the server.
pub(crate) fn merchant(server: &Server, owner: &str) -> Api {
    let body = json!({"name": owner, "role": "merchant", "owner": owner});
    let (status, made) = server.api().post("/api/v1/tokens", &body);
    assert_eq!(status, 201, "{made}");
    server.api_of(made["token"].as_str().expect("a token"))
}
