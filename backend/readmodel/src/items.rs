//! Items as they were listed, joined with how they stand.

use gavel_auctions::wire::{ClosingTerms, Outcome, ReserveStatus};
use gavel_domain::{AccountId, ImageId, ItemId};

use crate::database::Database;
use crate::error::Result;
use crate::row::{FromRow, Row, columns};
use crate::statement::sql;

/// Selects [`ItemRow`]s; a condition may follow.
pub(crate) const SELECT_ITEMS: &str = "SELECT items.*, standings.*, accounts.display_name AS seller_name FROM items \
     JOIN standings ON standings.item_id = items.item_id \
     LEFT JOIN accounts ON accounts.account_id = items.seller_id";

/// Where an auction is between its listing and its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemStatus {
    /// Bidding has not begun.
    Scheduled,
    /// Bids are taken, or the last are being counted.
    Open,
    /// The outcome is known.
    Ended,
}

impl ItemStatus {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Ended => "ended",
        }
    }
}

/// An item: as listed, and as it stands. Public, all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRow {
    /// The item.
    pub item_id: ItemId,
    /// Who sells it.
    pub seller_id: AccountId,
    /// Their public name; `None` if this house has no such account.
    pub seller_name: Option<String>,
    /// One line.
    pub title: String,
    /// What it is, in plain text.
    pub description: String,
    /// Slug of its category.
    pub category: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Name of the ladder of increments.
    pub ladder: String,
    /// Where bidding starts.
    pub starting_minor: i64,
    /// For how much it can be had at once.
    pub buy_now_minor: Option<i64>,
    /// When it was listed: the append time of its listing.
    pub listed_ms: i64,
    /// Bids before it are refused.
    pub starts_at_ms: i64,
    /// The listed end.
    pub listed_ends_at_ms: i64,
    /// The effective end, which a soft close may have moved.
    pub ends_at_ms: i64,
    /// How it closes.
    pub closing: ClosingTerms,
    /// ISO 3166 country of the lister, if known.
    pub country: Option<String>,
    /// Its pictures.
    pub images: Vec<ImageId>,
    /// The last sequence; 0 before the first.
    pub sequence: u64,
    /// The visible price; before the first bid the starting price.
    pub price_minor: i64,
    /// The least that the next bidder must offer; `None` once ended.
    pub minimum_minor: Option<i64>,
    /// Who leads.
    pub leader_id: Option<AccountId>,
    /// The leader's public name on this item.
    pub leader_alias: Option<String>,
    /// Counted bids.
    pub bid_count: u64,
    /// How the reserve stands.
    pub reserve: ReserveStatus,
    /// Once ended: how.
    pub outcome: Option<Outcome>,
    /// Once sold: to whom.
    pub winner_id: Option<AccountId>,
    /// The winner's public name on this item.
    pub winner_alias: Option<String>,
}

impl ItemRow {
    /// Where the auction is. It has ended only once its outcome is known, never because a clock says so.
    #[must_use]
    pub fn status(&self, now_ms: i64) -> ItemStatus {
        match self.outcome {
            Some(_) => ItemStatus::Ended,
            None if now_ms < self.starts_at_ms => ItemStatus::Scheduled,
            None => ItemStatus::Open,
        }
    }
}

impl FromRow for ItemRow {
    fn from_row(row: &Row) -> Result<Self> {
        let outcome: Option<Outcome> = row.optional("outcome")?;
        let starting_minor = row.get("starting_minor")?;
        let is_met = row.optional("reserve_met")?.unwrap_or(false) || outcome == Some(Outcome::Sold);
        let sequence: Option<u64> = row.optional("final_sequence")?;
        Ok(Self {
            item_id: row.get("item_id")?,
            seller_id: row.get("seller_id")?,
            seller_name: row.optional("seller_name")?,
            title: row.get("title")?,
            description: row.get("description")?,
            category: row.get("category")?,
            currency: row.get("currency")?,
            ladder: row.get("ladder")?,
            starting_minor,
            buy_now_minor: row.optional("buy_now_minor")?,
            listed_ms: row.get("listed_ms")?,
            starts_at_ms: row.get("starts_at_ms")?,
            listed_ends_at_ms: row.get("listed_ends_at_ms")?,
            ends_at_ms: row.get("ends_at_ms")?,
            closing: row.get("closing")?,
            country: row.optional("country")?,
            images: row.get::<Images>("images")?.0,
            sequence: sequence.or(row.optional("last_sequence")?).unwrap_or(0),
            price_minor: row.get("price_minor")?,
            minimum_minor: match outcome {
                Some(_) => None,
                None => Some(row.optional("minimum_minor")?.unwrap_or(starting_minor)),
            },
            leader_id: row.optional("leader_id")?,
            leader_alias: row.optional("leader_alias")?,
            bid_count: row.get("bid_count")?,
            reserve: match (row.get("has_reserve")?, is_met) {
                (false, _) => ReserveStatus::None,
                (true, true) => ReserveStatus::Met,
                (true, false) => ReserveStatus::NotMet,
            },
            outcome,
            winner_id: row.optional("winner_id")?,
            winner_alias: row.optional("winner_alias")?,
        })
    }
}

/// The pictures of an item, as one column.
struct Images(Vec<ImageId>);

columns! {
    [] ClosingTerms, String, value => serde_json::from_str(&value).ok();
    [] Images, String, value => serde_json::from_str(&value).ok().map(Images);
    [] Outcome, String, value => serde_json::from_value(value.into()).ok();
}

impl Database {
    /// An item.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn item(&self, item_id: ItemId) -> Result<Option<ItemRow>> {
        sql(SELECT_ITEMS).push(" WHERE items.item_id = $1").bind(item_id).fetch_optional(&self.readers).await
    }

    /// Those of `item_ids` that exist, in no particular order.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn items_by_id(&self, item_ids: &[ItemId]) -> Result<Vec<ItemRow>> {
        if item_ids.is_empty() {
            return Ok(Vec::new());
        }
        let start = sql(SELECT_ITEMS).push(" WHERE items.item_id IN (");
        let listed = item_ids.iter().enumerate().fold(start, |statement, (index, item_id)| {
            statement.push(if index == 0 { "" } else { ", " }).push_bind(*item_id)
        });
        listed.push(")").fetch_all(&self.readers).await
    }
}
