//! How much a retry tries again where the request does not say: what the store's release is seen to need.
//!
//! Must not know: what helps which state (`domain::retry` says that).

use std::borrow::Cow;

use super::core::Core;
use crate::domain::observed::ReleaseSeen;
use crate::domain::record::Record;
use crate::domain::request::Request;
use crate::domain::retry::needed;

/// The request with all that is to be known of it when it is decided.
pub(super) fn chosen<'a>(
    core: &Core,
    request: &'a Request,
    current: Option<&Record>,
) -> Cow<'a, Request> {
    let (Request::Retry { store, mode: None }, Some(record)) = (request, current) else {
        return Cow::Borrowed(request);
    };
    let mode = needed(release(core, record).as_ref());
    Cow::Owned(Request::Retry {
        store: store.clone(),
        mode: Some(mode),
    })
}

/// The store's release; none where its cluster is not watched, or cannot be seen now.
fn release(core: &Core, record: &Record) -> Option<ReleaseSeen> {
    let watched = core.watched.get(&record.spec.cluster)?;
    let (cluster, seen) = watched.view.both(record.name());
    let release = seen.filter(|_| cluster.is_current())?.release?;
    let uid = record.metadata.uid.as_ref();
    let own = uid.is_none_or(|uid| release.meta.belongs_to(uid.as_str()));
    own.then_some(release)
}
