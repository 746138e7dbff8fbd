//! The operations of `/api/v1/stores` and `/api/v1/render`.

use axum::http::Method;
use serde_json::{Value, json};

use super::operation::Operation;
use super::parts::{change_or_plan, json_of};
use super::schemas::Schemas;
use crate::domain::change::{Action, Change, State};
use crate::domain::phase::Phase;
use crate::domain::request::CreateRequest;
use crate::domain::schema::StorePatch;
use crate::domain::view::{
    HistoryItem, Manifest, Page, Rendered, StoreEvent, StoreSort, StoreView,
};
use crate::domain::{ClusterName, Owner, StoreName};
use crate::http::actions::{Nothing, Retry, Rollback, Upgrade};
use crate::http::render::Patched;

const ONE: &str = "/api/v1/stores/{name}";

/// Every operation on stores.
pub(super) fn all(s: &mut Schemas) -> Vec<Operation> {
    let mut all = vec![list(s), create(s), show(s), update(s), delete(s)];
    all.extend(actions(s));
    all.extend(parts(s));
    all.push(render(s));
    all
}

fn list(s: &mut Schemas) -> Operation {
    let text = || json!({"type": "string"});
    Operation::new(Method::GET, "/api/v1/stores", "listStores", "Lists stores")
        .query("owner", s.asked::<Owner>(), "Only this owner's.")
        .query("engine", text(), "Only of this engine.")
        .query("plan", text(), "Only of this plan.")
        .query("cluster", s.asked::<ClusterName>(), "Only on this cluster.")
        .query("phase", s.asked::<Phase>(), "Only in this phase.")
        .query("version", text(), "Only of this chart version.")
        .query(
            "q",
            text(),
            "Only those whose name or host holds this text.",
        )
        .query("sort", s.asked::<StoreSort>(), "The order.")
        .paged()
        .answers(
            200,
            "A page of stores.",
            &[json_of(s.told::<Page<StoreView>>())],
        )
}

fn create(s: &mut Schemas) -> Operation {
    let operation = Operation::new(
        Method::POST,
        "/api/v1/stores",
        "createStore",
        "Creates a store",
    )
    .takes(true, &s.asked::<CreateRequest>(), "The store.")
    .writes();
    accepted(s, operation)
}

fn show(s: &mut Schemas) -> Operation {
    named(s, Method::GET, ONE, "getStore", "Shows a store")
        .about("After its deletion until the name is used again, too.")
        .answers(200, "The store.", &[json_of(s.told::<StoreView>())])
        .with(200, "ETag", true)
}

fn update(s: &mut Schemas) -> Operation {
    let operation = named(
        s,
        Method::PATCH,
        ONE,
        "updateStore",
        "Changes a store's spec",
    )
    .about("Merchants set no owner, only versions and values that the engine lists.")
    .takes(true, &s.asked::<StorePatch>(), "What shall be otherwise.")
    .writes();
    accepted(s, operation)
}

fn delete(s: &mut Schemas) -> Operation {
    let operation = named(
        s,
        Method::DELETE,
        ONE,
        "deleteStore",
        "Deletes a store and its data",
    )
    .about("Repeated, it answers the same change.")
    .takes_nothing()
    .writes();
    accepted(s, operation)
}

fn actions(s: &mut Schemas) -> [Operation; 5] {
    let nothing = s.asked::<Nothing>();
    let rows: [(&str, &str, &str, Value); 5] = [
        (
            "/api/v1/stores/{name}/upgrade",
            "upgradeStore",
            "Moves a store to another chart version",
            s.asked::<Upgrade>(),
        ),
        (
            "/api/v1/stores/{name}/suspend",
            "suspendStore",
            "Switches a shop off, its data kept",
            nothing.clone(),
        ),
        (
            "/api/v1/stores/{name}/resume",
            "resumeStore",
            "Switches a shop on again",
            nothing,
        ),
        (
            "/api/v1/stores/{name}/rollback",
            "rollbackStore",
            "Goes back to an earlier spec of the store",
            s.asked::<Rollback>(),
        ),
        (
            "/api/v1/stores/{name}/retry",
            "retryStore",
            "Has Flux try again",
            s.asked::<Retry>(),
        ),
    ];
    rows.map(|(path, id, summary, body)| {
        let required = id == "upgradeStore";
        let operation = named(s, Method::POST, path, id, summary)
            .takes(required, &body, "What is wanted of the action.")
            .writes();
        accepted(s, operation)
    })
}

fn parts(s: &mut Schemas) -> [Operation; 4] {
    let page = |s: &mut Schemas, path, id, summary, page: Value| {
        named(s, Method::GET, path, id, summary).answers(200, "A page.", &[json_of(page)])
    };
    let changes = s.told::<Page<Change>>();
    let history = s.told::<Page<HistoryItem>>();
    let events = s.told::<Page<StoreEvent>>();
    let manifests = s.told::<Page<Manifest>>();
    [
        page(
            s,
            "/api/v1/stores/{name}/changes",
            "listStoreChanges",
            "Lists a store's changes, newest first",
            changes,
        )
        .query("state", s.asked::<State>(), "Only in this state.")
        .query("action", s.asked::<Action>(), "Only of this action.")
        .paged(),
        page(
            s,
            "/api/v1/stores/{name}/history",
            "getStoreHistory",
            "Lists a store's commits, newest first",
            history,
        )
        .paged(),
        page(
            s,
            "/api/v1/stores/{name}/events",
            "listStoreEvents",
            "Lists what happened to a store, newest first",
            events,
        )
        .paged(),
        page(
            s,
            "/api/v1/stores/{name}/manifests",
            "listStoreManifests",
            "Shows a store's files on main",
            manifests,
        ),
    ]
}

fn render(s: &mut Schemas) -> Operation {
    let body = json!({"anyOf": [s.asked::<CreateRequest>(), s.asked::<Patched>()]});
    Operation::new(
        Method::POST,
        "/api/v1/render",
        "render",
        "Shows what a request would write",
    )
    .about("Nothing is accepted and nothing written.")
    .takes(
        true,
        &body,
        "A store to create, or the name of one and a patch.",
    )
    .problems(&[404, 409])
    .answers(200, "Files and diff.", &[json_of(s.told::<Rendered>())])
}

fn named(
    s: &mut Schemas,
    method: Method,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
) -> Operation {
    let name = s.asked::<StoreName>();
    Operation::new(method, path, id, summary).path("name", name, "The store's name.")
}

/// The answers of a write: the change that was accepted, or with `dryRun` the plan.
fn accepted(s: &mut Schemas, operation: Operation) -> Operation {
    let change = s.told::<Change>();
    let waited = "With `dryRun` the plan, of which nothing was accepted. With `Prefer: wait=N` the change, when it got there.";
    let mut operation = operation
        .answers(200, waited, &[change_or_plan(s)])
        .with(200, "Location", false)
        .answers(202, "Accepted: the change.", &[json_of(change)])
        .with(202, "Location", true);
    for status in [200, 202] {
        for name in [
            "Idempotency-Replayed",
            "Preference-Applied",
            "RateLimit",
            "RateLimit-Policy",
        ] {
            operation = operation.with(status, name, false);
        }
    }
    operation
}
