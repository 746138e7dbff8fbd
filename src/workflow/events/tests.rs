//! Listeners of a real fleet in a folder of its own: who hears what, in which order, and what a slow one is told.

use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::domain::change::State;
use crate::domain::request::{CreateRequest, Request, Role};
use crate::domain::view::{ChangeFilter, StoreFilter};
use crate::git::Person;
use crate::workflow::{Mode, Settings, Submission};

const SOON: Duration = Duration::from_secs(20);

pub(in crate::workflow) async fn fleet() -> (Fleet, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        data: folder.path().to_owned(),
        repository: folder.path().join("fleet.git"),
        mode: Mode::Embedded,
        cluster_url: "http://127.0.0.1:1/git/fleet.git".to_owned(),
        cluster_auth: false,
        author: Person {
            name: "Fleetwright".to_owned(),
            email: "bot@example.com".to_owned(),
        },
        signing_key: None,
        deploy_key: None,
        clusters: Vec::new(),
        forge: None,
        lift_limits: true,
        queue: 10_000,
        templates: None,
        dns_server: None,
        probe: None,
        oidc: None,
        public_host: None,
        request_limits: crate::domain::limits::RequestLimits::default(),
    };
    (Fleet::start(settings).await.unwrap(), folder)
}

pub(in crate::workflow) fn caller(name: &str, role: Role) -> Caller {
    Caller {
        subject: format!("token:{name}"),
        role,
        owner: name.parse().unwrap(),
    }
}

pub(in crate::workflow) async fn create(fleet: &Fleet, caller: &Caller, name: &str) -> Change {
    let request = CreateRequest {
        name: Some(name.to_owned()),
        engine: "woocommerce".to_owned(),
        plan: None,
        owner: None,
        cluster: None,
        host: None,
        extra_hosts: Vec::new(),
        version: None,
        values: serde_json::Map::new(),
    };
    let submission = Submission {
        request: Request::Create(request),
        idempotency: None,
        if_match: None,
        origin: crate::workflow::Origin::default(),
        reason: None,
    };
    fleet.submit(caller, submission).await.unwrap().change
}

async fn hear(listener: &mut Subscription) -> Option<News> {
    timeout(SOON, listener.next()).await.expect("news in time")
}

