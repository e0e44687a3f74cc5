//! Writes a batch: the offsets first, which lets only one projector go on, then the rows, then all at once or nothing.

use std::collections::BTreeMap;

use gavel_auctions::wire::{CompletionRecord, HistoryRecord, ItemListed};
use gavel_domain::ItemId;

use super::batch::{Batch, HistoryEntry};
use super::offsets::move_offset;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::search;
use crate::statement::{Argument, Transaction, row, sql};

/// Rows written by one statement. More gain little, and SQLite looks placeholders up one after another.
const ROWS_MAX: usize = 50;

/// Every table of projections.
const TABLES: [&str; 9] = [
    "projection_offsets",
    "items",
    "item_search",
    "standings",
    "history",
    "completions",
    "notices",
    "measures",
    "dead_letters",
];

impl Database {
    /// Writes a batch and moves the offsets, all or nothing.
    ///
    /// # Errors
    /// `Overtaken` when the offsets are not where the batch begins; `Unavailable`: then it may or may not be written.
    pub(super) async fn write(&self, batch: &Batch) -> Result<()> {
        let mut transaction = self.begin().await?;
        for (partition, moved) in &batch.moves {
            move_offset(&mut transaction, partition, *moved).await?;
        }
        for (item, listed_ms) in &batch.items {
            write_item(&mut transaction, item, *listed_ms).await?;
        }
        write_history(&mut transaction, &batch.history).await?;
        let latest = batch.standings.values().filter_map(|index| batch.history.get(*index));
        write_standings(&mut transaction, latest.map(|entry| &entry.record)).await?;
        write_completions(&mut transaction, &batch.completions).await?;
        write_notices(&mut transaction, batch).await?;
        write_measures(&mut transaction, batch).await?;
        write_dead_letters(&mut transaction, batch).await?;
        forget_dead_letters(&mut transaction, &batch.resolved_letters).await?;
        transaction.commit().await
    }

    /// Empties every projection, the offsets included.
    pub(super) async fn clear_projections(&self) -> Result<()> {
        let mut transaction = self.begin().await?;
        for table in TABLES {
            sql("DELETE FROM ").push(table).execute(&mut transaction).await?;
        }
        transaction.commit().await
    }
}

/// Inserts rows, `ROWS_MAX` at a time.
async fn insert(transaction: &mut Transaction, into: &str, rows: Vec<Vec<Argument>>, conflict: &str) -> Result<()> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some = rows.by_ref().take(ROWS_MAX).collect();
        sql("INSERT INTO ").push(into).push_values(some).push(conflict).execute(&mut *transaction).await?;
    }
    Ok(())
}

/// The first listing of an item counts; a copy changes nothing.
async fn write_item(transaction: &mut Transaction, item: &ItemListed, listed_ms: i64) -> Result<()> {
    let json = |value| serde_json::to_string(value).map_err(|error| Error::Unexpected(error.to_string()));
    let closing = serde_json::to_string(&item.closing).map_err(|error| Error::Unexpected(error.to_string()))?;
    let values = row![
        item.item_id,
        item.seller_id,
        &*item.title,
        &*item.description,
        &*item.currency,
        &*item.ladder,
        item.reserve_minor.is_some(),
        item.buy_now_minor,
        closing,
        item.country.as_deref(),
        item.grid.as_deref(),
        json(&item.images)?,
    ];
    let inserted = sql("INSERT INTO items (item_id, seller_id, title, description, currency, ladder, has_reserve, \
         buy_now_minor, closing, country, grid, images)")
    .push_values(vec![values])
    .push(" ON CONFLICT (item_id) DO NOTHING")
    .execute(&mut *transaction)
    .await?;
    if inserted == 0 {
        return Ok(());
    }
    search::index(transaction, item.item_id, &item.title, &item.description).await?;
    let listing =
        row![item.item_id, &*item.category, listed_ms, item.starts_at_ms, item.starting_minor, item.ends_at_ms,];
    insert(
        transaction,
        "standings (item_id, category, listed_ms, starts_at_ms, starting_minor, listed_ends_at_ms)",
        vec![listing],
        " ON CONFLICT (item_id) DO UPDATE SET category = excluded.category, listed_ms = excluded.listed_ms, \
         starts_at_ms = excluded.starts_at_ms, starting_minor = excluded.starting_minor, \
         listed_ends_at_ms = excluded.listed_ends_at_ms",
    )
    .await
}

async fn write_history(transaction: &mut Transaction, history: &[HistoryEntry]) -> Result<()> {
    let values = |entry: &HistoryEntry| {
        let record = &entry.record;
        row![
            entry.partition,
            entry.offset,
            record.item_id,
            record.sequence,
            record.bid_id,
            record.command_id,
            record.bidder_id,
            record.decision.as_str(),
            record.price_minor,
            record.minimum_minor,
            record.at_ms,
            record.received_ms,
            record.country.as_deref(),
            record.grid.as_deref(),
            entry.command.map(|command| command.partition),
            entry.command.map(|command| command.offset),
            &*entry.json,
        ]
    };
    insert(
        transaction,
        "history (log_partition, log_offset, item_id, sequence, bid_id, command_id, bidder_id, decision, price_minor, \
         minimum_minor, at_ms, received_ms, country, grid, command_partition, command_offset, record)",
        history.iter().map(values).collect(),
        "",
    )
    .await
}

