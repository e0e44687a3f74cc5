//! What could not be processed and waits for an operator, and why; never the record itself, which may hold a secret.

use crate::database::Database;
use crate::error::Result;
use crate::page::{Cursor, Order, Page};
use crate::row::{FromRow, Row};
use crate::statement::sql;

/// A record that could not be processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterRow {
    /// Where the dead letter is: `topic/partition/offset`.
    pub dead_letter_id: String,
    /// The topic whose record it was.
    pub topic: String,
    /// A stable slug.
    pub cause: String,
    /// For people.
    pub detail: String,
    /// Where the record is: `topic/partition/offset`.
    pub origin: String,
    /// When it was put aside.
    pub at_ms: i64,
}

impl FromRow for DeadLetterRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            dead_letter_id: row.get("dead_letter_id")?,
            topic: row.get("topic")?,
            cause: row.get("cause")?,
            detail: row.get("detail")?,
            origin: row.get("origin")?,
            at_ms: row.get("at_ms")?,
        })
    }
}

/// How many records of a topic were put aside for one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterCount {
    /// The topic whose records they were.
    pub topic: String,
    /// The cause.
    pub cause: String,
    /// How many.
    pub count: u64,
}

impl FromRow for DeadLetterCount {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { topic: row.get("topic")?, cause: row.get("cause")?, count: row.get("count")? })
    }
}

impl Database {
    /// How many records that were put aside wait, by topic and cause.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn dead_letter_counts(&self) -> Result<Vec<DeadLetterCount>> {
        sql("SELECT topic, cause, COUNT(*) AS count FROM dead_letters GROUP BY topic, cause ORDER BY topic, cause")
            .fetch_all(&self.readers)
            .await
    }

    /// The records that were put aside and wait, the latest first.
    ///
    /// # Errors
    /// `BadCursor`, `Unavailable`.
    pub async fn dead_letters(&self, cursor: Option<&str>, limit: u32) -> Result<Page<DeadLetterRow>> {
        let cursor = Cursor::parse(cursor, "dead")?;
        let order = Order { key: "at_ms", id: "dead_letter_id", is_downward: true };
        let statement = order.finish(sql("SELECT * FROM dead_letters WHERE 1 = 1"), cursor, limit);
        let rows = statement.fetch_all(&self.readers).await?;
        Ok(Page::of(rows, limit, |row: &DeadLetterRow| Cursor {
            list: "dead",
            key: row.at_ms,
            id: row.dead_letter_id.clone(),
        }))
    }
}
