//! What is asked of the audit, and what is kept of what Git never sees.
//!
//! Refusals and sign-ins are handed over and written together, at most once a second and with one fsync: a kill takes
//! the last second at most, and the chain holds. Whoever guesses tokens must not fill the disk: of each kind so many
//! rows a minute are kept, and how many more there were.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Fleet;
use super::core::{Core, lock};
use super::query::page;
use crate::domain::StoreName;
use crate::domain::audit::{AuditFilter, AuditItem, Kind, Noted, Row, UNKNOWN};
use crate::domain::request::{Caller, Refusal, Role, Violation};
use crate::domain::view::Page;

/// Rows that wait for the disk at most; what comes then is counted and let go.
const WAITING: usize = 4096;
/// The time between two writes.
const PAUSE: Duration = Duration::from_secs(1);
/// Rows that the journal keeps: some 40 MB. What is older is let go, the chain begins after it.
const KEEP: u64 = 100_000;
/// Rows of each kind that are kept of one minute; refusals of people and systems that nobody knows are a kind of their
/// own, so that they cannot hide those of others.
const A_MINUTE: u32 = 300;
/// Characters of a row's texts.
const TEXT: usize = 300;

/// Takes what is to be kept.
pub(super) struct Recorder {
    rows: mpsc::Sender<Noted>,
    minutes: Mutex<[Minute; 3]>,
}

/// How many rows of a kind came in a minute.
#[derive(Default)]
struct Minute {
    /// Which minute, since the epoch.
    minute: i64,
    rows: u32,
}

impl Minute {
    /// Whether one more row is kept; of those let go the minute after it tells.
    fn takes(&mut self, now: Timestamp) -> (bool, Option<u32>) {
        let minute = now.as_second().div_euclid(60);
        let mut let_go = None;
        if minute != self.minute {
            let_go = Some(self.rows.saturating_sub(A_MINUTE)).filter(|it| *it > 0);
            *self = Self { minute, rows: 0 };
        }
        self.rows = self.rows.saturating_add(1);
        (self.rows <= A_MINUTE, let_go)
    }
}

/// What a row is counted with.
fn bucket(noted: &Noted) -> usize {
    match noted.kind {
        Kind::Refusal if noted.subject == UNKNOWN => 2,
        Kind::Refusal => 0,
        Kind::SignIn => 1,
    }
}

impl Recorder {
    /// A recorder, and the end that [`write`] reads.
    pub(super) fn new() -> (Self, mpsc::Receiver<Noted>) {
        let (rows, receiver) = mpsc::channel(WAITING);
        let minutes = Mutex::default();
        (Self { rows, minutes }, receiver)
    }

    fn note(&self, mut noted: Noted) {
        let (keep, let_go) = lock(&self.minutes)[bucket(&noted)].takes(noted.at);
        if let Some(count) = let_go {
            self.send(Noted {
                subject: "fleetwright".to_owned(),
                action: "let go".to_owned(),
                store: None,
                status: 0,
                detail: format!("{count} more rows of this kind came within a minute"),
                ..noted.clone()
            });
        }
        if keep {
            for text in [&mut noted.subject, &mut noted.action, &mut noted.detail] {
                *text = text.chars().take(TEXT).collect();
            }
            self.send(noted);
        }
    }

    fn send(&self, noted: Noted) {
        if self.rows.try_send(noted).is_err() {
            tracing::warn!(
                "a refusal or sign-in was not kept: the journal is too slow, or the server is stopping"
            );
        }
    }
}

/// Writes what was handed over, until the server stops.
pub(super) async fn write(
    core: Arc<Core>,
    mut rows: mpsc::Receiver<Noted>,
    stop: CancellationToken,
) {
    let mut batch = Vec::new();
    loop {
        let stopping = tokio::select! {
            biased;
            () = stop.cancelled() => true,
            came = rows.recv_many(&mut batch, WAITING) => came == 0,
        };
        while let Ok(noted) = rows.try_recv() {
            batch.push(noted);
        }
        if !batch.is_empty() {
            let (taken, shared) = (std::mem::take(&mut batch), core.clone());
            let written = tokio::task::spawn_blocking(move || shared.journal.note(taken, KEEP));
            match written.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "refusals and sign-ins were not kept"),
                Err(error) => tracing::error!(%error, "refusals and sign-ins were not kept"),
            }
        }
        if stopping {
            return;
        }
        let _stopped = tokio::time::timeout(PAUSE, stop.cancelled()).await;
    }
}

