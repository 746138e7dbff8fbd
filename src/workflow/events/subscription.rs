//! One listener: where it is in the order of events, and what it may hear.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::{About, Event, is_over};
use crate::domain::change::Change;
use crate::domain::request::{Caller, Role};
use crate::domain::{ChangeId, Owner, StoreName};
use crate::workflow::core::Core;
use crate::workflow::query;

/// Which events are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only of this store.
    pub store: Option<StoreName>,
    /// Only of stores of this owner.
    pub owner: Option<Owner>,
}

/// What a listener hears.
#[derive(Debug, Clone)]
pub enum News {
    /// An event.
    Event(Arc<Event>),
    /// A change as it is now, beside the order of events.
    Now {
        /// The place to go on from.
        id: String,
        /// The change.
        change: Box<Change>,
    },
    /// Events were missed: what was read before may be out of date.
    Reset {
        /// The place to go on from.
        id: String,
    },
}

/// One listener.
pub struct Subscription {
    core: Arc<Core>,
    caller: Caller,
    filter: EventFilter,
    /// The one change that is followed, and what was last told of it: when it moved, and all of it.
    follows: Option<(ChangeId, Option<(Timestamp, String)>)>,
    next: u64,
    /// Whether the listener has to be told that it missed something.
    reset: bool,
    over: bool,
    last: watch::Receiver<u64>,
}

impl Subscription {
    /// A listener for all that a caller may hear of, from the event after `since` on; from now on where there is none.
    pub(in crate::workflow) fn to_all(
        core: Arc<Core>,
        caller: Caller,
        filter: EventFilter,
        since: Option<&str>,
    ) -> Self {
        let mut new = Self::new(core, caller, filter);
        if let Some(since) = since {
            match new.place(since) {
                Some(number) => new.next = number + 1,
                None => new.reset = true,
            }
        }
        new
    }

    /// A listener for one change: as it is, then every step, until it is over.
    pub(in crate::workflow) fn to_change(core: Arc<Core>, caller: Caller, id: ChangeId) -> Self {
        let mut new = Self::new(core, caller, EventFilter::default());
        new.follows = Some((id, None));
        new
    }

    fn new(core: Arc<Core>, caller: Caller, filter: EventFilter) -> Self {
        let last = core.events.last.subscribe();
        let next = core.events.ring().last + 1;
        Self {
            core,
            caller,
            filter,
            follows: None,
            next,
            reset: false,
            over: false,
            last,
        }
    }

    /// The number of an id that this process gave and whose successors are all kept.
    fn place(&self, id: &str) -> Option<u64> {
        let events = &self.core.events;
        let (epoch, number) = id.rsplit_once('-')?;
        let number = number.parse::<u64>().ok()?;
        let ring = events.ring();
        let kept = number + 1 >= ring.first() && number <= ring.last;
        (epoch == events.epoch && kept).then_some(number)
    }

    /// The place of this listener, from which another one could go on.
    pub fn position(&self) -> String {
        self.core.events.id(self.next - 1)
    }

    /// Waits for news; none when nothing will follow. May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> Option<News> {
        loop {
            if self.over {
                return None;
            }
            // Marked as seen before the ring is looked at: what comes after the look wakes us.
            self.last.borrow_and_update();
            if let Some(news) = self.look() {
                return Some(news);
            }
            self.last.changed().await.ok()?;
        }
    }

    fn look(&mut self) -> Option<News> {
        loop {
            let (event, missed) = self.step();
            if missed {
                self.reset = false;
                return self.missed();
            }
            if let Some((id, None)) = &self.follows {
                let id = id.clone();
                return self.as_it_is(&id);
            }
            let event = event?;
            if self.takes(&event) {
                return Some(News::Event(event));
            }
        }
    }

    /// The next event that may be heard, or that some were missed.
    fn step(&mut self) -> (Option<Arc<Event>>, bool) {
        let ring = self.core.events.ring();
        if self.reset || self.next < ring.first() {
            self.next = ring.last + 1;
            return (None, true);
        }
        if matches!(self.follows, Some((_, None))) {
            return (None, false);
        }
        let (event, next) = ring.next(self.next, |event| self.hears(event));
        self.next = next;
        (event, false)
    }

    /// Whether an event is wanted, and may be heard.
    fn hears(&self, event: &Event) -> bool {
        if let Some((id, _)) = &self.follows {
            return event.change.as_ref().is_some_and(|it| it.id == *id);
        }
        let mine =
            self.caller.role != Role::Merchant || event.owner.as_ref() == Some(&self.caller.owner);
        let store = self.filter.store.as_ref();
        let owner = self.filter.owner.as_ref();
        mine && store.is_none_or(|it| *it == event.store)
            && owner.is_none_or(|it| event.owner.as_ref() == Some(it))
    }

    /// Whether a heard event is news. Of the followed change what was read already is none.
    fn takes(&mut self, event: &Event) -> bool {
        let (Some((id, told)), Some(step)) = (&mut self.follows, &event.change) else {
            return true;
        };
        let known = |(at, data): &(Timestamp, String)| step.at < *at || event.data == *data;
        if told.as_ref().is_some_and(known) {
            return false;
        }
        if query::change(&self.core, &self.caller, id).is_none() {
            // The store went to another owner: from here on it is not theirs to hear of.
            self.over = true;
            return false;
        }
        *told = Some((step.at, event.data.clone()));
        self.over = step.last;
        true
    }

    fn missed(&mut self) -> Option<News> {
        match self.follows.clone() {
            Some((id, _)) => self.as_it_is(&id),
            None => Some(News::Reset {
                id: self.position(),
            }),
        }
    }

    /// The followed change as it stands.
    fn as_it_is(&mut self, id: &ChangeId) -> Option<News> {
        let Some(change) = query::change(&self.core, &self.caller, id) else {
            self.over = true;
            return None;
        };
        let data = serde_json::to_string(&change).expect("views have string keys");
        self.follows = Some((id.clone(), Some((change.updated_at, data))));
        self.over = is_over(&change);
        Some(News::Now {
            id: self.position(),
            change: Box::new(change),
        })
    }
}

impl Event {
    /// The word for what it is about.
    pub fn word(&self) -> &'static str {
        match self.about {
            About::Change => "change",
            About::Store => "store",
        }
    }
}
