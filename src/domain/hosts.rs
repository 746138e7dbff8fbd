//! Which hosts a store may answer at, and which names are nobody's to take.
//!
//! Whoever gets a host gets its visitors, and often their cookies and certificates. Must not know: DNS; whether a
//! merchant has proved a host is found out before, and comes in as a list.

use super::book::Life;
use super::request::{Role, Violation};
use super::rules::Asked;
use super::{Host, StoreName, Uid};

mod reserved;
#[cfg(test)]
mod tests;

pub use reserved::reserved;

/// Hosts that one store may have. A certificate holds 100 names at Let's Encrypt, and a person reads this list.
const HOSTS_LIMIT: usize = 50;

/// The label below a host under which its owner proves it, by a TXT record with the store's uid.
const PROOF_LABEL: &str = "_fleetwright";

/// The name of the TXT record that proves a host.
pub fn proof_name(host: &Host) -> String {
    format!("{PROOF_LABEL}.{host}")
}

/// What forbids a name for a new store; none where it may be had.
pub(super) fn name_refused(name: &StoreName, role: Role) -> Option<String> {
    if name.as_str().as_bytes().get(2..4) == Some(b"--") {
        return Some(
            "hyphens in the third and fourth place are IDNA's (RFC 5891 §4.2.3.1): browsers may show another name; \
             choose one without"
                .to_owned(),
        );
    }
    let what = reserved(name).filter(|_| role < Role::Operator)?;
    Some(format!(
        "{name} is reserved for {what}; choose another, or ask an operator"
    ))
}

/// Hosts are unique in the fleet; under a base domain only `<name>.<baseDomain>`; others need an operator, or proof.
pub(super) fn hosts(asked: &Asked<'_>, found: &mut Vec<Violation>) {
    let new = asked.new;
    if new.extra_hosts.len() >= HOSTS_LIMIT {
        let detail = format!("{HOSTS_LIMIT} hosts are the limit of one store; leave some out");
        found.push(Violation::new("/extraHosts", detail));
        return;
    }
    let listed = std::iter::once((String::from("/host"), &new.host));
    let further = new.extra_hosts.iter().enumerate();
    let further = further.map(|(i, it)| (format!("/extraHosts/{i}"), it));
    let mut seen = std::collections::BTreeSet::new();
    for (pointer, host) in listed.chain(further) {
        if !seen.insert(host) {
            found.push(Violation::new(pointer, format!("{host} is listed twice")));
        } else if !had(asked, host)
            && let Some(detail) = refused(asked, host)
        {
            found.push(Violation::new(pointer, detail));
        }
    }
}

/// What a store has it keeps, whatever is asked of new hosts meanwhile.
fn had(asked: &Asked<'_>, host: &Host) -> bool {
    let old = asked.old;
    old.is_some_and(|old| old.host == *host || old.extra_hosts.contains(host))
}

/// Why a host may not be had; none where it may.
fn refused(asked: &Asked<'_>, host: &Host) -> Option<String> {
    if is_taken(asked, host) {
        return Some(format!("{host} is taken; choose another host"));
    }
    let clusters = &asked.policy.clusters;
    let base = clusters.get(&asked.new.cluster).map(|it| &it.base_domain);
    if base.is_some_and(|base| host.as_str() == own(asked.name, base)) {
        return None;
    }
    for cluster in clusters.values() {
        let domain = &cluster.base_domain;
        if is_under(host.as_str(), domain) {
            let advice = base.map_or(String::new(), |base| {
                format!("; use {}", own(asked.name, base))
            });
            return Some(format!("{host} is under a cluster's base domain{advice}"));
        }
        if is_under(domain, host.as_str()) {
            return Some(format!(
                "{host} is above {domain}, where the stores of a cluster answer; choose another host"
            ));
        }
    }
    if is_public_suffix(host) {
        return Some(format!(
            "{host} is a public suffix (publicsuffix.org): anybody may have a name under it; choose a host below it"
        ));
    }
    if asked.caller.role >= Role::Operator || asked.proven.contains(host) {
        return None;
    }
    Some(unproven(host, asked.uid.filter(|_| asked.old.is_some())))
}

/// What a merchant does to get a host of their own.
fn unproven(host: &Host, uid: Option<&Uid>) -> String {
    let name = proof_name(host);
    match uid {
        Some(uid) => format!(
            "{host} is not proved to be yours: publish the DNS TXT record {name} with the text {uid}, and ask again when \
             it is there; or ask an operator"
        ),
        None => format!(
            "{host} needs proof, which names the store's uid: create the store without it, publish its uid as the DNS TXT \
             record {name}, then add the host with PATCH; or ask an operator"
        ),
    }
}

/// Whether another store has a host, or had it and it is still held.
fn is_taken(asked: &Asked<'_>, host: &Host) -> bool {
    let Some((holder, held)) = asked.book.host(host) else {
        return false;
    };
    let mine = holder == asked.name
        || match held.life {
            Life::Gone { until } => held.owner == asked.new.owner || until <= asked.now,
            Life::Live | Life::Leaving => false,
        };
    !mine
}

/// The host that every store has a right to.
fn own(name: &StoreName, base: &str) -> String {
    format!("{name}.{base}")
}

/// Whether a name is a domain or lies under it.
pub fn is_under(name: &str, domain: &str) -> bool {
    let rest = name.strip_suffix(domain);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether everybody may register names under this one (Mozilla's list, its private part included).
fn is_public_suffix(host: &Host) -> bool {
    let suffix = psl::suffix(host.as_str().as_bytes());
    suffix.is_some_and(|it| it.is_known() && it.as_bytes() == host.as_str().as_bytes())
}