/// The record with the greatest sequence says how an item stands.
async fn write_standings(transaction: &mut Transaction, latest: impl Iterator<Item = &HistoryRecord>) -> Result<()> {
    let values = |record: &HistoryRecord| {
        row![
            record.item_id,
            record.sequence,
            record.price_minor,
            record.minimum_minor,
            record.leader_id,
            record.leader_alias.as_deref(),
            record.bid_count,
            record.reserve_met,
            record.ends_at_ms,
        ]
    };
    insert(
        transaction,
        "standings (item_id, last_sequence, standing_minor, minimum_minor, leader_id, leader_alias, counted_bids, \
         reserve_met, moved_ends_at_ms)",
        latest.map(values).collect(),
        " ON CONFLICT (item_id) DO UPDATE SET last_sequence = excluded.last_sequence, \
         standing_minor = excluded.standing_minor, minimum_minor = excluded.minimum_minor, \
         leader_id = excluded.leader_id, leader_alias = excluded.leader_alias, \
         counted_bids = excluded.counted_bids, reserve_met = excluded.reserve_met, \
         moved_ends_at_ms = excluded.moved_ends_at_ms \
         WHERE COALESCE(standings.last_sequence, 0) < excluded.last_sequence",
    )
    .await
}

/// There is one outcome per item, ever: the first.
async fn write_completions(
    transaction: &mut Transaction,
    completions: &BTreeMap<ItemId, (CompletionRecord, String)>,
) -> Result<()> {
    let audit = |(record, json): &(CompletionRecord, String)| {
        row![
            record.item_id,
            record.sequence,
            record.outcome.as_str(),
            record.winner_id,
            record.price_minor,
            record.bid_count,
            record.ended_at_ms,
            &**json,
        ]
    };
    insert(
        transaction,
        "completions (item_id, sequence, outcome, winner_id, price_minor, bid_count, ended_at_ms, record)",
        completions.values().map(audit).collect(),
        " ON CONFLICT (item_id) DO NOTHING",
    )
    .await?;
    let standing = |(record, _): &(CompletionRecord, String)| {
        row![
            record.item_id,
            record.sequence,
            record.outcome.as_str(),
            record.winner_id,
            record.winner_alias.as_deref(),
            record.price_minor,
            record.bid_count,
            record.ended_at_ms,
        ]
    };
    insert(
        transaction,
        "standings (item_id, final_sequence, outcome, winner_id, winner_alias, final_minor, final_bids, ended_at_ms)",
        completions.values().map(standing).collect(),
        " ON CONFLICT (item_id) DO UPDATE SET final_sequence = excluded.final_sequence, outcome = excluded.outcome, \
         winner_id = excluded.winner_id, winner_alias = excluded.winner_alias, final_minor = excluded.final_minor, \
         final_bids = excluded.final_bids, ended_at_ms = excluded.ended_at_ms WHERE standings.outcome IS NULL",
    )
    .await
}

async fn write_notices(transaction: &mut Transaction, batch: &Batch) -> Result<()> {
    let rows = batch.notices.iter().map(|(notice, received_ms)| {
        row![
            notice.notice_id,
            notice.account_id,
            notice.kind.as_str(),
            notice.item_id,
            &*notice.title,
            &*notice.currency,
            notice.price_minor,
            notice.sequence,
            notice.at_ms,
            *received_ms,
        ]
    });
    insert(
        transaction,
        "notices (notice_id, account_id, kind, item_id, title, currency, price_minor, sequence, at_ms, \
         received_ms)",
        rows.collect(),
        " ON CONFLICT (notice_id) DO NOTHING",
    )
    .await
}

/// A later record of a cell replaces the earlier.
async fn write_measures(transaction: &mut Transaction, batch: &Batch) -> Result<()> {
    let rows = batch.measures.values().map(|cell| {
        row![
            cell.measure.as_str(),
            cell.window_start_ms,
            &*cell.dimension,
            &*cell.currency,
            cell.partition,
            cell.count,
            cell.sum,
        ]
    });
    insert(
        transaction,
        "measures (measure, window_start_ms, dimension, currency, log_partition, cell_count, cell_sum)",
        rows.collect(),
        " ON CONFLICT (measure, window_start_ms, dimension, currency, log_partition) \
         DO UPDATE SET cell_count = excluded.cell_count, cell_sum = excluded.cell_sum",
    )
    .await
}

async fn write_dead_letters(transaction: &mut Transaction, batch: &Batch) -> Result<()> {
    let rows = batch.dead_letters.iter().map(|letter| {
        row![&*letter.dead_letter_id, &*letter.topic, &*letter.cause, &*letter.detail, &*letter.origin, letter.at_ms,]
    });
    insert(transaction, "dead_letters (dead_letter_id, topic, cause, detail, origin, at_ms)", rows.collect(), "").await
}

/// Those that were sent back or discarded wait no more.
async fn forget_dead_letters(transaction: &mut Transaction, resolved: &[String]) -> Result<()> {
    for dead_letter_id in resolved {
        let forget = sql("DELETE FROM dead_letters WHERE dead_letter_id = $1").bind(&**dead_letter_id);
        forget.execute(&mut *transaction).await?;
    }
    Ok(())
}