impl Fleet {
    /// Keeps something that Git never sees. Returns at once.
    pub fn note(&self, kind: Kind, subject: &str, action: String, status: u16, detail: &str) {
        let store = action
            .split_once("/stores/")
            .and_then(|(_, rest)| rest.split('/').next()?.parse::<StoreName>().ok());
        self.0.recorder.note(Noted {
            at: Core::now(),
            kind,
            subject: subject.to_owned(),
            action,
            store: store.map(String::from),
            status,
            detail: detail.to_owned(),
        });
    }

    /// Commits of published main, newest first: those of their own stores for merchants, all for others.
    ///
    /// # Errors
    /// When the cursor is none.
    pub fn audit(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<AuditItem>, Refusal> {
        let core = &self.0.core;
        let cursor = cursor
            .map(|it| place(it).ok_or_else(no_cursor))
            .transpose()?;
        let until = filter.until.map(|it| (it.as_second() + 1, String::new()));
        let before = match (cursor, until) {
            (Some(cursor), Some(until)) => Some(cursor.min(until)),
            (one, other) => one.or(other),
        };
        let mut items = Vec::new();
        let scanned = core.index.audit(before.as_ref(), &mut |item| {
            let store = item.store.as_ref().map(StoreName::as_str);
            let commit = Some(&item.commit);
            let wanted = filter.takes(item.at, &item.actor, &item.action, store, commit);
            let over = filter.since.is_some_and(|since| item.at < since);
            if wanted && sees(core, caller, &item) {
                items.push(item);
            }
            items.len() <= limit && !over
        });
        scanned.map_err(|error| Refusal::Unavailable(error.to_string()))?;
        Ok(page(items, limit, |item| {
            let (at, tie) = item.place();
            format!("{at}.{tie}")
        }))
    }

    /// Refusals or sign-ins, newest first.
    ///
    /// # Errors
    /// When the caller is no admin, or the cursor is none.
    pub fn noted(
        &self,
        caller: &Caller,
        kind: Kind,
        filter: &AuditFilter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Row>, Refusal> {
        if caller.role < Role::Admin {
            let text = "refusals and sign-ins are an admin's to read";
            return Err(Refusal::Forbidden(text.to_owned()));
        }
        let before = cursor.map(|it| it.parse().map_err(|_| no_cursor()));
        let before = before.transpose()?;
        let mut rows = Vec::new();
        let scanned = self.0.core.journal.notes(before, &mut |row| {
            let it = &row.noted;
            let store = it.store.as_deref();
            let wanted = filter.takes(it.at, &it.subject, &it.action, store, None);
            if it.kind == kind && wanted {
                rows.push(row);
            }
            rows.len() <= limit
        });
        scanned.map_err(|error| Refusal::Unavailable(error.to_string()))?;
        Ok(page(rows, limit, |row| row.seq.to_string()))
    }
}

/// A merchant sees what was done to the stores that are theirs now.
fn sees(core: &Core, caller: &Caller, item: &AuditItem) -> bool {
    if caller.role != Role::Merchant {
        return true;
    }
    let (Some(store), Some(uid)) = (&item.store, &item.uid) else {
        return false;
    };
    let desk = core.desk();
    let held = desk.book.get(store);
    held.is_some_and(|held| held.uid == *uid && held.owner == caller.owner)
}

fn place(cursor: &str) -> Option<(i64, String)> {
    let (at, tie) = cursor.split_once('.')?;
    Some((at.parse().ok()?, tie.to_owned()))
}

fn no_cursor() -> Refusal {
    let detail = "is none of this list; begin again without one";
    Refusal::Invalid(vec![Violation::new("/query/cursor", detail)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_kept() {
        let mut minute = Minute::default();
        let at = |second| Timestamp::from_second(second).expect("a time");
        let kept = (0..1000).filter(|_| minute.takes(at(60)).0).count();
        assert_eq!(kept, A_MINUTE as usize);
        assert_eq!(minute.takes(at(120)), (true, Some(1000 - A_MINUTE)));
        assert_eq!(minute.takes(at(180)), (true, None));
    }

    #[test]
    fn refusals_of_nobody_hide_no_others() {
        let (recorder, mut rows) = Recorder::new();
        let refused = |subject: &str| Noted {
            at: Timestamp::UNIX_EPOCH,
            kind: Kind::Refusal,
            subject: subject.to_owned(),
            action: "POST /webhooks/stores".to_owned(),
            store: None,
            status: 401,
            detail: String::new(),
        };
        (0..1000).for_each(|_| recorder.note(refused(UNKNOWN)));
        recorder.note(refused("token:ann"));
        let mut last = None;
        while let Ok(row) = rows.try_recv() {
            last = Some(row.subject);
        }
        assert_eq!(last.as_deref(), Some("token:ann"));
    }
}
