//! The hub: what the tail reads, handed to those who wait for a decision, who ask how an item stands, and who watch.
//!
//! One mutex, held for as long as a batch of events is sorted in, never while anything waits or frames are handed out.
//! An event is in the window before any watcher gets it, and a watcher's list is taken under the same lock: who
//! subscribes either finds an event in the window or gets it in the mailbox.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gavel_auctions::wire::topics;
use gavel_domain::ItemId;
use gavel_log::TopicPartition;
use gavel_readmodel::{ProjectedOffset, Receipt};

use super::event::{DecisionKey, Departure, LiveEvent};
use super::horizon::Horizon;
use super::mailbox::{self, Inbox, Mailbox, Parcel};
use super::standing::Standing;
use super::subscribers::Subscribers;
use super::waiters::{DecisionWaiter, Waiters};
use super::window::Window;

/// Where the public events of items are.
const EVENTS: [&str; 2] = [topics::HISTORY, topics::COMPLETE];

#[derive(Debug, Default)]
struct State {
    /// Whether it is known where reading begins.
    has_begun: bool,
    window: Window,
    waiters: Waiters,
    subscribers: Subscribers,
}

/// The hub of a process.
#[derive(Debug, Default)]
pub struct Hub {
    state: Mutex<State>,
}

impl Hub {
    /// A hub whose window holds at most `capacity` events.
    #[cfg(test)]
    pub(super) fn with_capacity(capacity: usize) -> Arc<Self> {
        let state = State { window: Window::with_capacity(capacity), ..State::default() };
        Arc::new(Self { state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn with_waiters(&self, change: impl FnOnce(&mut Waiters)) {
        change(&mut self.lock().waiters);
    }

    /// Registers one who waits for the decision on a command whose request came in at `since`. To be called before the
    /// command is produced, else the decision may come first.
    pub fn expect(self: &Arc<Self>, key: impl Into<DecisionKey>, since: Instant) -> DecisionWaiter {
        self.lock().waiters.expect(key.into(), since, Arc::downgrade(self))
    }

    /// What of an item is newer than the database. Ask before the database: what leaves in between is in its answer.
    #[must_use]
    pub fn recent(&self, item_id: ItemId) -> Option<Standing> {
        Standing::of(&self.lock().window.after(item_id, 0))
    }

    /// The public events of an item after a sequence that are perhaps not in the database, in order. Ask before the
    /// database.
    #[must_use]
    pub fn events_after(&self, item_id: ItemId, after: u64) -> Vec<Arc<LiveEvent>> {
        self.lock().window.after(item_id, after)
    }

    /// The decision on a command, if it is perhaps not in the database. Ask before the database.
    #[must_use]
    pub fn receipt(&self, key: impl Into<DecisionKey>) -> Option<Receipt> {
        self.lock().window.receipt(key.into())?.receipt().cloned()
    }

    /// How many events are held, and for how many commands somebody waits.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        let state = self.lock();
        (state.window.len(), state.waiters.len())
    }

    /// The tail begins to read where the database is: what is before that, the hub will never have.
    pub(super) fn begin(&self, projected: &[ProjectedOffset]) {
        let mut state = self.lock();
        projected.iter().for_each(|offset| state.window.projected(&offset.partition, offset.next));
        state.has_begun = true;
    }

    /// Whether watchers can be served: before, it is not known what they would miss.
    pub(super) fn has_begun(&self) -> bool {
        self.lock().has_begun
    }

    /// Takes what the tail has read, in the order of each partition.
    pub(super) fn publish(&self, events: Vec<LiveEvent>) {
        let mut deliveries = Vec::new();
        let mut state = self.lock();
        for mut event in events {
            let key = event.key();
            event.departure = key.and_then(|key| state.waiters.since(key)).map(|since| Arc::new(Departure::at(since)));
            let event = Arc::new(event);
            state.window.insert(&event);
            if let (Some(key), Some(receipt)) = (key, event.receipt()) {
                state.waiters.resolve(key, receipt);
            }
            if event.frame.is_some()
                && let Some(watchers) = state.subscribers.of(event.item_id())
            {
                deliveries.push((watchers, event));
            }
        }
        drop(state);
        for (watchers, event) in deliveries {
            watchers.iter().for_each(|mailbox| mailbox.put(Parcel::Event(Arc::clone(&event))));
        }
    }

    /// Takes note that the database has everything of a partition below `next`.
    pub(super) fn projected(&self, partition: &TopicPartition, next: u64) {
        self.lock().window.projected(partition, next);
    }

    /// Takes note of how far the database is with every partition: with those left out, not at all.
    pub(super) fn all_projected(&self, projected: &[ProjectedOffset]) {
        let mut state = self.lock();
        for partition in state.window.partitions() {
            if !projected.iter().any(|offset| offset.partition == partition) {
                state.window.projected(&partition, 0);
            }
        }
        projected.iter().for_each(|offset| state.window.projected(&offset.partition, offset.next));
    }

    /// Whether a database that is so far had listings before that it does not have now: it is being rebuilt.
    pub(super) fn misses_listings(&self, projected: &[ProjectedOffset]) -> bool {
        !self.lock().window.horizon(&[topics::ITEMS]).is_reached(projected)
    }

    /// Subscribes to items, each after a sequence. What the window has of them comes with the subscription, what
    /// follows through its inbox, and what is below its horizon from the database alone.
    pub(super) fn subscribe(self: &Arc<Self>, items: &[(ItemId, u64)]) -> (Subscription, Vec<Arc<LiveEvent>>) {
        let (mailbox, inbox) = Mailbox::open(mailbox::CAPACITY);
        let mut state = self.lock();
        let mut recent = Vec::new();
        for (item_id, after) in items {
            state.subscribers.add(*item_id, &mailbox);
            recent.extend(state.window.after(*item_id, *after));
        }
        let horizon = state.window.horizon(&EVENTS);
        drop(state);
        let items = items.iter().map(|(item_id, _)| *item_id).collect();
        (Subscription { hub: Arc::clone(self), items, horizon, mailbox, inbox }, recent)
    }
}

/// Watches items for as long as it lives.
#[derive(Debug)]
pub(super) struct Subscription {
    hub: Arc<Hub>,
    items: Vec<ItemId>,
    pub(super) horizon: Horizon,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) inbox: Inbox,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        for item_id in &self.items {
            state.subscribers.remove(*item_id, &self.mailbox);
        }
    }
}
