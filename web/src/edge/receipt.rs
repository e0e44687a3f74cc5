//! What became of a bid, told to whom it concerns: of a decision with a sequence everybody may know, of all else the
//! bidder alone.
//!
//! A bid that is not decided yet is found by its place in the log, which its address carries: so any process can tell.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use gavel_auctions::wire::{BidPlaced, Decision, HistoryRecord, topics};
use gavel_domain::{AccountId, BidId, ItemId, Minor};
use gavel_log::{Appended, ErrorClass, Log, LogError, Record, Start, TopicPartition};
use gavel_readmodel::{CommandPosition, Receipt};

use super::bid::BidStanding;
use crate::error::WebError;
use crate::security::session::Caller;
use crate::state::AppState;

/// How long the log may take to give one record.
const READ_WITHIN: Duration = Duration::from_secs(3);
/// How long one poll waits.
const POLL_TIMEOUT: Duration = Duration::from_millis(500);

/// Where a bid is in its topic; written `PARTITION:OFFSET` in addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    partition: u32,
    offset: u64,
}

impl From<Appended> for Place {
    fn from(appended: Appended) -> Self {
        Self { partition: appended.partition, offset: appended.offset }
    }
}

impl From<CommandPosition> for Place {
    fn from(CommandPosition { partition, offset }: CommandPosition) -> Self {
        Self { partition, offset }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

impl FromStr for Place {
    type Err = WebError;

    fn from_str(text: &str) -> Result<Self, WebError> {
        let (partition, offset) = text.split_once(':').ok_or_else(no_such_bid)?;
        match (partition.parse(), offset.parse()) {
            (Ok(partition), Ok(offset)) => Ok(Self { partition, offset }),
            _ => Err(no_such_bid()),
        }
    }
}

/// A bid that is in the log and not decided yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingBid {
    /// The bid.
    pub bid_id: BidId,
    /// On which item.
    pub item_id: ItemId,
    /// Where and when it was appended.
    pub appended: Appended,
}

impl PendingBid {
    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Place {
        self.appended.into()
    }
}

/// How a bid stands, for `caller`; `at` is where it may be in the log.
///
/// # Errors
/// `NotFound` where there is no such bid, or it is another's to know; `TooMany`, `LogUnavailable`, `DatabaseUnavailable`.
pub async fn find(
    state: &AppState,
    caller: Option<&Caller>,
    bid_id: BidId,
    at: Option<&str>,
) -> Result<BidStanding, WebError> {
    let caller_id = caller.map(Caller::id);
    match first_decision(state, bid_id).await? {
        Some(receipt) if may_know(caller_id, &receipt.record) => Ok(BidStanding::Decided(bid_id, Box::new(receipt))),
        Some(_) => Err(no_such_bid()),
        None => {
            let (Some(bidder_id), Some(at)) = (caller_id, at) else { return Err(no_such_bid()) };
            Ok(BidStanding::Pending(pending(state, bidder_id, bid_id, at.parse()?).await?))
        }
    }
}

/// What a bid was first answered: from the events too new for the read model, else from the read model. Of a copy, the
/// read model may know the first.
///
/// # Errors
/// `DatabaseUnavailable`.
pub async fn first_decision(state: &AppState, bid_id: BidId) -> Result<Option<Receipt>, WebError> {
    match state.hub.receipt(bid_id) {
        Some(receipt) if receipt.record.decision != Decision::Duplicate => Ok(Some(receipt)),
        copy => Ok(state.database.receipt(bid_id).await?.or(copy)),
    }
}

/// What has a sequence is public.
fn may_know(caller: Option<AccountId>, record: &HistoryRecord) -> bool {
    let sequence = record.first.as_ref().map_or(record.sequence, |first| first.sequence);
    sequence.is_some() || caller.is_some() && caller == record.bidder_id
}

fn no_such_bid() -> WebError {
    WebError::NotFound("there is no such bid")
}

/// Reads the bid from the log, if it is there and the bidder's own.
async fn pending(state: &AppState, bidder_id: AccountId, bid_id: BidId, at: Place) -> Result<PendingBid, WebError> {
    state.limits.receipt(bidder_id)?;
    let log = state.log.clone();
    let reading = tokio::task::spawn_blocking(move || read(&*log, at));
    let record = match tokio::time::timeout(READ_WITHIN, reading).await {
        Ok(Ok(Ok(record))) => record,
        Ok(Ok(Err(error))) if error.class() == ErrorClass::Reject => None,
        failed => {
            tracing::warn!(?failed, "a bid could not be read from the log");
            return Err(WebError::LogUnavailable);
        }
    };
    record.and_then(|record| own_bid(&record, bidder_id, bid_id)).ok_or_else(no_such_bid)
}

/// The record at that place, if there is one. Blocks.
pub(super) fn read(log: &dyn Log, at: Place) -> gavel_log::Result<Option<Record>> {
    let partition = TopicPartition::new(topics::BIDS, at.partition);
    if at.offset >= log.watermarks(&partition)?.end {
        return Ok(None);
    }
    let mut consumer = log.consumer(None)?;
    consumer.assign(&[(partition, Start::Offset(at.offset))])?;
    let (mut records, until) = (Vec::new(), Instant::now() + READ_WITHIN);
    while records.is_empty() && Instant::now() < until {
        consumer.poll(&mut records, 1, POLL_TIMEOUT)?;
    }
    let record = records.pop().ok_or_else(|| LogError::Unavailable("it gave no record in time".into()))?;
    Ok((record.offset == at.offset).then_some(record))
}

fn own_bid(record: &Record, bidder_id: AccountId, bid_id: BidId) -> Option<PendingBid> {
    let bid = bid_of(record, bidder_id, bid_id)?;
    let appended = Appended { partition: record.partition, offset: record.offset, append_ms: record.append_ms };
    Some(PendingBid { bid_id, item_id: bid.item_id, appended })
}

/// The maximum of the bid that a record is, if it is that one of that bidder.
pub(super) fn maximum(record: &Record, bidder_id: AccountId, bid_id: BidId) -> Option<Minor> {
    Minor::new(bid_of(record, bidder_id, bid_id)?.max_minor).ok()
}

fn bid_of(record: &Record, bidder_id: AccountId, bid_id: BidId) -> Option<BidPlaced> {
    let bid: BidPlaced = serde_json::from_slice(record.value.as_deref()?).ok()?;
    (bid.bid_id == bid_id && bid.bidder_id == bidder_id).then_some(bid)
}

#[cfg(test)]
mod tests {
    use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions};
    use gavel_log::{Cleanup, NewRecord, TopicSpec};
    use serde_json::json;

