//! What accounts watch.

use gavel_domain::{AccountId, ItemId};

use crate::database::Database;
use crate::error::Result;
use crate::items::{ItemRow, SELECT_ITEMS};
use crate::page::{Cursor, Order, Page};
use crate::row::{Count, FromRow, Row};
use crate::statement::sql;

/// An item someone watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchRow {
    /// The item.
    pub item: ItemRow,
    /// Since when.
    pub watched_ms: i64,
}

impl FromRow for WatchRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { item: ItemRow::from_row(row)?, watched_ms: row.get("watched_ms")? })
    }
}

impl Database {
    /// Watches an item; nothing happens if it is watched already.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn watch(&self, account_id: AccountId, item_id: ItemId, now_ms: i64) -> Result<()> {
        sql("INSERT INTO watches (account_id, item_id, created_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(account_id)
            .bind(item_id)
            .bind(now_ms)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Watches an item no more.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn unwatch(&self, account_id: AccountId, item_id: ItemId) -> Result<()> {
        sql("DELETE FROM watches WHERE account_id = $1 AND item_id = $2")
            .bind(account_id)
            .bind(item_id)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Whether an account watches an item.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn is_watching(&self, account_id: AccountId, item_id: ItemId) -> Result<bool> {
        let count = sql("SELECT COUNT(*) AS count FROM watches WHERE account_id = $1 AND item_id = $2")
            .bind(account_id)
            .bind(item_id)
            .fetch_one::<Count>(&self.readers)
            .await?;
        Ok(count.0 > 0)
    }

    /// What an account watches, the latest first.
    ///
    /// # Errors
    /// `BadCursor`, `Unavailable`.
    pub async fn watching(&self, account_id: AccountId, cursor: Option<&str>, limit: u32) -> Result<Page<WatchRow>> {
        let cursor = Cursor::parse(cursor, "watching")?;
        let statement = sql(&SELECT_ITEMS.replacen("SELECT ", "SELECT watches.created_ms AS watched_ms, ", 1))
            .push(" JOIN watches ON watches.item_id = items.item_id WHERE watches.account_id = ")
            .push_bind(account_id);
        let order = Order { key: "watches.created_ms", id: "standings.item_id", is_downward: true };
        let rows = order.finish(statement, cursor, limit).fetch_all(&self.readers).await?;
        Ok(Page::of(rows, limit, |row: &WatchRow| Cursor {
            list: "watching",
            key: row.watched_ms,
            id: row.item.item_id.to_string(),
        }))
    }
}
