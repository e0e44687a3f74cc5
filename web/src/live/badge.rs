//! The live badge: how many notices an account has not seen, told to its connections when that changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gavel_auctions::wire::NoticeRecord;
use gavel_domain::AccountId;
use gavel_log::{Record, TopicPartition};
use gavel_readmodel::Database;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::mailbox::{Mailbox, Parcel};

/// How long a notice may take into the database before the badge is counted without it.
const PROJECTED_WITHIN: Duration = Duration::from_secs(5);

/// Where the notice is that an account's count must include.
type Position = (TopicPartition, u64);

#[derive(Debug, Default)]
struct Account {
    mailboxes: Vec<Arc<Mailbox>>,
    told: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    accounts: HashMap<AccountId, Account>,
    /// Accounts to count.
    stale: HashMap<AccountId, Option<Position>>,
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
        state.stale.entry(account_id).or_default();
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

    fn mark(&self, account_id: AccountId, position: Option<Position>) {
        let mut state = self.lock();
        if state.accounts.contains_key(&account_id) {
            let stale = state.stale.entry(account_id).or_default();
            *stale = position.or(stale.take());
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Counts what is stale, for as long as it is polled.
    pub(super) async fn keep(self: Arc<Self>, database: Database) {
        loop {
            self.wake.notified().await;
            let stale = std::mem::take(&mut self.lock().stale);
            for (account_id, position) in stale {
                match count(&database, account_id, position).await {
                    Ok(count) => self.tell(account_id, count),
                    // The page has a count from when it was made; the next notice tries again.
                    Err(error) => tracing::debug!(%error, "unread notices were not counted"),
                }
            }
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

async fn count(database: &Database, id: AccountId, position: Option<Position>) -> gavel_readmodel::Result<u64> {
    if let Some((partition, offset)) = position {
        database.wait_until_projected(&partition, offset, Instant::now() + PROJECTED_WITHIN).await?;
    }
    database.unread_notices(id).await
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
