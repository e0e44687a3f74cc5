//! Where the workers of a runtime see the present orders.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gavel_log::Record;

use super::orders::{Orders, Regime};

/// The orders as one thread reads them and all others see them.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    orders: Orders,
    /// What holds for everybody, whatever the orders.
    standing: Option<Regime>,
    /// Up to where the topic was read; `None` before it was read to its end once.
    next: Option<u64>,
}

impl Board {
    /// One for a runtime that nobody steers.
    pub(crate) fn unsteered() -> Self {
        Self(Mutex::new(Seen { next: Some(0), ..Seen::default() }))
    }

    /// One for a runtime that nobody steers, and that is to do this.
    pub(crate) fn standing(regime: Regime) -> Self {
        Self(Mutex::new(Seen { standing: Some(regime), next: Some(0), ..Seen::default() }))
    }

    /// Takes note of what was read. `next` is said once all was read that there was at the beginning.
    pub(super) fn read(&self, records: &[Record], next: Option<u64>) {
        let mut seen = self.lock();
        for record in records {
            if !seen.orders.read(record) {
                tracing::warn!(topic = %record.topic, offset = record.offset, "an order was not understood");
            }
        }
        seen.next = next.or(seen.next);
    }

    /// What a topology is to do, and up to where the topic was read to know it; `None` while it is not known.
    pub(crate) fn regime(&self, topology: &str) -> Option<(Regime, u64)> {
        let seen = self.lock();
        seen.next.map(|next| (seen.standing.unwrap_or_else(|| seen.orders.regime(topology)), next))
    }

    /// The orders; `None` while they are not known.
    pub(super) fn orders(&self) -> Option<Orders> {
        let seen = self.lock();
        seen.next.map(|_| seen.orders.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
