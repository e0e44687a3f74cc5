//! Hints for admins' pages: the measures have moved, fetch them again. At most one a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use gavel_log::{Record, TopicPartition};
use gavel_readmodel::Database;
use tokio::sync::watch;
use tokio::time::sleep;

use super::mailbox::{Mailbox, Parcel};
use super::projection;

/// The least time between two hints.
const EVERY: Duration = Duration::from_secs(1);

/// Who is told that the measures move.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// The last offset of each partition.
    moved: watch::Sender<HashMap<TopicPartition, u64>>,
    mailboxes: Mutex<Vec<Arc<Mailbox>>>,
}

impl Hints {
    /// A record of the analytics topic was read.
    pub(super) fn moved(&self, record: &Record) {
        let partition = TopicPartition::new(record.topic.clone(), record.partition);
        self.moved.send_modify(|moved| {
            moved.insert(partition, record.offset);
        });
    }

    /// Tells a connection, until the answer is dropped.
    pub(super) fn tell(self: &Arc<Self>, mailbox: &Arc<Mailbox>) -> Told {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(mailbox));
        Told { hints: Arc::clone(self), mailbox: Arc::clone(mailbox) }
    }

    /// Tells all, for as long as it is polled.
    pub(super) async fn keep(self: Arc<Self>, database: Database) {
        let mut moved = self.moved.subscribe();
        while moved.changed().await.is_ok() {
            let awaited = moved.borrow_and_update().clone();
            projection::wait_for(&database, &awaited).await;
            let frame = Utf8Bytes::from_static(r#"{"measures":true}"#);
            for mailbox in self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                mailbox.put(Parcel::Frame(frame.clone()));
            }
            sleep(EVERY).await;
        }
    }
}

/// A connection that is told.
#[derive(Debug)]
pub(super) struct Told {
    hints: Arc<Hints>,
    mailbox: Arc<Mailbox>,
}

impl Drop for Told {
    fn drop(&mut self) {
        let mut mailboxes = self.hints.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        mailboxes.retain(|mailbox| !Arc::ptr_eq(mailbox, &self.mailbox));
    }
}
