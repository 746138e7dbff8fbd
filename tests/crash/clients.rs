//! Clients that write whenever there is a server, each in stores of its own and in some that all share.
//!
//! Who is cut off does not know whether the request was accepted: it is sent again under its key, or forgotten.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::ledger::{Accepted, Ledger};
use crate::support::api::Api;

/// How many clients there are.
const CLIENTS: usize = 4;
/// How many stores of its own a client has at a time.
const STORES: usize = 24;
/// How many stores all of them change.
const SHARED: usize = 3;
/// Clients pause up to this long between two requests.
const PAUSE: Duration = Duration::from_millis(100);

/// Where the server is, for whoever waits for one.
#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    api: Option<Api>,
    over: bool,
}

/// The running clients.
pub(crate) struct Clients {
    pub(crate) ledger: Arc<Ledger>,
    gate: Arc<Gate>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    pub(crate) fn start(dice: &mut Dice) -> Self {
        let (ledger, gate) = (Arc::new(Ledger::default()), Arc::new(Gate::default()));
        let threads = (0..CLIENTS).map(|number| {
            let mut client = Client {
                number,
                dice: dice.fork(),
                ledger: ledger.clone(),
                slots: (0..STORES + SHARED).map(|_| Slot::default()).collect(),
                asked: 0,
                again: None,
            };
            let gate = gate.clone();
            std::thread::spawn(move || {
                while let Some(api) = gate.pass() {
                    client.act(&api);
                }
            })
        });
        Self {
            threads: threads.collect(),
            ledger,
            gate,
        }
    }

    /// Lets the clients write.
    pub(crate) fn open(&self, api: Api) {
        self.gate.state.lock().unwrap().api = Some(api);
        self.gate.moved.notify_all();
    }

    /// Holds the clients up before their next request.
    pub(crate) fn close(&self) {
        self.gate.state.lock().unwrap().api = None;
    }

    /// Ends the clients; one that failed fails the test.
    pub(crate) fn end(&mut self) {
        self.gate.state.lock().unwrap().over = true;
        self.gate.moved.notify_all();
        for thread in self.threads.drain(..) {
            thread.join().expect("a client meets nothing unexpected");
        }
    }

    /// Fails when a client has.
    pub(crate) fn live(&self) {
        assert!(
            self.threads.iter().all(|it| !it.is_finished()),
            "a client met the unexpected"
        );
    }
}

impl Gate {
    /// Waits for a server; none when all is over.
    fn pass(&self) -> Option<Api> {
        let state = self.state.lock().unwrap();
        let waits = |state: &mut State| state.api.is_none() && !state.over;
        let state = self.moved.wait_while(state, waits).unwrap();
        state.api.clone().filter(|_| !state.over)
    }
}

/// What a client believes of one of its stores.
#[derive(Default, Clone, Copy)]
struct Slot {
    there: bool,
    /// How many names it has had.
    names: usize,
}

/// One request, as it may have to be sent again.
struct Wish {
    method: &'static str,
    store: String,
    body: Value,
    slot: usize,
    key: String,
    sent: u64,
}

struct Client {
    number: usize,
    dice: Dice,
    ledger: Arc<Ledger>,
    slots: Vec<Slot>,
    asked: usize,
    /// A request that was cut off.
    again: Option<Wish>,
}

impl Client {
    /// Makes one request and notes what came of it.
    fn act(&mut self, api: &Api) {
        let wish = match self.again.take() {
            Some(wish) => wish,
            None => self.wish(),
        };
        let path = match wish.method {
            "POST" => "/api/v1/stores".to_owned(),
            _ => format!("/api/v1/stores/{}", wish.store),
        };
        match api.try_write(wish.method, &path, &wish.key, &wish.body) {
            Ok((202, body)) => self.accepted(&wish, &body),
            Ok((status, body)) => self.refused(&wish, status, &body),
            Err(_) => {
                self.ledger.cut.fetch_add(1, Ordering::Relaxed);
                if self.dice.chance(70) {
                    self.ledger.repeated.fetch_add(1, Ordering::Relaxed);
                    self.again = Some(wish);
                }
            }
        }
        // Now and then all of them write as fast as they can.
        if !self.asked.is_multiple_of(40) {
            std::thread::sleep(self.dice.up_to(PAUSE));
        }
    }

    fn accepted(&mut self, wish: &Wish, body: &Value) {
        let known = Accepted {
            store: wish.store.clone(),
            commits: if wish.method == "DELETE" { 2 } else { 1 },
            sent: wish.sent,
            answered: self.ledger.now(),
        };
        self.ledger.accepted(body["id"].as_str().unwrap(), known);
        let slot = &mut self.slots[wish.slot];
        slot.there = wish.method != "DELETE";
        if !slot.there && is_moving(wish.slot) {
            slot.names += 1;
        }
    }

    /// A store that is there already, or not any more, or not gone yet: all else is a failure.
    fn refused(&mut self, wish: &Wish, status: u16, body: &Value) {
        let expected = match wish.method {
            "POST" => [409, 409],
            _ => [404, 409],
        };
        let method = wish.method;
        assert!(
            expected.contains(&status),
            "{method} {}: {status} {body}",
            wish.store
        );
        self.ledger.refused(format!("{method} {status}"));
        self.slots[wish.slot].there = method == "POST";
    }

    fn wish(&mut self) -> Wish {
        self.asked += 1;
        let title = format!("{} of client {}", self.asked, self.number);
        let shared = self.dice.chance(15);
        let slot = if shared {
            STORES + self.dice.below(SHARED)
        } else {
            self.dice.below(STORES)
        };
        let Slot { there, names } = self.slots[slot];
        let store = if shared {
            format!("shared-{slot}")
        } else {
            format!("c{}-s{slot}-n{names}", self.number)
        };
        let (method, body) = if !there {
            ("POST", self.create(&store, slot, &title))
        } else if !shared && self.dice.chance(15) {
            ("DELETE", Value::Null)
        } else {
            ("PATCH", self.patch(slot, &title))
        };
        Wish {
            method,
            store,
            body,
            slot,
            key: format!("{}-{}", self.number, self.asked),
            sent: self.ledger.now(),
        }
    }

    fn create(&self, store: &str, slot: usize, title: &str) -> Value {
        let cluster = if (slot / 2).is_multiple_of(3) {
            "production"
        } else {
            "local"
        };
        json!({
            "name": store,
            "engine": "woocommerce",
            "owner": format!("owner-{}", self.number),
            "cluster": cluster,
            "values": {"title": title},
        })
    }

    /// A patch that changes something whatever was changed before.
    fn patch(&mut self, slot: usize, title: &str) -> Value {
        let mut patch = json!({"values": {"title": title}});
        if is_moving(slot) && self.dice.chance(30) {
            patch["owner"] = format!("owner-{}", self.dice.below(9)).into();
        }
        patch
    }
}

/// Whether the stores of a slot change hands. A deleted name stays its last owner's, so such a slot takes new names; the
/// others take the old one again.
fn is_moving(slot: usize) -> bool {
    slot < STORES && !slot.is_multiple_of(2)
}
