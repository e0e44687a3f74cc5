//! Bids that this process appended and whose requests could not wait for the decision, so that their receipts tell
//! where they are meanwhile.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use gavel_domain::BidId;
use gavel_log::Appended;

/// The oldest is forgotten beyond so many.
const CAPACITY: usize = 10_000;

/// The bids, by id.
#[derive(Debug, Default)]
pub struct Pending(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    appended: HashMap<BidId, Appended>,
    order: VecDeque<BidId>,
}

impl Pending {
    /// Remembers one.
    pub fn add(&self, bid_id: BidId, appended: Appended) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.appended.insert(bid_id, appended).is_none() {
            inner.order.push_back(bid_id);
        }
        if inner.order.len() > CAPACITY
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.appended.remove(&oldest);
        }
    }

    /// Where one is in the log.
    #[must_use]
    pub fn get(&self, bid_id: BidId) -> Option<Appended> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).appended.get(&bid_id).copied()
    }
}
