//! Notices to accounts, and what each has seen of its inbox.

use gavel_auctions::wire::NoticeKind;
use gavel_domain::{AccountId, ItemId, NoticeId};

use crate::database::Database;
use crate::error::Result;
use crate::page::{Cursor, Order, Page};
use crate::row::{Count, FromRow, Row, columns};
use crate::statement::sql;

/// One message to one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// The notice.
    pub notice_id: NoticeId,
    /// What happened.
    pub kind: NoticeKind,
    /// On which item.
    pub item_id: ItemId,
    /// Its title.
    pub title: String,
    /// ISO 4217 code.
    pub currency: String,
    /// The visible price when it happened.
    pub price_minor: i64,
    /// The item's sequence that caused it.
    pub sequence: u64,
    /// When it happened.
    pub at_ms: i64,
    /// When the log took the notice in: by this it is ordered and unread, as it may come late.
    pub received_ms: i64,
}

impl FromRow for NoticeRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            notice_id: row.get("notice_id")?,
            kind: row.get("kind")?,
            item_id: row.get("item_id")?,
            title: row.get("title")?,
            currency: row.get("currency")?,
            price_minor: row.get("price_minor")?,
            sequence: row.get("sequence")?,
            at_ms: row.get("at_ms")?,
            received_ms: row.get("received_ms")?,
        })
    }
}

columns! {
    [] NoticeKind, String, value => serde_json::from_value(value.into()).ok();
}

impl Database {
    /// An account's notices, the latest first.
    ///
    /// # Errors
    /// `BadCursor`, `Unavailable`.
    pub async fn notices(&self, account_id: AccountId, cursor: Option<&str>, limit: u32) -> Result<Page<NoticeRow>> {
        let cursor = Cursor::parse(cursor, "notices")?;
        let statement = sql("SELECT * FROM notices WHERE account_id = ").push_bind(account_id);
        let order = Order { key: "received_ms", id: "notice_id", is_downward: true };
        let rows = order.finish(statement, cursor, limit).fetch_all(&self.readers).await?;
        Ok(Page::of(rows, limit, |row: &NoticeRow| Cursor {
            list: "notices",
            key: row.received_ms,
            id: row.notice_id.to_string(),
        }))
    }

    /// How many notices an account has not seen.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn unread_notices(&self, account_id: AccountId) -> Result<u64> {
        let count = sql("SELECT COUNT(*) AS count FROM notices WHERE account_id = $1 \
             AND received_ms > COALESCE((SELECT seen_up_to_ms FROM inbox_seen WHERE account_id = $1), -1)")
        .bind(account_id)
        .fetch_one::<Count>(&self.readers)
        .await?;
        Ok(count.0)
    }

    /// Up to which notice an account has seen its inbox; `None` if it never looked.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn notices_seen_up_to(&self, account_id: AccountId) -> Result<Option<i64>> {
        let seen = sql("SELECT seen_up_to_ms AS received_ms FROM inbox_seen WHERE account_id = $1").bind(account_id);
        Ok(seen.fetch_optional::<Received>(&self.readers).await?.map(|seen| seen.0))
    }

    /// When the log took in the newest notice to an account; `None` if there is none.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn newest_notice_ms(&self, account_id: AccountId) -> Result<Option<i64>> {
        let newest = sql("SELECT received_ms FROM notices WHERE account_id = $1 ORDER BY received_ms DESC LIMIT 1");
        Ok(newest.bind(account_id).fetch_optional::<Received>(&self.readers).await?.map(|newest| newest.0))
    }

    /// Marks all notices of an account that were received up to a time as seen. What was seen stays seen, and what is
    /// yet to come is not.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn mark_notices_seen(&self, account_id: AccountId, up_to_ms: i64) -> Result<()> {
        sql("INSERT INTO inbox_seen (account_id, seen_up_to_ms) SELECT account_id, MAX(received_ms) FROM notices \
             WHERE account_id = $1 AND received_ms <= $2 GROUP BY account_id ON CONFLICT (account_id) DO UPDATE \
             SET seen_up_to_ms = excluded.seen_up_to_ms WHERE inbox_seen.seen_up_to_ms < excluded.seen_up_to_ms")
        .bind(account_id)
        .bind(up_to_ms)
        .execute(&self.writer)
        .await?;
        Ok(())
    }
}

struct Received(i64);

impl FromRow for Received {
    fn from_row(row: &Row) -> Result<Self> {
        row.get("received_ms").map(Self)
    }
}
