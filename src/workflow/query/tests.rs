//! The table behind lists against a plain model: every filter, every order, and pages while stores come and go.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::marks::{MOST, Marks, WantedChanges};
use super::shelf::{Facts, Key, Shelf};
use crate::domain::change::{Action, Change};
use crate::domain::phase::Phase;
use crate::domain::record::Spec;
use crate::domain::request::Role;
use crate::domain::view::{ChangeFilter, StoreFilter, StoreSort};
use crate::domain::{ChangeId, StoreName, Uid};
use crate::workflow::events::tests::{caller, create, fleet};

/// Numbers that look random and are the same in every run of a seed (`SplitMix64`, Steele et al. 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (it ^ (it >> 31)) % sides
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Model {
    uid: Uid,
    spec: Spec,
    phase: Phase,
    updated: Timestamp,
}

fn made(dice: &mut Dice, name: &str) -> Model {
    let pick = |dice: &mut Dice, words: &[&str]| {
        words[usize::try_from(dice.roll(words.len() as u64)).unwrap()].to_owned()
    };
    let host = match dice.roll(2) {
        0 => format!("{name}.shops.example"),
        _ => format!("own-{name}.example.com"),
    };
    let spec = serde_json::json!({
        "engine": pick(dice, &["woocommerce", "medusa"]), "plan": pick(dice, &["small", "large"]),
        "owner": pick(dice, &["ann", "bob", "cyd"]), "cluster": pick(dice, &["east", "west"]),
        "version": pick(dice, &["1.0.0", "1.1.0"]), "host": host,
    });
    let phases = [
        Phase::Ready,
        Phase::Failed,
        Phase::Requested,
        Phase::Deleted,
    ];
    let uid = ulid::Ulid(u128::from(dice.roll(u64::MAX)) << 64 | u128::from(dice.roll(u64::MAX)));
    Model {
        uid: uid.to_string().parse().unwrap(),
        spec: serde_json::from_value(spec).unwrap(),
        phase: phases[usize::try_from(dice.roll(4)).unwrap()],
        // Few moments, so that many stores share one.
        updated: Timestamp::from_second(1_800_000_000 + i64::try_from(dice.roll(20)).unwrap())
            .unwrap(),
    }
}

fn put(shelf: &mut Shelf, name: &StoreName, it: &Model) {
    shelf.put(
        name,
        &Facts {
            uid: &it.uid,
            spec: &it.spec,
            phase: it.phase,
            told: 0,
            updated: it.updated,
        },
    );
}

fn filter(dice: &mut Dice, sort: StoreSort) -> StoreFilter {
    let mut some = |text: &str| (dice.roll(4) == 0).then(|| text.to_owned());
    StoreFilter {
        sort,
        owner: some("ann").map(|it| it.parse().unwrap()),
        engine: some("medusa"),
        plan: some("small"),
        cluster: some("west").map(|it| it.parse().unwrap()),
        version: some("1.1.0"),
        q: some("http://1.Shops.ex"),
        phase: some("").map(|_| Phase::Ready),
    }
}

fn fits(filter: &StoreFilter, it: &Model) -> bool {
    let spec = &it.spec;
    let is = |asked: &Option<String>, has: &str| asked.as_ref().is_none_or(|it| it == has);
    let phase = filter
        .phase
        .map_or(it.phase != Phase::Deleted, |asked| asked == it.phase);
    let q = |_: &String| spec.host.as_str().contains("1.shops.ex");
    phase
        && filter.owner.as_ref().is_none_or(|it| *it == spec.owner)
        && filter.cluster.as_ref().is_none_or(|it| *it == spec.cluster)
        && is(&filter.engine, &spec.engine)
        && is(&filter.plan, &spec.plan)
        && is(&filter.version, &spec.version)
        && filter.q.as_ref().is_none_or(q)
}

const SORTS: [StoreSort; 6] = [
    StoreSort::Name,
    StoreSort::NameDown,
    StoreSort::Created,
    StoreSort::CreatedDown,
    StoreSort::Updated,
    StoreSort::UpdatedDown,
];

/// A page of a few, as a list takes it.
fn page(
    shelf: &Shelf,
    filter: &StoreFilter,
    after: Option<&Key>,
    most: usize,
) -> Vec<(Key, StoreName)> {
    super::lists::first(&|| shelf, filter, None, after, most)
}

#[test]
fn every_filter_and_order_finds_what_a_plain_model_finds() {
    for seed in 0..40 {
        let (mut dice, mut shelf, mut model) = (Dice(seed), Shelf::default(), BTreeMap::new());
        for _ in 0..200 {
            let name: StoreName = format!("s{}", dice.roll(120)).parse().unwrap();
            if dice.roll(4) == 0 {
                shelf.hide(&name);
                model.remove(&name);
            } else {
                let it = made(&mut dice, name.as_str());
                put(&mut shelf, &name, &it);
                model.insert(name, it);
            }
        }
        for sort in SORTS {
            let filter = filter(&mut dice, sort);
            let mut wanted: Vec<_> = model.iter().filter(|(_, it)| fits(&filter, it)).collect();
            match sort {
                StoreSort::Name | StoreSort::NameDown => {}
                StoreSort::Created | StoreSort::CreatedDown => {
                    wanted.sort_by_key(|(_, it)| it.uid.clone());
                }
                StoreSort::Updated | StoreSort::UpdatedDown => {
                    wanted.sort_by_key(|(_, it)| it.updated);
                }
            }
            if sort.is_backwards() {
                wanted.reverse();
            }
            let wanted: Vec<&StoreName> = wanted.into_iter().map(|(name, _)| name).collect();
            let found = page(&shelf, &filter, None, 1000);
            let found: Vec<&StoreName> = found.iter().map(|(_, name)| name).collect();
            assert_eq!(found, wanted, "seed {seed}, {filter:?}");
        }
    }
}

