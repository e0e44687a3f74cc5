//! What the house has for one connection and the connection has not yet taken: bounded, and never waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{Notify, mpsc};

use super::event::LiveEvent;

/// How many parcels may wait. A reader that lags further is told to come again and say its sequence.
pub(super) const CAPACITY: usize = 1_024;

/// One thing for a connection.
#[derive(Debug, Clone)]
pub(super) enum Parcel {
    /// An event of an item it watches.
    Event(Arc<LiveEvent>),
    /// A frame of its own, to be passed on as it is.
    Frame(Utf8Bytes),
}

/// The sending side.
#[derive(Debug)]
pub(super) struct Mailbox {
    parcels: mpsc::Sender<Parcel>,
    has_overflowed: AtomicBool,
    overflow: Arc<Notify>,
}

/// The receiving side.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) parcels: mpsc::Receiver<Parcel>,
    /// Told once the mailbox has overflowed.
    pub(super) overflow: Arc<Notify>,
}

impl Mailbox {
    /// A mailbox of that capacity.
    pub(super) fn open(capacity: usize) -> (Arc<Self>, Inbox) {
        let (sender, parcels) = mpsc::channel(capacity);
        let overflow = Arc::new(Notify::new());
        let mailbox = Self { parcels: sender, has_overflowed: AtomicBool::new(false), overflow: Arc::clone(&overflow) };
        (Arc::new(mailbox), Inbox { parcels, overflow })
    }

    /// Puts a parcel in. If there is no room, this one and all later ones are dropped and the connection is told.
    pub(super) fn put(&self, parcel: Parcel) {
        if self.has_overflowed.load(Ordering::Relaxed) {
            return;
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = self.parcels.try_send(parcel) {
            self.has_overflowed.store(true, Ordering::Relaxed);
            self.overflow.notify_one();
        }
    }
}
