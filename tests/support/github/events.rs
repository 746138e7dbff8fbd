//! What webhooks tell, put together from the shapes of the REST API.

use serde_json::{Value, json};

use super::json::{self, accounts, node_id, repository};
use super::state::World;
use super::state::pulls::Pull;
use super::webhooks::From;

impl World {
    /// Tells the App about something, when it is subscribed to that.
    pub(crate) fn tell(&self, event: &str, by: u64, mut payload: Value) {
        if !accounts::events(&self.app).contains(&event) {
            return;
        }
        payload["repository"] = repository::in_webhook(self);
        if self.options.organization {
            payload["organization"] = accounts::organization(self);
        }
        payload["sender"] = self.user(by);
        let id = self.app.installation;
        payload["installation"] = json!({"id": id, "node_id": node_id("MDIz", id)});
        without_news(&mut payload);
        self.hooks.send(&self.from(), event, &payload);
    }

    /// Tells about a pull request; `more` is laid over the payload.
    pub(crate) fn tell_pull(&self, action: &str, number: u64, by: u64, more: Value) {
        let mut payload = json!({
            "action": action,
            "number": number,
            "pull_request": pull(self, &self.pulls[&number]),
        });
        repository::merge(&mut payload, more);
        self.tell("pull_request", by, payload);
    }

    /// Tells about a review.
    pub(crate) fn tell_review(&self, action: &str, number: u64, review: u64, by: u64, more: Value) {
        let it = &self.pulls[&number];
        let Some(review) = it.reviews.iter().find(|it| it.id == review) else {
            return;
        };
        let mut payload = json!({
            "action": action,
            "review": json::pulls::review_in_webhook(self, number, review),
            "pull_request": short_pull(self, it),
        });
        repository::merge(&mut payload, more);
        self.tell("pull_request_review", by, payload);
    }

    /// Tells that the installation's permissions changed.
    pub(crate) fn tell_installation(&self, action: &str, by: u64) {
        let short = json!({
            "id": repository::ID,
            "node_id": node_id("R", repository::ID),
            "name": self.options.name,
            "full_name": self.full_name(),
            "private": self.options.private,
        });
        let payload = json!({
            "action": action,
            "installation": accounts::installation(self, &self.app),
            "repositories": [short],
            "sender": self.user(by),
        });
        self.hooks.send(&self.from(), "installation", &payload);
    }

    /// What GitHub sends when a webhook is set up.
    pub(crate) fn ping(&self) {
        let now = json::time(super::state::now());
        let id = self.app.id + 500_000;
        let url = self.hooks.url.clone();
        let payload = json!({
            "zen": "Speak like a human.",
            "hook_id": id,
            "hook": {
                "type": "App",
                "id": id,
                "name": "web",
                "active": true,
                "app_id": self.app.id,
                "events": accounts::events(&self.app),
                "config": {"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": url},
                "updated_at": now,
                "created_at": now,
                "deliveries_url": format!("{}/app/hook/deliveries", self.api()),
            },
        });
        self.hooks.send(&self.from(), "ping", &payload);
    }

    /// Who signs.
    pub(crate) fn from(&self) -> From<'_> {
        From {
            app: self.app.id,
            secret: &self.app.webhook_secret,
        }
    }
}

/// Takes out what the REST API shows of teams and signatures, and webhooks do not.
fn without_news(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.remove("verified_at");
            if object.contains_key("organization_id") {
                object.remove("organization_id");
                object.remove("type");
            }
            object.values_mut().for_each(without_news);
        }
        Value::Array(items) => items.iter_mut().for_each(without_news),
        _ => {}
    }
}

/// A pull request as its own event shows it.
fn pull(world: &World, it: &Pull) -> Value {
    let mut shown = json::pulls::full(world, it);
    for end in ["head", "base"] {
        let usual = repository::usual(world);
        if shown[end]["repo"]["id"] == usual["id"] {
            shown[end]["repo"] = repository::in_webhook(world);
        }
    }
    shown
}

/// A pull request as a review's event shows it: without what takes work to find out.
fn short_pull(world: &World, it: &Pull) -> Value {
    let mut shown = json::pulls::simple(world, it);
    for end in ["head", "base"] {
        shown[end]["repo"] = repository::in_webhook(world);
    }
    shown
}