    use super::*;

    const BID: &str = "018f0000-0000-7000-8000-000000000001";
    const BIDDER: &str = "018f0000-0000-7000-8000-000000000002";
    const OTHER: &str = "018f0000-0000-7000-8000-000000000003";

    fn history(sequence: Option<u64>, first: Option<Option<u64>>) -> HistoryRecord {
        let first = first.map(|sequence| {
            json!({
                "decision": "accepted", "sequence": sequence, "price_minor": 1, "minimum_minor": 2, "leading": true,
                "at_ms": 1, "received_ms": 1,
            })
        });
        let mut record = json!({
            "type": "bid_decided", "v": 1, "item_id": OTHER, "sequence": sequence, "bid_id": BID, "bidder_id": BIDDER,
            "decision": "accepted", "price_minor": 1, "leader_id": null, "bid_count": 1, "reserve_met": true,
            "ends_at_ms": 1, "at_ms": 1, "received_ms": 1,
        });
        if let Some(first) = first {
            record["first"] = first;
        }
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn what_has_no_sequence_is_the_bidders_alone() {
        let (bidder, other) = (Some(BIDDER.parse().unwrap()), Some(OTHER.parse().unwrap()));
        let public = [history(Some(1), None), history(None, Some(Some(1)))];
        assert!(public.iter().all(|record| may_know(None, record) && may_know(other, record)));
        let private = [history(None, None), history(None, Some(None))];
        assert!(private.iter().all(|record| !may_know(None, record) && !may_know(other, record)));
        assert!(private.iter().all(|record| may_know(bidder, record)));
    }

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = Place { partition: 3, offset: 41 };
        assert_eq!(place.to_string().parse::<Place>().unwrap(), place);
        for bad in ["", "3", "3:", ":4", "3:4:5", "-1:0", "3:x"] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bid_is_read_at_its_place_and_by_its_bidder_alone() {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(folder.path(), EmbeddedOptions::default()).unwrap();
        log.create_topic(&TopicSpec { name: topics::BIDS.into(), partitions: 1, cleanup: Cleanup::Keep }).unwrap();
        let bid = json!({
            "type": "bid_placed", "v": 1, "bid_id": BID, "item_id": OTHER, "bidder_id": BIDDER, "max_minor": 100,
        });
        let values = [br#"{"type":"tick","v":1}"#.to_vec(), bid.to_string().into_bytes()];
        for value in values {
            let record = NewRecord { topic: topics::BIDS.into(), value: Some(value.into()), ..NewRecord::default() };
            log.producer().unwrap().send(record).wait().unwrap();
        }
        let at = |partition, offset| read(&*log, Place { partition, offset });
        let found = |record: &Record, bidder: &str| own_bid(record, bidder.parse().unwrap(), BID.parse().unwrap());
        let bid = at(0, 1).unwrap().unwrap();
        assert_eq!(found(&bid, BIDDER).unwrap().place().to_string(), "0:1");
        assert!(found(&bid, OTHER).is_none());
        assert!(found(&at(0, 0).unwrap().unwrap(), BIDDER).is_none());
        assert!(at(0, 2).unwrap().is_none());
        assert_eq!(at(9, 0).unwrap_err().class(), ErrorClass::Reject);
    }
}
