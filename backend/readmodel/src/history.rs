//! The audit: every decision as it is in the log, and what was decided last for whom.

use gavel_auctions::wire::{Decision, HistoryRecord, topics};
use gavel_domain::{AccountId, BidId, CommandId, ItemId};

use crate::database::Database;
use crate::error::{Error, Result};
use crate::items::{ItemRow, SELECT_ITEMS};
use crate::page::{Cursor, Order, Page};
use crate::progress::ProjectedOffset;
use crate::row::{Count, FromRow, Row, columns};
use crate::statement::{Statement, sql};

/// A public event of an item, as it is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its place among the item's events, from 1.
    pub sequence: u64,
    /// The history or completion record: a JSON object.
    pub record: String,
}

impl FromRow for EventRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { sequence: row.get("sequence")?, record: row.get("record")? })
    }
}

/// Public events of an item, and how far the projections of such events were at that very moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events, in sequence.
    pub events: Vec<EventRow>,
    /// Up to where each partition of the history and of the completions is projected.
    pub projected: Vec<ProjectedOffset>,
}

/// A row of either.
enum EventPageRow {
    Event(EventRow),
    Projected(ProjectedOffset),
}

impl FromRow for EventPageRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(match row.get::<String>("topic")?.is_empty() {
            true => Self::Event(EventRow::from_row(row)?),
            false => Self::Projected(ProjectedOffset::from_row(row)?),
        })
    }
}

/// Where a command is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandPosition {
    /// Its partition of the bids topic.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
}

impl CommandPosition {
    /// Reads the `causation` header of a history record, `topic/partition/offset`; `None` unless it names the bids topic.
    #[must_use]
    pub fn of_causation(causation: &[u8]) -> Option<Self> {
        let place = std::str::from_utf8(causation).ok()?.strip_prefix(topics::BIDS)?.strip_prefix('/')?;
        let (partition, offset) = place.split_once('/')?;
        Some(Self { partition: partition.parse().ok()?, offset: offset.parse().ok()? })
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The decision; `received_ms` is the command's append time.
    pub record: HistoryRecord,
    /// Where the command is; `None` if its history record does not say.
    pub command: Option<CommandPosition>,
}

impl FromRow for Receipt {
    fn from_row(row: &Row) -> Result<Self> {
        let record: String = row.get("record")?;
        let partition: Option<u32> = row.optional("command_partition")?;
        let offset: Option<u64> = row.optional("command_offset")?;
        Ok(Self {
            record: serde_json::from_str(&record).map_err(|error| Error::Unexpected(format!("history: {error}")))?,
            command: partition.zip(offset).map(|(partition, offset)| CommandPosition { partition, offset }),
        })
    }
}

columns! {
    [] Decision, String, value => serde_json::from_value(value.into()).ok();
}

/// An item someone has bid on, with what was decided on their last bid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBidRow {
    /// The item.
    pub item: ItemRow,
    /// Their last bid.
    pub bid_id: BidId,
    /// What was decided on it.
    pub decision: Decision,
    /// When.
    pub at_ms: i64,
    /// Whether they lead, or led when it ended.
    pub is_leading: bool,
}

impl FromRow for OwnBidRow {
    fn from_row(row: &Row) -> Result<Self> {
        let item = ItemRow::from_row(row)?;
        let bidder_id: AccountId = row.get("own_bidder_id")?;
        Ok(Self {
            is_leading: item.leader_id == Some(bidder_id),
            item,
            bid_id: row.get("own_bid_id")?,
            decision: row.get("own_decision")?,
            at_ms: row.get("own_at_ms")?,
        })
    }
}

/// The last bid of each bidder on each item, duplicates aside. One item's history is in one partition, so offsets order it.
const JOIN_LAST_BIDS: &str = " JOIN history ON history.item_id = items.item_id AND history.log_offset = \
     (SELECT MAX(log_offset) FROM history AS later WHERE later.bidder_id = history.bidder_id \
      AND later.item_id = history.item_id AND later.bid_id IS NOT NULL AND later.decision <> 'duplicate') \
     WHERE history.bid_id IS NOT NULL";

