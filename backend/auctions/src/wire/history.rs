//! `auctions.bids.history`: the audit, one record per command with its decision. Public: no maximum, no reserve.

use gavel_domain::{AccountId, BidId, CommandId, Decision, ItemId};
use serde::{Deserialize, Serialize};

/// One command and its decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRecord {
    /// What kind of command was decided.
    #[serde(rename = "type")]
    pub kind: HistoryKind,
    /// Schema version.
    pub v: u16,
    /// The item.
    pub item_id: ItemId,
    /// Position among what the public may know of this item, from 1; `null` for what is the commander's alone.
    pub sequence: Option<u64>,
    /// The bid, if it was one.
    #[serde(default)]
    pub bid_id: Option<BidId>,
    /// The command, if it was no bid. Written only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<CommandId>,
    /// Whose bid; the seller for a withdrawal.
    #[serde(default)]
    pub bidder_id: Option<AccountId>,
    /// The bidder's public name on this item.
    #[serde(default)]
    pub alias: Option<String>,
    /// What was decided.
    pub decision: Decision,
    /// The visible price after it; `null` only for an unknown item.
    pub price_minor: Option<i64>,
    /// The least that the next bidder must offer; `null` once ended or unknown.
    #[serde(default)]
    pub minimum_minor: Option<i64>,
    /// Who leads after it.
    pub leader_id: Option<AccountId>,
    /// The leader's public name on this item.
    #[serde(default)]
    pub leader_alias: Option<String>,
    /// Counted bids so far.
    pub bid_count: u64,
    /// Whether the reserve is met (true without one).
    pub reserve_met: bool,
    /// The effective end after it; `null` only for an unknown item.
    pub ends_at_ms: Option<i64>,
    /// The command's time: partition time when it was processed.
    pub at_ms: i64,
    /// When the broker appended the command.
    pub received_ms: i64,
    /// Country of the bidder's address, if known.
    #[serde(default)]
    pub country: Option<String>,
    /// Geohash of four characters, if known.
    #[serde(default)]
    pub grid: Option<String>,
    /// Of a duplicate: what the first copy was answered. Written only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<FirstDecision>,
}

/// The `type` of a [`HistoryRecord`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryKind {
    /// A bid was decided.
    BidDecided,
    /// A withdrawal was decided.
    WithdrawalDecided,
}

/// What the first copy of a bid was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstDecision {
    /// The first decision.
    pub decision: Decision,
    /// Its sequence.
    pub sequence: Option<u64>,
    /// The price after it.
    pub price_minor: Option<i64>,
    /// The minimum after it.
    pub minimum_minor: Option<i64>,
    /// Whether the bidder led after it.
    pub leading: bool,
    /// Its time.
    pub at_ms: i64,
    /// When the first copy was appended.
    pub received_ms: i64,
}