#[test]
fn pages_lose_nothing_and_repeat_nothing_while_stores_come_and_go() {
    for seed in 0..60 {
        let (mut dice, mut shelf) = (Dice(seed), Shelf::default());
        let sort = SORTS[usize::try_from(seed % 6).unwrap()];
        let filter = StoreFilter {
            sort,
            ..StoreFilter::default()
        };
        let mut throughout = BTreeSet::new();
        for number in 0..150 {
            let name: StoreName = format!("s{}", number * 7 % 1000).parse().unwrap();
            let mut it = made(&mut dice, name.as_str());
            it.phase = Phase::Ready;
            put(&mut shelf, &name, &it);
            throughout.insert(name);
        }
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let most = 1 + usize::try_from(dice.roll(20)).unwrap();
            let hits = page(&shelf, &filter, after.as_ref(), most);
            let Some((last, _)) = hits.last() else { break };
            after = Some(last.clone());
            seen.extend(hits.into_iter().map(|(_, name)| name));
            for _ in 0..5 {
                let number = dice.roll(2000);
                let name: StoreName =
                    format!("{}{number}", if number % 2 == 0 { "s" } else { "n" })
                        .parse()
                        .unwrap();
                if throughout.contains(&name) && dice.roll(2) == 0 {
                    shelf.hide(&name);
                    throughout.remove(&name);
                } else if shelf.known(&name).is_none() {
                    let it = made(&mut dice, name.as_str());
                    put(&mut shelf, &name, &it);
                }
            }
        }
        let once: BTreeSet<_> = seen.iter().cloned().collect();
        assert_eq!(
            once.len(),
            seen.len(),
            "seed {seed}, {sort:?}: nothing comes twice"
        );
        let lost: Vec<_> = throughout.difference(&once).collect();
        assert!(lost.is_empty(), "seed {seed}, {sort:?}: lost {lost:?}");
    }
}

#[test]
fn of_changes_the_newest_are_kept_in_order() {
    let id =
        |number: usize| -> ChangeId { ulid::Ulid(number as u128).to_string().parse().unwrap() };
    let change = |number: usize| {
        let (store, at) = ("shop".parse().unwrap(), Timestamp::UNIX_EPOCH);
        let requester = format!("token:{}", number % 2);
        Change::queued(
            id(number),
            store,
            id(1).into(),
            Action::Create,
            requester,
            at,
        )
    };
    let mut marks = Marks::default();
    for number in (0..=MOST).map(|it| it ^ 1) {
        marks.put(&change(number), 0);
    }
    assert!(marks.is_cut());
    let oldest = marks.oldest().unwrap();
    marks.put(&change(0), 0);
    assert_eq!(
        marks.oldest(),
        Some(oldest.clone()),
        "what is too old stays away"
    );
    let even = marks.requester("token:0").unwrap();
    let wanted = WantedChanges {
        state: None,
        action: Some(Action::Create),
        store: Some(0),
        seen: &|_, requester| requester == even,
    };
    let (found, on) = marks.find(&wanted, Some(&id(MOST - 3)), (usize::MAX, usize::MAX));
    assert_eq!(on, None);
    assert_eq!(found.first(), Some(&id(MOST - 4)));
    assert!(found.windows(2).all(|it| it[0] > it[1]));
    assert!(found.last().is_some_and(|it| *it >= oldest));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_left_memory_are_still_in_the_list() {
    let (fleet, _folder) = fleet().await;
    let (operator, ann) = (
        caller("operator", Role::Operator),
        caller("ann", Role::Merchant),
    );
    let mut wanted = Vec::new();
    for number in 0..MOST + 20 {
        let who = if number % 3 == 0 { &ann } else { &operator };
        wanted.push(create(&fleet, who, &format!("shop-{number}")).await);
    }
    let last = wanted.last().unwrap().id.clone();
    let merged = crate::domain::change::State::Merged;
    fleet
        .wait(&last, merged, std::time::Duration::from_secs(20))
        .await;
    wanted.reverse();
    for (who, all) in [(&operator, 1), (&ann, 3)] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let filter = ChangeFilter::default();
            let page = fleet.changes(who, &filter, 7, cursor.as_deref()).unwrap();
            seen.extend(page.items.into_iter().map(|it| it.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let mine = |it: &&Change| all == 1 || it.requester == who.subject;
        let ids: Vec<ChangeId> = wanted.iter().filter(mine).map(|it| it.id.clone()).collect();
        assert_eq!(seen, ids, "{}", who.subject);
    }
    fleet.stop().await;
}
