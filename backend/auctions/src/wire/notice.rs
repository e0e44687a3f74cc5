//! `notices`: what an account is told. The inbox reads it; e-mail and push will.

use gavel_domain::{AccountId, ItemId, NoticeId};
use serde::{Deserialize, Serialize};

/// `notice`: one message to one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRecord {
    /// Always `notice`.
    #[serde(rename = "type")]
    pub tag: NoticeTag,
    /// Schema version.
    pub v: u16,
    /// UUIDv5 of account, item, kind and sequence: a replay makes the same.
    pub notice_id: NoticeId,
    /// To whom.
    pub account_id: AccountId,
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
    /// When it happened: the event's time.
    pub at_ms: i64,
}

/// The `type` of [`NoticeRecord`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeTag {
    /// `notice`.
    Notice,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// To a bidder who led and no longer does, or whose bid was outbid at once.
    Outbid,
    /// To the winner.
    Won,
    /// To a bidder who did not win.
    Lost,
    /// To the seller.
    Sold,
    /// To the seller: no bids.
    Unsold,
    /// To the seller, and to the highest bidder.
    ReserveNotMet,
    /// To the bidders: the seller took the item back.
    Withdrawn,
}

impl NoticeKind {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outbid => "outbid",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Sold => "sold",
            Self::Unsold => "unsold",
            Self::ReserveNotMet => "reserve_not_met",
            Self::Withdrawn => "withdrawn",
        }
    }
}
