//! Server-sent events over the wire: order, coming back, one change's stream, many listeners, and the server's end.

use std::io::{BufRead as _, BufReader, ErrorKind};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::http::Request;

use crate::support::eventually;
use crate::wire::Dev;

/// One event as it came.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    id: String,
    event: String,
    data: Value,
}

/// A stream that is read as it comes.
struct Stream {
    lines: BufReader<Box<dyn std::io::Read + Send>>,
    /// The last id that was given, as a browser keeps it.
    place: String,
    comments: usize,
}

impl Stream {
    fn open(dev: &Dev, path: &str, last: Option<&str>) -> Self {
        Self::open_with(dev, &dev.token, path, last)
    }

    /// The same with another token.
    fn open_with(dev: &Dev, token: &str, path: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(format!("{}{path}", dev.base))
            .header("authorization", format!("Bearer {token}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_mins(1)))
            .build()
            .new_agent();
        let answer = agent
            .run(request.body(()).expect("a request"))
            .expect("a stream");
        let media = answer.headers().get("content-type").expect("a media type");
        assert_eq!(media, "text/event-stream");
        let body: Box<dyn std::io::Read + Send> = Box::new(answer.into_body().into_reader());
        let mut stream = Self {
            lines: BufReader::new(body),
            place: String::new(),
            comments: 0,
        };
        // The first block has the place alone: who reads on from there misses nothing.
        while stream.place.is_empty() {
            assert!(stream.block().expect("a beginning").is_none());
        }
        stream
    }

    /// One block: an event, or none where it has no data. An error at the end of the stream.
    fn block(&mut self) -> Result<Option<Told>, ErrorKind> {
        let (mut event, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).map_err(|it| it.kind())?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof);
            }
            let line = line.trim_end_matches('\n');
            match line.split_once(": ").or_else(|| line.split_once(':')) {
                _ if line.is_empty() => break,
                Some(("id", id)) => id.clone_into(&mut self.place),
                Some(("event", word)) => word.clone_into(&mut event),
                Some(("data", text)) => data.push_str(text),
                Some(("", _)) => self.comments += 1,
                Some(("retry", milliseconds)) => assert!(milliseconds.parse::<u32>().is_ok()),
                _ => panic!("no line of an event stream: {line:?}"),
            }
        }
        Ok((!data.is_empty()).then(|| Told {
            id: self.place.clone(),
            event,
            data: serde_json::from_str(&data).expect("JSON on one line"),
        }))
    }

    /// The next event; none at the end of the stream.
    fn next(&mut self) -> Option<Told> {
        loop {
            match self.block() {
                Ok(Some(told)) => return Some(told),
                Ok(None) => {}
                Err(ErrorKind::UnexpectedEof) => return None,
                Err(error) => panic!("the stream broke off: {error}"),
            }
        }
    }

    /// Events until this many changes are merged.
    fn until_merged(&mut self, mut count: usize) -> Vec<Told> {
        let mut all = Vec::new();
        while count > 0 {
            let told = self.next().expect("the stream goes on");
            count -= usize::from(told.event == "change" && told.data["state"] == "merged");
            all.push(told);
        }
        all
    }
}

