//! The live badge: how many notices an account has not seen, told to its connections when that changes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt, stream};
use gavel_auctions::wire::NoticeRecord;
use gavel_domain::AccountId;
use gavel_log::{Record, TopicPartition};
use gavel_readmodel::Database;
use tokio::sync::Notify;

use super::mailbox::{Mailbox, Parcel};
use super::projection;

/// How many accounts are counted at a time.
const COUNTED_AT_ONCE: usize = 4;

#[derive(Debug, Default)]
struct Account {
    mailboxes: Vec<Arc<Mailbox>>,
    told: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    accounts: HashMap<AccountId, Account>,
    /// Accounts to count, and the last offset of each partition that their counts must include.
    stale: HashSet<AccountId>,
    awaited: HashMap<TopicPartition, u64>,
}

/// The badges of all who are connected.
#[derive(Debug, Default)]
pub(super) struct Badges {
    state: Mutex<State>,
    wake: Notify,
}

impl Badges {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a connection of this account its count, now and whenever it changes, until the answer is dropped.
    pub(super) fn show(self: &Arc<Self>, account_id: AccountId, mailbox: &Arc<Mailbox>) -> Shown {
        let mut state = self.lock();
        let account = state.accounts.entry(account_id).or_default();
        account.mailboxes.push(Arc::clone(mailbox));
        account.told = None;
        state.stale.insert(account_id);
        drop(state);
        self.wake.notify_one();
        Shown { badges: Arc::clone(self), account_id, mailbox: Arc::clone(mailbox) }
    }

    /// The account has seen notices.
    pub(super) fn seen(&self, account_id: AccountId) {
        self.mark(account_id, None);
    }

    /// A record of the notices topic was read.
    pub(super) fn noticed(&self, record: &Record) {
        let notice = record.value.as_deref().map(serde_json::from_slice::<NoticeRecord>);
        if let Some(Ok(notice)) = notice {
            let partition = TopicPartition::new(record.topic.clone(), record.partition);
            self.mark(notice.account_id, Some((partition, record.offset)));
        }
    }

    fn mark(&self, account_id: AccountId, position: Option<(TopicPartition, u64)>) {
        let mut state = self.lock();
        if state.accounts.contains_key(&account_id) {
            state.stale.insert(account_id);
            state.awaited.extend(position);
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Counts what is stale, for as long as it is polled.
    pub(super) async fn keep(self: Arc<Self>, database: Database) {
        loop {
            self.wake.notified().await;
            let (stale, awaited) = {
                let mut state = self.lock();
                (std::mem::take(&mut state.stale), std::mem::take(&mut state.awaited))
            };
            projection::wait_for(&database, &awaited).await;
            let count = |account_id| self.count(&database, account_id);
            stream::iter(stale).for_each_concurrent(COUNTED_AT_ONCE, count).await;
        }
    }

    async fn count(&self, database: &Database, account_id: AccountId) {
        match database.unread_notices(account_id).await {
            Ok(count) => self.tell(account_id, count),
            // The page has a count from when it was made; the next notice tries again.
            Err(error) => tracing::debug!(%error, "unread notices were not counted"),
        }
    }

    fn tell(&self, account_id: AccountId, count: u64) {
        let mut state = self.lock();
        let Some(account) = state.accounts.get_mut(&account_id) else { return };
        if account.told.replace(count) == Some(count) {
            return;
        }
        let frame = axum::extract::ws::Utf8Bytes::from(format!(r#"{{"notices":{count}}}"#));
        account.mailboxes.iter().for_each(|mailbox| mailbox.put(Parcel::Frame(frame.clone())));
    }
}

/// A connection that is told its account's count.
#[derive(Debug)]
pub(super) struct Shown {
    badges: Arc<Badges>,
    account_id: AccountId,
    mailbox: Arc<Mailbox>,
}

impl Drop for Shown {
    fn drop(&mut self) {
        let mut state = self.badges.lock();
        if let Some(account) = state.accounts.get_mut(&self.account_id) {
            account.mailboxes.retain(|mailbox| !Arc::ptr_eq(mailbox, &self.mailbox));
            if account.mailboxes.is_empty() {
                state.accounts.remove(&self.account_id);
            }
        }
    }
}