impl Database {
    /// The public events of an item after a sequence, in order, the completion included; at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn events_after(&self, item_id: ItemId, after: u64, limit: u32) -> Result<Vec<EventRow>> {
        sql("SELECT sequence, record FROM history WHERE item_id = $1 AND sequence > $2 \
             UNION ALL SELECT sequence, record FROM completions WHERE item_id = $1 AND sequence > $2 \
             ORDER BY sequence LIMIT $3")
        .bind(item_id)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.readers)
        .await
    }

    /// The public events of an item after a sequence, in order, at most `limit`, with how far the projections were: one
    /// statement, hence one moment.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn event_page(&self, item_id: ItemId, after: u64, limit: u32) -> Result<EventPage> {
        let rows = sql("SELECT '' AS topic, 0 AS log_partition, 0 AS next_offset, sequence, record FROM \
             (SELECT sequence, record FROM history WHERE item_id = $1 AND sequence > $2 \
              UNION ALL SELECT sequence, record FROM completions WHERE item_id = $1 AND sequence > $2 \
              ORDER BY sequence LIMIT $3) AS events \
             UNION ALL SELECT topic, log_partition, next_offset, 0, '' FROM projection_offsets WHERE topic IN ($4, $5)")
        .bind(item_id)
        .bind(after)
        .bind(limit)
        .bind(topics::HISTORY)
        .bind(topics::COMPLETE)
        .fetch_all(&self.readers)
        .await?;
        let mut page = EventPage::default();
        for row in rows {
            match row {
                EventPageRow::Event(event) => page.events.push(event),
                EventPageRow::Projected(offset) => page.projected.push(offset),
            }
        }
        page.events.sort_by_key(|event| event.sequence);
        Ok(page)
    }

    /// The last sequence of an item; 0 before the first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn max_sequence(&self, item_id: ItemId) -> Result<u64> {
        let last = sql("SELECT COALESCE(final_sequence, last_sequence, 0) AS sequence, '' AS record FROM standings \
             WHERE item_id = $1")
        .bind(item_id)
        .fetch_optional::<EventRow>(&self.readers)
        .await?;
        Ok(last.map_or(0, |event| event.sequence))
    }

    /// What became of a bid: the first decision, whatever copies came after it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn receipt(&self, bid_id: BidId) -> Result<Option<Receipt>> {
        self.first_decision(sql(SELECT_RECEIPTS).push("bid_id = ").push_bind(bid_id)).await
    }

    /// What became of a command that is no bid.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn command_receipt(&self, command_id: CommandId) -> Result<Option<Receipt>> {
        self.first_decision(sql(SELECT_RECEIPTS).push("command_id = ").push_bind(command_id)).await
    }

    /// The last bid of an account on an item that counted: the one with its highest maximum.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn last_counted_bid(&self, account_id: AccountId, item_id: ItemId) -> Result<Option<Receipt>> {
        sql(SELECT_RECEIPTS)
            .push("bidder_id = ")
            .push_bind(account_id)
            .push(" AND item_id = ")
            .push_bind(item_id)
            .push(" AND decision IN ('accepted', 'accepted_outbid', 'raised') ORDER BY log_offset DESC LIMIT 1")
            .fetch_optional(&self.readers)
            .await
    }

    async fn first_decision(&self, receipts: Statement) -> Result<Option<Receipt>> {
        receipts
            .push(" ORDER BY CASE decision WHEN 'duplicate' THEN 1 ELSE 0 END, log_partition, log_offset LIMIT 1")
            .fetch_optional(&self.readers)
            .await
    }

    /// Whether a bid of an account on an item was ever counted.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn has_counted_bid(&self, account_id: AccountId, item_id: ItemId) -> Result<bool> {
        let count = sql("SELECT COUNT(*) AS count FROM history WHERE bidder_id = $1 AND item_id = $2 \
             AND decision IN ('accepted', 'accepted_outbid', 'raised')")
        .bind(account_id)
        .bind(item_id)
        .fetch_one::<Count>(&self.readers)
        .await?;
        Ok(count.0 > 0)
    }

    /// The items an account has bid on, each with their last bid; the latest bid first.
    ///
    /// # Errors
    /// `BadCursor`, `Unavailable`.
    pub async fn bids_of(&self, account_id: AccountId, cursor: Option<&str>, limit: u32) -> Result<Page<OwnBidRow>> {
        let cursor = Cursor::parse(cursor, "own")?;
        let statement = sql(&SELECT_ITEMS.replacen(
            "SELECT ",
            "SELECT history.bidder_id AS own_bidder_id, history.bid_id AS own_bid_id, history.decision AS own_decision, \
             history.at_ms AS own_at_ms, ",
            1,
        ));
        let statement = statement.push(JOIN_LAST_BIDS).push(" AND history.bidder_id = ").push_bind(account_id);
        let order = Order { key: "history.at_ms", id: "standings.item_id", is_downward: true };
        let rows = order.finish(statement, cursor, limit).fetch_all(&self.readers).await?;
        Ok(Page::of(rows, limit, |bid: &OwnBidRow| Cursor {
            list: "own",
            key: bid.at_ms,
            id: bid.item.item_id.to_string(),
        }))
    }
}

/// Selects [`Receipt`]s; a condition must follow.
const SELECT_RECEIPTS: &str = "SELECT record, command_partition, command_offset FROM history WHERE ";