#[test]
fn a_client_that_comes_back_hears_what_it_missed_and_nothing_twice() {
    let dev = Dev::start();
    let mut stream = Stream::open(&dev, "/api/v1/events", None);
    let beginning = stream.place.clone();
    dev.create("first");
    let heard = stream.until_merged(1);

    let states: Vec<&Value> = heard
        .iter()
        .filter(|it| it.event == "change")
        .map(|it| &it.data["state"])
        .collect();
    assert_eq!(states, ["queued", "written", "merged"], "{heard:#?}");
    let phases: Vec<&Value> = heard
        .iter()
        .filter(|it| it.event == "store")
        .map(|it| &it.data["phase"])
        .collect();
    assert_eq!(phases, ["Requested", "Committed"], "{heard:#?}");
    let ids: Vec<u64> = heard.iter().map(number).collect();
    assert!(ids.windows(2).all(|it| it[0] < it[1]), "{ids:?}");

    dev.create("second");
    let more = stream.until_merged(1);
    drop(stream);
    let all: Vec<Told> = heard.iter().chain(&more).cloned().collect();
    for (place, rest) in [(&beginning, &all[..]), (&heard[1].id, &all[2..])] {
        let mut back = Stream::open(&dev, "/api/v1/events", Some(place));
        let again: Vec<Told> = rest
            .iter()
            .map(|_| back.next().expect("an event"))
            .collect();
        assert_eq!(again, rest, "from {place} on");
    }
    let query = format!("/api/v1/events?lastEventId={}&store=second", heard[0].id);
    let mut of_second = Stream::open(&dev, &query, None);
    let told = of_second.until_merged(1);
    assert!(
        told.iter()
            .all(|it| it.id != heard[1].id && it.data.to_string().contains("second"))
    );

    for strange in ["01ARZ3NDEKTSV4RRFFQ69G5FAV-1", "nonsense"] {
        let mut lost = Stream::open(&dev, "/api/v1/events", Some(strange));
        let told = lost.next().expect("an event");
        assert_eq!(told.event, "reset", "{strange}");
    }
    let wrong = dev.get("/api/v1/events?shop=a&store=A");
    assert_eq!(wrong.pointers(), ["/query/store", "/query/shop"]);
}

fn number(told: &Told) -> u64 {
    let (_, number) = told.id.rsplit_once('-').expect("<epoch>-<seq>");
    number.parse().expect("a number")
}

#[test]
fn a_changes_stream_begins_with_it_and_ends_with_it() {
    let dev = Dev::start();
    let body = json!({"name": "shop", "engine": "woocommerce"});
    let change = dev.json("POST", "/api/v1/stores", &body).json();
    let id = change["id"].as_str().expect("an id");
    let path = format!("/api/v1/changes/{id}/events");
    let mut stream = Stream::open(&dev, &path, None);
    let steps: Vec<Told> = std::iter::from_fn(|| stream.next()).collect();
    let last = steps.last().expect("at least the change as it was");
    assert_eq!(
        last.data["state"], "merged",
        "no cluster is watched: that is as far as it goes"
    );
    let lengths: Vec<usize> = steps
        .iter()
        .map(|it| it.data["timeline"].as_array().expect("a timeline").len())
        .collect();
    assert!(
        lengths.windows(2).all(|it| it[0] <= it[1]),
        "never back: {lengths:?}"
    );
    assert!(
        steps
            .iter()
            .all(|it| it.event == "change" && it.data["id"] == id)
    );

    let mut after = Stream::open(&dev, &path, None);
    assert_eq!(after.next().expect("the change").data, last.data);
    assert_eq!(after.next(), None, "it is over");
    let missing = "/api/v1/changes/01ARZ3NDEKTSV4RRFFQ69G5FAV/events";
    dev.get(missing).assert_problem(404);
    dev.anonymous("GET", &path, &[], "").assert_problem(401);
    let head = dev.send("HEAD", &path, &[], "");
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}

#[test]
fn two_hundred_listeners_hear_everything_in_one_order() {
    const LISTENERS: usize = 200;
    const STORES: usize = 30;
    let dev = Dev::start_with(&["--no-limits"]);
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..LISTENERS {
            let mut stream = Stream::open(&dev, "/api/v1/events", None);
            let tell = tell.clone();
            scope.spawn(move || tell.send(stream.until_merged(STORES)));
        }
        for number in 0..STORES {
            let body = json!({"name": format!("shop-{number}"), "engine": "woocommerce"});
            assert_eq!(dev.json("POST", "/api/v1/stores", &body).status, 202);
        }
    });
    drop(tell);
    let all: Vec<Vec<Told>> = told.iter().collect();
    assert_eq!(all.len(), LISTENERS);
    assert!(all.iter().all(|it| *it == all[0]), "all hear the same");
    let ids: Vec<u64> = all[0].iter().map(number).collect();
    assert!(
        ids.windows(2).all(|it| it[0] + 1 == it[1]),
        "nothing is left out: {ids:?}"
    );
}

