//! `auctions.prices`: the present public state of each item, compacted by item. Public.

use gavel_domain::{AccountId, ItemId, Outcome, ReserveStatus};
use serde::{Deserialize, Serialize};

/// `price`: how an item stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRecord {
    /// Always `price`.
    #[serde(rename = "type")]
    pub kind: PriceTag,
    /// Schema version.
    pub v: u16,
    /// The item.
    pub item_id: ItemId,
    /// The sequence it reflects; 0 before the first.
    pub sequence: u64,
    /// ISO 4217 code.
    pub currency: String,
    /// The visible price.
    pub price_minor: i64,
    /// The least that the next bidder must offer; `null` once ended.
    pub minimum_minor: Option<i64>,
    /// Who leads.
    pub leader_id: Option<AccountId>,
    /// The leader's public name on this item.
    pub leader_alias: Option<String>,
    /// Counted bids.
    pub bid_count: u64,
    /// How the reserve stands.
    pub reserve: ReserveStatus,
    /// When bidding starts.
    pub starts_at_ms: i64,
    /// The effective end.
    pub ends_at_ms: i64,
    /// Once ended: how.
    pub outcome: Option<Outcome>,
}

/// The `type` of [`PriceRecord`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceTag {
    /// `price`.
    Price,
}
