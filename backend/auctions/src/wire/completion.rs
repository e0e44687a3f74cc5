//! `auctions.items-complete`: exactly one record per ended auction. Public. The same record goes to `auctions.items`,
//! where it breaks the join.

use gavel_domain::{AccountId, ItemId, Outcome};
use serde::{Deserialize, Serialize};

/// `item_completed`: the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletionRecord {
    /// Always `item_completed`.
    #[serde(rename = "type")]
    pub kind: CompletionTag,
    /// Schema version.
    pub v: u16,
    /// The item.
    pub item_id: ItemId,
    /// The item's last sequence.
    pub sequence: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Who won; `null` unless sold.
    pub winner_id: Option<AccountId>,
    /// The winner's public name on this item.
    #[serde(default)]
    pub winner_alias: Option<String>,
    /// The hammer price; unless sold, the price reached.
    pub price_minor: i64,
    /// Counted bids.
    pub bid_count: u64,
    /// The effective end.
    pub ended_at_ms: i64,
}

/// The `type` of [`CompletionRecord`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompletionTag {
    /// `item_completed`.
    ItemCompleted,
}
