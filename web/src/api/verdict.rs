//! How decisions look to programs. A duplicate is told the first decision.

use gavel_auctions::wire::{Decision, HistoryRecord};
use gavel_domain::{BidId, ItemId};
use gavel_readmodel::Receipt;
use serde::Serialize;
use serde_json::Value;

use crate::edge::receipt::PendingBid;
use crate::error::WebError;

/// The stream's decision on a command.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = CommandDecision)]
pub(super) struct Verdict {
    /// Such as `accepted`, `accepted_outbid`, `raised`, `too_low`, `ended`.
    #[schema(value_type = String, example = "accepted")]
    decision: Decision,
    /// The visible price after it; null for an unknown item.
    #[schema(required)]
    price_minor: Option<i64>,
    /// The least that the next bidder must offer; null once ended.
    #[schema(required)]
    minimum_minor: Option<i64>,
    /// Whether the commander leads after it.
    leading: bool,
    /// Its place among the item's public events; null for what is the commander's alone.
    #[schema(required)]
    sequence: Option<u64>,
    /// When the log appended the command.
    received_ms: i64,
}

impl Verdict {
    /// Of a history record.
    pub(super) fn of(record: &HistoryRecord) -> Self {
        match &record.first {
            Some(first) => Self {
                decision: first.decision,
                price_minor: first.price_minor,
                minimum_minor: first.minimum_minor,
                leading: first.leading,
                sequence: first.sequence,
                received_ms: first.received_ms,
            },
            None => Self {
                decision: record.decision,
                price_minor: record.price_minor,
                minimum_minor: record.minimum_minor,
                leading: record.leader_id.is_some() && record.leader_id == record.bidder_id,
                sequence: record.sequence,
                received_ms: record.received_ms,
            },
        }
    }

    /// With the bid's id.
    pub(super) fn of_bid(self, bid_id: BidId) -> BidVerdict {
        BidVerdict { bid_id, verdict: self }
    }

    /// Itself, if the command counted.
    ///
    /// # Errors
    /// `Refused` with the same members.
    pub(super) fn into_result(self) -> Result<Self, WebError> {
        unless_refused(self.decision, self)
    }
}

/// The stream's decision on a bid.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Decision)]
pub(super) struct BidVerdict {
    #[schema(value_type = String, format = "uuid")]
    bid_id: BidId,
    #[serde(flatten)]
    verdict: Verdict,
}

impl BidVerdict {
    /// Itself, if the bid counted.
    ///
    /// # Errors
    /// `Refused` with the same members.
    pub(super) fn into_result(self) -> Result<Self, WebError> {
        unless_refused(self.verdict.decision, self)
    }
}

fn unless_refused<T: Serialize>(decision: Decision, answer: T) -> Result<T, WebError> {
    if decision.is_counted() {
        return Ok(answer);
    }
    match serde_json::to_value(&answer) {
        Ok(Value::Object(members)) => {
            Err(WebError::Refused { decision: decision.as_str(), detail: explain(decision).to_owned(), members })
        }
        _ => Err(WebError::Internal("a decision could not be written".into())),
    }
}

/// The stream has decided.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DecidedStatus {
    /// Always this.
    Decided,
}

/// The stream has not decided yet.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PendingStatus {
    /// Always this.
    Pending,
}

/// What became of a bid.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Receipt)]
pub(super) struct DecidedBid {
    status: DecidedStatus,
    #[schema(value_type = String, format = "uuid")]
    item_id: ItemId,
    /// When the log appended the bid.
    append_ms: i64,
    /// Where the bid is in the log.
    #[schema(required)]
    partition: Option<u32>,
    /// Its offset there.
    #[schema(required)]
    offset: Option<u64>,
    #[serde(flatten)]
    decision: BidVerdict,
}

impl DecidedBid {
    /// Of a decision and its place.
    pub(super) fn of(bid_id: BidId, receipt: &Receipt) -> Self {
        Self {
            status: DecidedStatus::Decided,
            item_id: receipt.record.item_id,
            append_ms: receipt.record.received_ms,
            partition: receipt.command.map(|command| command.partition),
            offset: receipt.command.map(|command| command.offset),
            decision: Verdict::of(&receipt.record).of_bid(bid_id),
        }
    }
}

/// A bid that is in the log and not decided yet.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(super) struct Pending {
    #[schema(value_type = String, format = "uuid")]
    bid_id: BidId,
    status: PendingStatus,
    /// When the log appended the bid.
    append_ms: i64,
    /// The same.
    received_ms: i64,
    /// Where the bid is in the log.
    partition: u32,
    /// Its offset there.
    offset: u64,
    /// Null.
    #[schema(value_type = Option<String>, required)]
    decision: Option<Decision>,
}

impl From<PendingBid> for Pending {
    fn from(PendingBid { bid_id, appended, .. }: PendingBid) -> Self {
        Self {
            bid_id,
            status: PendingStatus::Pending,
            append_ms: appended.append_ms,
            received_ms: appended.append_ms,
            partition: appended.partition,
            offset: appended.offset,
            decision: None,
        }
    }
}

/// A refusal in plain words.
fn explain(decision: Decision) -> &'static str {
    match decision {
        Decision::TooLow => "the bid is below the minimum; bid at least minimum_minor",
        Decision::NotStarted => "bidding has not begun yet",
        Decision::Ended => "the auction has ended",
        Decision::OwnItem => "sellers cannot bid on their own items",
        Decision::NotAboveOwnMax => "you lead already; a new maximum must be above your own",
        Decision::Suspended => "this account may not bid at present",
        Decision::UnknownItem => "there is no such item",
        Decision::NotSeller => "only the seller can withdraw an item",
        Decision::Duplicate => "this bid was placed before",
        Decision::Accepted | Decision::AcceptedOutbid | Decision::Raised | Decision::Withdrawn => "it counts",
    }
}
