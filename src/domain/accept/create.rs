//! A new store: every choice that the request leaves open is made now, so that no later policy moves it.

use super::{Circumstances, Decision, Intent, invalid, no};
use crate::domain::book::{Held, Life};
use crate::domain::change::Action;
use crate::domain::hosts::name_refused;
use crate::domain::record::{Record, Spec, sha256_hex};
use crate::domain::request::{CreateRequest, Refusal, Role, Violation};
use crate::domain::rules::{Asked, violations};
use crate::domain::{BadId, ChangeId, StoreName, Uid};

/// The name of a store that was given none: 12 hex characters of which the first is a letter.
fn generated(id: &ChangeId) -> Result<StoreName, Refusal> {
    let mut digits = sha256_hex(id.as_str().as_bytes())[..12].to_owned();
    if digits.starts_with(|c: char| c.is_ascii_digit()) {
        let letter = char::from(b'a' + (digits.as_bytes()[0] - b'0') % 6);
        digits.replace_range(..1, &letter.to_string());
    }
    digits
        .parse()
        .map_err(|error: BadId| invalid("/name", &error))
}

pub(super) fn decide_create(
    at: &Circumstances<'_>,
    create: &CreateRequest,
) -> Result<Decision, Refusal> {
    let name = match &create.name {
        Some(text) => text.parse().map_err(|error| invalid("/name", &error))?,
        None => generated(at.id)?,
    };
    let spec = resolve(at, &name, create)?;
    if let Some(held) = at.book.get(&name) {
        free(at, &name, &spec, held)?;
    }
    let asked = Asked {
        policy: at.policy,
        book: at.book,
        caller: at.caller,
        name: &name,
        uid: None,
        proven: at.proven,
        old: None,
        new: &spec,
        now: at.now,
        lifted: at.lifted,
        may_downgrade: true,
    };
    let mut bad = violations(&asked, "");
    bad.extend(name_refused(&name, at.caller.role).map(|it| Violation::new("/name", it)));
    if !bad.is_empty() {
        return Err(Refusal::Invalid(bad));
    }
    let uid = Uid::from(at.id.clone());
    let record = Record::new(name.clone(), uid.clone(), spec);
    let intent = Intent::Create(Box::new(record.clone()));
    Ok(Decision {
        store: name,
        uid,
        action: Action::Create,
        intent,
        record,
    })
}

/// Whether a name that was once used may be used again: by its old owner, once the store is gone.
pub(super) fn free(
    at: &Circumstances<'_>,
    name: &StoreName,
    spec: &Spec,
    held: &Held,
) -> Result<(), Refusal> {
    match held.life {
        Life::Live => Err(Refusal::Conflict(format!(
            "the name {name} is taken; choose another"
        ))),
        Life::Leaving => Err(Refusal::Conflict(format!(
            "store {name} is still being deleted; try again when it is gone"
        ))),
        Life::Gone { until } if until > at.now && held.owner != spec.owner => {
            Err(Refusal::Conflict(format!(
                "the name {name} is held for its former owner until {until:.0}; choose another"
            )))
        }
        Life::Gone { .. } => Ok(()),
    }
}

/// Fills in what the request left out, so that the record never depends on a later policy.
fn resolve(
    at: &Circumstances<'_>,
    name: &StoreName,
    create: &CreateRequest,
) -> Result<Spec, Refusal> {
    let policy = at.policy;
    let cluster = match &create.cluster {
        Some(text) => text.parse().map_err(|error| invalid("/cluster", &error))?,
        None => policy
            .clusters
            .keys()
            .next()
            .cloned()
            .ok_or_else(|| no("/cluster", "the policy has no cluster"))?,
    };
    let offers = |plan: &&String| {
        !policy.plans[*plan].withdrawn && policy.plans[*plan].engines.contains_key(&create.engine)
    };
    let plan = match &create.plan {
        Some(plan) => plan.clone(),
        None => policy
            .plans
            .keys()
            .find(offers)
            .or(policy.plans.keys().next())
            .cloned()
            .unwrap_or_default(),
    };
    let version = match (&create.version, policy.engines.get(&create.engine)) {
        (Some(version), _) => version.clone(),
        (None, engine) => engine.map(|it| it.default.clone()).unwrap_or_default(),
    };
    let owner = match &create.owner {
        Some(text) => text.parse().map_err(|error| invalid("/owner", &error))?,
        None => at.caller.owner.clone(),
    };
    if at.caller.role < Role::Operator && owner != at.caller.owner {
        return Err(no("/owner", "you may create stores for yourself only"));
    }
    let host = match (&create.host, policy.clusters.get(&cluster)) {
        (Some(host), _) => host.clone(),
        (None, Some(cluster)) => format!("{name}.{}", cluster.base_domain),
        (None, None) => format!("{name}.invalid"),
    };
    let host = host.parse().map_err(|error| invalid("/host", &error))?;
    let mut extra_hosts = Vec::new();
    for (i, text) in create.extra_hosts.iter().enumerate() {
        extra_hosts.push(
            text.parse()
                .map_err(|error| invalid(&format!("/extraHosts/{i}"), &error))?,
        );
    }
    let given = policy
        .plans
        .get(&plan)
        .and_then(|it| it.engines.get(&create.engine));
    Ok(Spec {
        engine: create.engine.clone(),
        plan,
        owner,
        cluster,
        host,
        extra_hosts,
        version,
        values: create.values.clone(),
        volumes: given.map(|it| it.volumes.clone()).unwrap_or_default(),
        suspended: false,
        deletion_protection: policy.deletion.protect,
        retry: None,
    })
}
