//! What a spec must keep to: the policy, the book of what is taken, and what never changes.
//!
//! Must not know: how the spec came about. The same rules hold for the API, for a rollback and for a hand edit.

use super::book::Book;
use super::policy::FleetPolicy;
use super::record::Spec;
use super::request::{Caller, Violation};
use super::{Host, StoreName, Uid, hosts, values};

mod volumes;

use volumes::{fixed, volumes};

/// One question: may this store have this spec?
pub struct Asked<'a> {
    /// The policy in force.
    pub policy: &'a FleetPolicy,
    /// What is taken.
    pub book: &'a Book,
    /// Who asks.
    pub caller: &'a Caller,
    /// The store.
    pub name: &'a StoreName,
    /// Its uid, where it has one.
    pub uid: Option<&'a Uid>,
    /// The hosts of others that the caller has proved to be theirs.
    pub proven: &'a [Host],
    /// The spec before; none for a new store.
    pub old: Option<&'a Spec>,
    /// The spec asked for.
    pub new: &'a Spec,
    /// The time, for tombstones.
    pub now: jiff::Timestamp,
    /// Whether counts and budgets are lifted (`dev --no-limits`).
    pub lifted: bool,
    /// Whether an older chart version may follow a newer one.
    pub may_downgrade: bool,
}

/// Everything that forbids the spec, each with its place below `root` (`""` or `/spec`).
pub fn violations(asked: &Asked<'_>, root: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    fixed(asked, &mut found);
    volumes(asked, &mut found);
    choices(asked, &mut found);
    hosts::hosts(asked, &mut found);
    values::values(asked, &mut found);
    if !asked.lifted {
        limits(asked, &mut found);
    }
    for violation in &mut found {
        violation.pointer.insert_str(0, root);
    }
    found
}

/// What the policy offers, and what it offers this owner. What a store already has stays allowed.
fn choices(asked: &Asked<'_>, found: &mut Vec<Violation>) {
    let (policy, new) = (asked.policy, asked.new);
    let kept = |same: fn(&Spec, &Spec) -> bool| asked.old.is_some_and(|old| same(old, new));
    if !policy.clusters.contains_key(&new.cluster) {
        found.push(unknown(
            "/cluster",
            "cluster",
            new.cluster.as_str(),
            policy.clusters.keys(),
        ));
    }
    let Some(engine) = policy.engines.get(&new.engine) else {
        found.push(unknown(
            "/engine",
            "engine",
            &new.engine,
            policy.engines.keys(),
        ));
        return;
    };
    if !engine.versions.contains(&new.version) && !kept(|old, new| old.version == new.version) {
        found.push(unknown(
            "/version",
            "version",
            &new.version,
            &engine.versions,
        ));
    } else {
        downgrade(asked, found);
    }
    let owner = policy.owners.get(&new.owner);
    let plan_kept = kept(|old, new| old.plan == new.plan && old.owner == new.owner);
    match policy.plans.get(&new.plan) {
        None => found.push(unknown("/plan", "plan", &new.plan, policy.plans.keys())),
        Some(plan) if plan.withdrawn && !plan_kept => {
            let offered = policy.plans.iter().filter(|(_, it)| !it.withdrawn);
            found.push(unknown(
                "/plan",
                "plan on offer",
                &new.plan,
                offered.map(|(name, _)| name),
            ));
        }
        Some(plan) if !plan.engines.contains_key(&new.engine) => {
            found.push(Violation::new(
                "/plan",
                format!("plan {} is not offered for engine {}", new.plan, new.engine),
            ));
        }
        Some(_) => {}
    }
    let Some(owner) = owner else { return };
    if !plan_kept && !owner.plans.is_empty() && !owner.plans.contains(&new.plan) {
        found.push(unknown(
            "/plan",
            "plan for this owner",
            &new.plan,
            &owner.plans,
        ));
    }
    let given = asked.old.is_none_or(|old| old.owner != new.owner);
    if given && !owner.engines.is_empty() && !owner.engines.contains(&new.engine) {
        found.push(unknown(
            "/engine",
            "engine for this owner",
            &new.engine,
            &owner.engines,
        ));
    }
}

/// Charts migrate data forward only: an older version is for who says so.
fn downgrade(asked: &Asked<'_>, found: &mut Vec<Violation>) {
    let Some(old) = asked.old.filter(|_| !asked.may_downgrade) else {
        return;
    };
    let version = |text: &str| semver::Version::parse(text).ok();
    let (Some(had), Some(wanted)) = (version(&old.version), version(&asked.new.version)) else {
        return;
    };
    if wanted < had {
        let detail = format!(
            "{wanted} is older than {had}, which the store has; ask for it by upgrade with allowDowngrade, after a look at \
             what the chart says of its data"
        );
        found.push(Violation::new("/version", detail));
    }
}

fn unknown<T: AsRef<str>>(
    pointer: &str,
    what: &str,
    got: &str,
    all: impl IntoIterator<Item = T>,
) -> Violation {
    let all: Vec<String> = all.into_iter().map(|it| it.as_ref().to_owned()).collect();
    Violation::new(
        pointer,
        format!("{got:?} is no {what}; there is {}", all.join(", ")),
    )
}

/// Counts and budgets. Only what grows is held against them.
fn limits(asked: &Asked<'_>, found: &mut Vec<Violation>) {
    let (policy, book, new) = (asked.policy, asked.book, asked.new);
    let owner = policy.owners.get(&new.owner);
    let is_new = asked.old.is_none();
    let owner_changed = asked.old.is_none_or(|old| old.owner != new.owner);
    if is_new && book.stores() >= policy.limits.stores {
        found.push(Violation::new(
            "",
            format!(
                "the fleet is full: {} stores are the limit",
                policy.limits.stores
            ),
        ));
    }
    let most = owner
        .and_then(|it| it.stores_per_owner)
        .unwrap_or(policy.limits.stores_per_owner);
    if owner_changed && book.stores_of(&new.owner) >= most {
        found.push(Violation::new(
            "/owner",
            format!("{} has {most} stores, which is the limit", new.owner),
        ));
    }
    if let Some(cluster) = policy.clusters.get(&new.cluster)
        && is_new
        && book.stores_on(&new.cluster) >= cluster.max_stores
    {
        let detail = format!(
            "cluster {} is full: {} stores are the limit",
            new.cluster, cluster.max_stores
        );
        found.push(Violation::new("/cluster", detail));
    }
    let Some(budget) = owner.and_then(|it| it.budget) else {
        return;
    };
    let price = |plan: &str| policy.plans.get(plan).map_or(0, |it| it.price);
    let used: u32 = book.plans_of(&new.owner).map(price).sum();
    let freed = asked
        .old
        .filter(|old| old.owner == new.owner)
        .map_or(0, |old| price(&old.plan));
    let wanted = (used + price(&new.plan)).saturating_sub(freed);
    if wanted > budget && wanted > used {
        found.push(Violation::new(
            "/plan",
            format!("{wanted} price units are more than the budget of {budget}"),
        ));
    }
}
