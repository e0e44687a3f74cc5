//! `auctions.bids`: commands. Internal, for they hold maxima.

use gavel_domain::{AccountId, BidId, CommandId, ItemId};
use serde::{Deserialize, Serialize};

/// `bid_placed`: a bidder offers up to a maximum.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidPlaced {
    /// Always `bid_placed`.
    #[serde(rename = "type")]
    pub kind: BidPlacedTag,
    /// Schema version.
    pub v: u16,
    /// The bid.
    pub bid_id: BidId,
    /// On which item.
    pub item_id: ItemId,
    /// By whom.
    pub bidder_id: AccountId,
    /// Secret: the most they would pay.
    pub max_minor: i64,
    /// ISO 3166 country of the bidder's address, if known.
    #[serde(default)]
    pub country: Option<String>,
    /// Geohash of four characters, if known.
    #[serde(default)]
    pub grid: Option<String>,
    /// The account may not bid at present. Written only when true.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
}

impl std::fmt::Debug for BidPlaced {
    /// Without the maximum, which must never reach a log line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BidPlaced")
            .field("bid_id", &self.bid_id)
            .field("item_id", &self.item_id)
            .finish_non_exhaustive()
    }
}

/// The `type` of [`BidPlaced`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BidPlacedTag {
    /// `bid_placed`.
    BidPlaced,
}

/// `withdrawal`: the seller takes the item back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Always `withdrawal`.
    #[serde(rename = "type")]
    pub kind: WithdrawalTag,
    /// Schema version.
    pub v: u16,
    /// The command. The edge always writes it, to know the answer by; the processor can do without.
    pub command_id: CommandId,
    /// Which item.
    pub item_id: ItemId,
    /// Who asks.
    pub seller_id: AccountId,
}

/// The `type` of [`Withdrawal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawalTag {
    /// `withdrawal`.
    Withdrawal,
}

/// The value of a tick: it says only that time has passed.
pub const TICK: &[u8] = br#"{"type":"tick","v":1}"#;