/// Hears events until some changes are merged.
async fn until_merged(listener: &mut Subscription, changes: &[&Change]) -> Vec<Arc<Event>> {
    let mut open: Vec<&ChangeId> = changes.iter().map(|it| &it.id).collect();
    let mut all = Vec::new();
    while !open.is_empty() {
        let Some(News::Event(event)) = hear(listener).await else {
            panic!("an event, and no reset");
        };
        let over = event.change.as_ref().filter(|it| it.last);
        open.retain(|id| over.is_none_or(|it| it.id != **id));
        all.push(event);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_hears_and_lists_its_own_stores_only() {
    let (fleet, _folder) = fleet().await;
    let (ann, bob) = (caller("ann", Role::Merchant), caller("bob", Role::Merchant));
    let viewer = caller("viewer", Role::Viewer);
    let listen = |caller: &Caller| fleet.listen(caller, EventFilter::default(), None);
    let (mut hers, mut all) = (listen(&ann), listen(&viewer));

    let his = create(&fleet, &bob, "bobs").await;
    let first = create(&fleet, &ann, "anns").await;

    let everything = until_merged(&mut all, &[&his, &first]).await;
    let told = until_merged(&mut hers, &[&first]).await;
    assert!(told.iter().all(|it| it.store.as_str() == "anns"));
    let anns = everything.iter().filter(|it| it.store.as_str() == "anns");
    let ids = |it: &Arc<Event>| it.id.clone();
    assert_eq!(
        told.iter().map(ids).collect::<Vec<_>>(),
        anns.map(ids).collect::<Vec<_>>(),
        "both hear the same, in the same order"
    );
    assert!(fleet.follow(&ann, &his.id).is_none());
    let filter = EventFilter {
        owner: Some(bob.owner.clone()),
        store: None,
    };
    let mut curious = fleet.listen(&ann, filter, None);
    create(&fleet, &bob, "bobs-second").await;
    let heard = timeout(Duration::from_secs(1), curious.next()).await;
    assert!(
        heard.is_err(),
        "asking for another owner's stores gives nothing"
    );

    let stores = |filter: &StoreFilter| fleet.stores(&ann, filter, 10, None).unwrap().items;
    let names = |filter: &StoreFilter| -> Vec<String> {
        stores(filter)
            .iter()
            .map(|it| it.name.to_string())
            .collect()
    };
    assert_eq!(names(&StoreFilter::default()), ["anns"]);
    let of_bob = StoreFilter {
        owner: Some(bob.owner.clone()),
        ..StoreFilter::default()
    };
    assert!(names(&of_bob).is_empty());
    let changes = fleet
        .changes(&ann, &ChangeFilter::default(), 10, None)
        .unwrap();
    assert_eq!(changes.items.len(), 1);
    assert!(fleet.store_events(&ann, "bobs", 10, None).is_err());
    assert!(fleet.manifests(&ann, "bobs").is_err());
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_listeners_hear_everything_in_one_order() {
    let (fleet, _folder) = fleet().await;
    let viewer = caller("viewer", Role::Viewer);
    let mut listeners: Vec<Subscription> = (0..1000)
        .map(|_| fleet.listen(&viewer, EventFilter::default(), None))
        .collect();
    let mut changes = Vec::new();
    for number in 0..20 {
        changes.push(create(&fleet, &viewer_as_operator(), &format!("shop-{number}")).await);
    }
    let wanted: Vec<&Change> = changes.iter().collect();
    let first = until_merged(&mut listeners[0], &wanted).await;
    for listener in &mut listeners[1..] {
        for event in &first {
            let Some(News::Event(heard)) = hear(listener).await else {
                panic!("an event, and no reset");
            };
            assert!(
                Arc::ptr_eq(&heard, event),
                "the same event, in the same place"
            );
        }
    }
    let numbers: Vec<u64> = first.iter().map(|it| it.number).collect();
    assert!(
        numbers.windows(2).all(|it| it[0] + 1 == it[1]),
        "{numbers:?}"
    );
    fleet.stop().await;
}

fn viewer_as_operator() -> Caller {
    caller("operator", Role::Operator)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_is_told_and_holds_nobody_up() {
    let (fleet, _folder) = fleet().await;
    let viewer = caller("viewer", Role::Viewer);
    let mut slow = fleet.listen(&viewer, EventFilter::default(), None);
    let place = slow.position();
    let change = create(&fleet, &viewer_as_operator(), "shop").await;
    let mut step = fleet.follow(&viewer, &change.id).unwrap();
    let core = &fleet.0.core;

    for _ in 0..KEPT + 10 {
        core.events.changed(&change, None);
    }
    assert!(core.events.ring().events.len() <= KEPT);
    assert!(core.events.ring().bytes <= KEPT_BYTES);
    let Some(News::Reset { id }) = hear(&mut slow).await else {
        panic!("it missed something");
    };
    core.events.changed(&change, None);
    assert!(
        matches!(hear(&mut slow).await, Some(News::Event(_))),
        "and goes on from there"
    );

    let since = |id: &str| fleet.listen(&viewer, EventFilter::default(), Some(id));
    assert!(
        matches!(hear(&mut since(&place)).await, Some(News::Reset { .. })),
        "that place is forgotten"
    );
    assert!(matches!(hear(&mut since(&id)).await, Some(News::Event(_))));
    let epoch = &core.events.epoch;
    for strange in [
        "",
        "x",
        "7",
        "other-1",
        &format!("{epoch}-999999999"),
        &format!("{epoch}-x"),
    ] {
        let heard = hear(&mut since(strange)).await;
        assert!(matches!(heard, Some(News::Reset { .. })), "{strange}");
    }

    // A change's own listener is told how it stands, whatever it missed, and ends with it.
    let mut last = None;
    while let Some(news) = hear(&mut step).await {
        last = Some(match news {
            News::Now { change, .. } => change.state,
            News::Event(event) => serde_json::from_str::<Change>(&event.data).unwrap().state,
            News::Reset { .. } => panic!("there is nothing to read anew"),
        });
    }
    assert_eq!(last, Some(State::Merged));
    fleet.stop().await;
}
