//! A record that a person wrote on main, judged like a request.

use super::Circumstances;
use super::create::free;
use crate::domain::hosts::name_refused;
use crate::domain::record::{API_VERSION, Record};
use crate::domain::request::{Refusal, Violation};
use crate::domain::rules::{Asked, violations};
use crate::domain::{StoreName, Uid};

/// Judges a record that a person wrote: `old` is the accepted one, `new` what lies on main now.
///
/// Returns the record as it shall be rendered, with the uid that is Fleetwright's to give.
pub fn adopt(
    at: &Circumstances<'_>,
    name: &StoreName,
    old: Option<&Record>,
    new: &Record,
) -> Result<Record, Refusal> {
    let mut bad = Vec::new();
    if new.name() != name {
        bad.push(Violation::new(
            "/metadata/name",
            format!("must be {name}, as the file is called"),
        ));
    }
    if new.api_version != API_VERSION || new.kind != "Store" {
        bad.push(Violation::new(
            "/kind",
            "must be a fleetwright.dev/v1 Store",
        ));
    }
    let uid = match old {
        Some(old) => old.metadata.uid.clone(),
        None => Some(Uid::from(at.id.clone())),
    };
    if new.metadata.uid.is_some() && (old.is_none() || new.metadata.uid != uid) {
        bad.push(Violation::new(
            "/metadata/uid",
            "is Fleetwright's to give; leave it as it was, or out of a new record",
        ));
    }
    if new.metadata.deletion != old.and_then(|it| it.metadata.deletion.clone()) {
        bad.push(Violation::new(
            "/metadata/deletion",
            "is Fleetwright's to set; remove the file to ask for a deletion",
        ));
    }
    if let (None, Some(held)) = (old, at.book.get(name))
        && let Err(refusal) = free(at, name, &new.spec, held)
    {
        bad.push(Violation::new("/metadata/name", refusal.to_string()));
    }
    if old.is_none()
        && let Some(why) = name_refused(name, at.caller.role)
    {
        bad.push(Violation::new("/metadata/name", why));
    }
    let old_spec = old.map(|it| &it.spec);
    let spec = &new.spec;
    let asked = Asked {
        policy: at.policy,
        book: at.book,
        caller: at.caller,
        name,
        uid: None,
        proven: at.proven,
        old: old_spec,
        new: spec,
        now: at.now,
        lifted: at.lifted,
        may_downgrade: true,
    };
    bad.extend(violations(&asked, "/spec"));
    if !bad.is_empty() {
        return Err(Refusal::Invalid(bad));
    }
    let mut record = new.clone();
    record.metadata.uid = uid;
    Ok(record)
}