#[test]
fn open_streams_do_not_hold_up_the_servers_end() {
    let mut dev = Dev::start();
    let mut streams: Vec<Stream> = (0..5)
        .map(|_| Stream::open(&dev, "/api/v1/events", None))
        .collect();
    let began = Instant::now();
    dev.server.stop();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    for stream in &mut streams {
        assert_eq!(
            stream.next(),
            None,
            "they end as streams do, and are not cut off"
        );
    }
}

#[test]
fn a_silent_stream_gives_a_sign_of_life() {
    let dev = Dev::start();
    let mut stream = Stream::open(&dev, "/api/v1/events?store=quiet", None);
    let place = stream.place.clone();
    dev.create("other");
    let began = Instant::now();
    assert_eq!(stream.block().expect("a comment"), None);
    assert_eq!(stream.comments, 1);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert_ne!(stream.place, place, "and passes on what it may leave out");
}

#[test]
fn merchants_hear_of_their_own_stores_as_long_as_their_token_is_good() {
    let dev = Dev::start();
    let body = json!({"name": "ann", "role": "merchant", "owner": "ann"});
    let (token, id) = dev.make_token(&body);
    let mut ann = Stream::open_with(&dev, &token, "/api/v1/events", None);
    dev.create("theirs");
    let create = json!({"name": "hers", "engine": "woocommerce", "owner": "ann"});
    assert_eq!(dev.json("POST", "/api/v1/stores", &create).status, 202);
    let first = ann.next().expect("an event");
    let about = first.data["store"].as_str().or(first.data["name"].as_str());
    assert_eq!(about, Some("hers"), "{first:?}");

    let revoked = dev.send("DELETE", &format!("/api/v1/tokens/{id}"), &[], "");
    assert_eq!(revoked.status, 204);
    std::thread::sleep(Duration::from_millis(1100));
    let patch = json!({"plan": "medium"});
    assert_eq!(dev.json("PATCH", "/api/v1/stores/hers", &patch).status, 202);
    let rest: Vec<Told> = std::iter::from_fn(|| ann.next()).collect();
    let told = |it: &Told| it.data["action"] == "update";
    assert!(!rest.iter().any(told), "{rest:?}");
}

#[test]
fn one_owner_leaves_streams_for_others() {
    let dev = Dev::start();
    let merchant = |name: &str, owner: &str| {
        let body = json!({"name": name, "role": "merchant", "owner": owner});
        dev.make_token(&body).0
    };
    let (ann, also_ann, ben) = (
        merchant("a", "ann"),
        merchant("b", "ann"),
        merchant("c", "ben"),
    );
    let open = |token: &str| Stream::open_with(&dev, token, "/api/v1/events", None);
    // Given as many streams as one owner may have, by two tokens.
    let mut streams: Vec<Stream> = (0..64)
        .map(|number| open(if number % 2 == 0 { &ann } else { &also_ann }))
        .collect();
    // Then there is none more for her, and some for others.
    let refused = dev.bearing(&ann, "GET", "/api/v1/events", "");
    refused.assert_problem(503);
    assert!(refused.text.contains("one caller may have"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), "15");
    open(&ben);
    open(&dev.token);
    // When she closes one, then she may open another.
    streams.pop();
    eventually("the place is free", Duration::from_secs(30), || {
        let again = dev.bearing(&also_ann, "GET", "/api/v1/events", "");
        if again.status == 200 {
            Ok(())
        } else {
            Err(format!("{again:?}"))
        }
    });
}
