//! Issues from the form: a request of their author as first written, or one reply that says why not.

use serde_json::{Value, json};

use crate::github::Role;
use crate::support::eventually;
use crate::world::{SOON, World};

const LABEL: &str = "store-request";

/// A form as GitHub writes it.
fn form(name: &str) -> String {
    let fields = [
        ("Name", name),
        ("Engine", "woocommerce"),
        ("Plan", "small"),
        ("Cluster", "local"),
        ("Host", "_No response_"),
        ("Version", "_No response_"),
        ("Settings", "_No response_"),
        ("Reason", "_No response_"),
        (
            "Cost",
            "- [x] The price of the plan counts against my budget",
        ),
    ];
    let parts = fields.map(|(heading, answer)| format!("### {heading}\n\n{answer}"));
    parts.join("\n\n")
}

fn replied(world: &World, issue: u64, words: &str) {
    eventually(&format!("issue {issue} is told {words:?}"), SOON, || {
        let said = world.github.comments(issue);
        let there = said.iter().any(|it| it.contains(words));
        there.then_some(()).ok_or_else(|| format!("{said:?}"))
    });
}

fn stores(world: &World) -> Value {
    world.api().get("/api/v1/stores").1["items"].clone()
}

#[test]
fn what_was_edited_before_it_was_read_and_what_has_no_owner_is_refused_once() {
    let mut world = World::begin();
    let (edited, unowned) = {
        world.server.stop();
        let eve = world.github.user("eve", Role::Read);
        let edited = eve.opens_issue("A shop", &form("first"), &[LABEL]);
        eve.edits_issue(edited, &form("second"));
        // Whoever may write is an operator, and owns nothing by that.
        let ann = world.writer("ann");
        (edited, ann.opens_issue("A shop", &form("third"), &[LABEL]))
    };
    world.server.restart();
    replied(&world, edited, "This issue was edited before it was read");
    replied(&world, unowned, "your account speaks for no owner yet");
    for issue in [edited, unowned] {
        eventually("it is closed", SOON, || {
            let open = world.github.issue_is_open(issue);
            (!open).then_some(()).ok_or_else(|| "open".to_owned())
        });
        assert_eq!(world.github.comments(issue).len(), 1);
    }
    assert_eq!(stores(&world), json!([]));
}
