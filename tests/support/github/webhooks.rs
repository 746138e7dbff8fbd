//! Webhooks out: signed, numbered, delivered as the plan says, and kept so that they can be delivered again.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How deliveries are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Plan {
    /// At once, in order.
    Prompt,
    /// Not at all.
    Never,
    /// This many milliseconds later.
    Late(u64),
    /// Each one twice, under the same delivery id.
    Twice,
    /// What comes within a quarter of a second, in any order.
    Shuffled,
}

/// A delivery, made or not.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Delivery {
    /// `X-GitHub-Delivery`.
    pub(crate) id: String,
    /// `X-GitHub-Event`.
    pub(crate) event: String,
    /// The payload's action; empty where it has none.
    pub(crate) action: String,
    pub(crate) payload: Value,
    /// The status of each attempt; 0 where there was no answer.
    pub(crate) attempts: Vec<u16>,
}

struct Job {
    url: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    id: String,
    plan: Plan,
}

/// Where webhooks go, and what went there.
pub(crate) struct Hooks {
    pub(crate) url: Option<String>,
    pub(crate) plan: Plan,
    made: Arc<Mutex<Vec<Delivery>>>,
    jobs: Sender<Job>,
}

/// Who sends it: what the headers say beside the payload.
pub(crate) struct From<'a> {
    pub(crate) app: u64,
    pub(crate) secret: &'a str,
}

impl Hooks {
    /// Starts the thread that delivers. It ends with the last sender.
    pub(crate) fn start() -> Self {
        let (jobs, queue) = channel();
        let made = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&made);
        std::thread::spawn(move || work(&queue, &kept));
        Self {
            url: None,
            plan: Plan::Prompt,
            made,
            jobs,
        }
    }

    /// Sends an event.
    pub(crate) fn send(&self, from: &From, event: &str, payload: &Value) {
        let id = super::uuid();
        let action = payload["action"].as_str().unwrap_or_default().to_owned();
        self.made.lock().expect("no panic").push(Delivery {
            id: id.clone(),
            event: event.to_owned(),
            action,
            payload: payload.clone(),
            attempts: Vec::new(),
        });
        self.deliver(from, &id, event, payload, self.plan);
    }

    /// Delivers again what was sent before, under its old id. False where there is no such delivery.
    pub(crate) fn redeliver(&self, from: &From, id: &str) -> bool {
        let found = self.deliveries().into_iter().find(|it| it.id == id);
        let Some(delivery) = found else { return false };
        self.deliver(from, id, &delivery.event, &delivery.payload, Plan::Prompt);
        true
    }

    /// Everything sent so far.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.made.lock().expect("no panic").clone()
    }

    fn deliver(&self, from: &From, id: &str, event: &str, payload: &Value, plan: Plan) {
        let Some(url) = self.url.clone().filter(|_| plan != Plan::Never) else {
            return;
        };
        let body = payload.to_string();
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("accept", "*/*".to_owned()),
            ("user-agent", "GitHub-Hookshot/5f1a2b3".to_owned()),
            ("x-github-delivery", id.to_owned()),
            ("x-github-event", event.to_owned()),
            ("x-github-hook-id", (from.app + 500_000).to_string()),
            ("x-github-hook-installation-target-id", from.app.to_string()),
            (
                "x-github-hook-installation-target-type",
                "integration".to_owned(),
            ),
            (
                "x-hub-signature-256",
                signature(from.secret, body.as_bytes()),
            ),
        ];
        let job = Job {
            url,
            headers,
            body,
            id: id.to_owned(),
            plan,
        };
        // The worker lives as long as this sender does.
        let _sent = self.jobs.send(job);
    }
}

/// `X-Hub-Signature-256` of a body.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body);
    format!("sha256={}", super::hex(tag.as_ref()))
}

fn work(queue: &Receiver<Job>, made: &Arc<Mutex<Vec<Delivery>>>) {
    while let Ok(job) = queue.recv() {
        match job.plan {
            Plan::Late(milliseconds) => {
                let made = Arc::clone(made);
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(milliseconds));
                    post(&job, &made);
                });
            }
            Plan::Twice => {
                post(&job, made);
                post(&job, made);
            }
            Plan::Shuffled => shuffle(job, queue, made),
            Plan::Prompt | Plan::Never => post(&job, made),
        }
    }
}

fn shuffle(first: Job, queue: &Receiver<Job>, made: &Mutex<Vec<Delivery>>) {
    let mut jobs = vec![first];
    while let Ok(job) = queue.recv_timeout(Duration::from_millis(250)) {
        jobs.push(job);
    }
    // newest first is the order that hurts most
    jobs.reverse();
    for job in &jobs {
        post(job, made);
    }
}

fn post(job: &Job, made: &Mutex<Vec<Delivery>>) {
    // GitHub waits ten seconds for an answer
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(10)));
    let agent: ureq::Agent = config.build().into();
    let mut request = agent.post(&job.url);
    for (name, value) in &job.headers {
        request = request.header(*name, value);
    }
    let status = request.send(&job.body).map_or(0, |it| it.status().as_u16());
    let mut made = made.lock().expect("no panic");
    if let Some(delivery) = made.iter_mut().find(|it| it.id == job.id) {
        delivery.attempts.push(status);
    }
}
