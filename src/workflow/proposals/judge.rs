//! What records that a person changed would come to on main: judged as hand edits there are, before they are merged.
//!
//! One after the other, so that two new stores do not both take the last place. Must not know: how files were read.

use std::collections::BTreeMap;

use super::Trouble;
use crate::domain::StoreName;
use crate::domain::accept::Circumstances;
use crate::domain::approval::{Needed, needed};
use crate::domain::book::{Book, Held};
use crate::domain::forge::Annotation;
use crate::domain::policy::FleetPolicy;
use crate::domain::proposal::lines;
use crate::domain::record::Record;
use crate::domain::request::{Adopted, Caller, Refusal};
use crate::forge::Content;
use crate::render::render_store;
use crate::workflow::adopt;
use crate::workflow::core::Core;
use crate::workflow::derive::{Fault, left_by_hand};
use crate::workflow::intake::new_id;
use crate::workflow::schemas;

/// What all of them come to.
#[derive(Default)]
pub(super) struct Judged {
    /// The stores whose records would be accepted.
    pub(super) good: Vec<StoreName>,
    /// What is wrong with the others, line by line.
    pub(super) faults: Vec<Annotation>,
    /// What people have to agree to.
    pub(super) needed: Option<Needed>,
}

/// Judges files below `stores/` as they would be on main; `subject` is who brings them.
pub(super) fn judge(
    core: &Core,
    subject: &str,
    files: &BTreeMap<String, Content>,
) -> Result<Judged, Trouble> {
    let (book, many) = {
        let desk = core.desk();
        let gone = |it: &&Content| **it == Content::Nothing;
        let removed = files.values().filter(gone).count();
        (desk.book.clone(), adopt::too_many(core, &desk, removed))
    };
    let mut judging = Judging {
        core,
        subject,
        policy: core.in_force().policy,
        book,
        judged: Judged::default(),
    };
    for (path, file) in files {
        match &many {
            Some(why) if *file == Content::Nothing => judging.fault(path, 1, why),
            _ => judging.one(path, file)?,
        }
    }
    Ok(judging.judged)
}

struct Judging<'a> {
    core: &'a Core,
    subject: &'a str,
    policy: std::sync::Arc<FleetPolicy>,
    book: Book,
    judged: Judged,
}

impl Judging<'_> {
    fn one(&mut self, path: &str, file: &Content) -> Result<(), Trouble> {
        let text = match file {
            Content::Nothing => None,
            Content::File(bytes) => Some(bytes.as_slice()),
            Content::Other => {
                self.fault(
                    path,
                    1,
                    "is no regular file, or a very large one; a record is neither",
                );
                return Ok(());
            }
        };
        let Some(store) = adopt::store_of(path) else {
            if text.is_some() {
                self.fault(path, 1, adopt::NO_RECORD);
            }
            return Ok(());
        };
        let accepted = adopt::accepted(self.core, &store)?;
        let Some(kind) = adopt::kind(self.core, &store, accepted.as_ref(), text) else {
            self.judged.good.push(store);
            return Ok(());
        };
        let left = self.left(&store, kind, text, accepted.as_ref());
        let checked =
            left.and_then(|record| self.fits(&record, accepted.as_ref()).map(|()| record));
        match checked {
            Ok(record) => self.take(store, kind, &record, accepted.as_ref()),
            Err(Fault::Refused(Refusal::Unavailable(why))) => {
                return Err(Trouble::Unavailable(why));
            }
            Err(fault) => self.faults(
                path,
                &String::from_utf8_lossy(text.unwrap_or_default()),
                fault,
            ),
        }
        Ok(())
    }

    fn left(
        &self,
        store: &StoreName,
        kind: Adopted,
        text: Option<&[u8]>,
        accepted: Option<&Record>,
    ) -> Result<Record, Fault> {
        let caller: Caller = adopt::caller(self.subject.to_owned(), accepted);
        let now = Core::now();
        let at = Circumstances {
            policy: &self.policy,
            book: &self.book,
            caller: &caller,
            id: &new_id(&self.core.desk(), None, now),
            proven: &[],
            now,
            lifted: self.core.settings.lift_limits,
        };
        left_by_hand(&at, store, kind, text, accepted)
    }

    /// Whether its chart and its templates take it.
    fn fits(&self, record: &Record, accepted: Option<&Record>) -> Result<(), Fault> {
        let old = accepted.map(|it| &it.spec);
        schemas::check(self.core, &self.policy, old, record, "/spec")?;
        let rendered = render_store(&self.core.templates, &self.policy, record);
        let refused =
            |error| Fault::Refused(Refusal::Conflict(format!("it cannot be rendered: {error}")));
        rendered.map(drop).map_err(refused)
    }

    fn take(
        &mut self,
        store: StoreName,
        kind: Adopted,
        record: &Record,
        accepted: Option<&Record>,
    ) {
        let old = accepted.map(|it| &it.spec);
        if let Some(more) = needed(&self.policy, adopt::action(kind), old, &record.spec) {
            let all = self.judged.needed.take().unwrap_or_default();
            self.judged.needed = Some(all.and(&more));
        }
        if let Some(uid) = record.metadata.uid.clone() {
            self.book.put(store.clone(), Held::of(record, uid));
        }
        self.judged.good.push(store);
    }

    fn faults(&mut self, path: &str, text: &str, fault: Fault) {
        match fault {
            Fault::Broken(error) => {
                self.fault(path, lines::of_sentence(&error.message), &error.message);
            }
            Fault::Refused(Refusal::Invalid(found)) => {
                for wrong in found {
                    let line = lines::of_pointer(text, &wrong.pointer);
                    self.fault(path, line, &format!("{} {}", wrong.pointer, wrong.detail));
                }
            }
            Fault::Refused(refusal) => self.fault(path, 1, &refusal.to_string()),
        }
    }

    fn fault(&mut self, path: &str, line: u32, message: &str) {
        self.judged.faults.push(Annotation {
            path: path.to_owned(),
            line,
            message: message.to_owned(),
        });
    }
}
