//! A bid: identified so that a retry is the same bid, appended once, answered with the stream's decision.

use std::net::IpAddr;
use std::time::Instant;

use gavel_auctions::wire::command::BidPlacedTag;
use gavel_auctions::wire::{BidPlaced, Decision, SCHEMA_VERSION, topics};
use gavel_domain::{BidId, ItemId, Minor, bid_id};
use gavel_log::NewRecord;
use gavel_readmodel::Receipt;

use super::own_maximum;
use super::receipt::{PendingBid, Place, first_decision};
use super::submit;
use super::trace::Trace;
use crate::error::{FieldErrors, WebError};
use crate::security::session::Caller;
use crate::state::AppState;

const KEY_BYTES_MAX: usize = 200;

/// An idempotency key: with bidder and item, it makes the bid's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads one.
    ///
    /// # Errors
    /// `Invalid` unless it is 1 to 200 visible ASCII characters.
    pub fn parse(text: &str) -> Result<Self, WebError> {
        let is_valid = (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        match is_valid {
            true => Ok(Self(text.to_owned())),
            false => Err(WebError::Invalid(FieldErrors::one(
                "Idempotency-Key",
                "malformed",
                "An idempotency key is 1 to 200 visible ASCII characters",
            ))),
        }
    }
}

/// Up to how much somebody bids on what.
#[derive(Debug, Clone)]
pub struct Bid {
    /// The item.
    pub item_id: ItemId,
    /// The most they would pay. Secret.
    pub max: Minor,
    /// Makes a retry the same bid.
    pub key: IdempotencyKey,
}

/// How a bid stands.
#[derive(Debug, Clone)]
pub enum BidStanding {
    /// The stream has decided.
    Decided(BidId, Box<Receipt>),
    /// It has not, yet. The bid is in the log and will be decided.
    Pending(PendingBid),
}

impl Bid {
    /// Places the bid, or answers the first decision if it was placed before.
    ///
    /// # Errors
    /// `NotFound` for an unknown item, `Invalid`, `KeyReused`, `TooMany`, `LogUnavailable` (the same request again is the same
    /// bid), `DatabaseUnavailable`.
    pub async fn place(
        self,
        state: &AppState,
        caller: &Caller,
        address: IpAddr,
        trace: &Trace,
    ) -> Result<BidStanding, WebError> {
        let posted_at = Instant::now();
        state.limits.bid(caller.id(), address)?;
        let bid_id = bid_id(caller.id(), self.item_id, &self.key.0);
        if let Some(receipt) = first_decision(state, bid_id).await? {
            self.must_be(own_maximum::of_receipt(state, caller.id(), bid_id, &receipt).await)?;
            return Ok(BidStanding::Decided(bid_id, Box::new(receipt)));
        }
        self.must_be(state.maxima.of_bid(bid_id))?;
        if state.database.item(self.item_id).await?.is_none() {
            return Err(WebError::NotFound("there is no such item"));
        }
        let waiter = state.hub.expect(bid_id, posted_at);
        let appended = submit::append(state, self.record(state, caller, bid_id, address, trace)?).await?;
        state.maxima.placed(bid_id, self.max);
        Ok(match submit::decision(state, waiter).await {
            Some(receipt) => {
                self.must_be_first(state, caller, bid_id, appended.into(), &receipt).await?;
                if receipt.record.decision.is_counted() {
                    state.maxima.counted(caller.id(), self.item_id, self.max);
                }
                state.flow.record_decided(posted_at);
                BidStanding::Decided(bid_id, Box::new(receipt))
            }
            None => BidStanding::Pending(PendingBid { bid_id, item_id: self.item_id, appended }),
        })
    }

    /// Another request may have appended a bid of this id before: then its maximum counts, not this one's.
    async fn must_be_first(
        &self,
        state: &AppState,
        caller: &Caller,
        bid_id: BidId,
        appended: Place,
        receipt: &Receipt,
    ) -> Result<(), WebError> {
        let is_own = receipt.command.is_none_or(|place| Place::from(place) == appended);
        if is_own && receipt.record.decision != Decision::Duplicate {
            return Ok(());
        }
        let Some(first) = first_decision(state, bid_id).await? else { return Ok(()) };
        let placed = own_maximum::read(state, caller.id(), bid_id, &first).await;
        if let Some(placed) = placed {
            state.maxima.placed(bid_id, placed);
        }
        self.must_be(placed)
    }

    /// A key stands for one bid: what came with it first.
    fn must_be(&self, placed: Option<Minor>) -> Result<(), WebError> {
        match placed.is_none_or(|placed| placed == self.max) {
            true => Ok(()),
            false => Err(WebError::KeyReused),
        }
    }

    fn record(
        &self,
        state: &AppState,
        caller: &Caller,
        bid_id: BidId,
        address: IpAddr,
        trace: &Trace,
    ) -> Result<NewRecord, WebError> {
        let place = state.geo.place(address);
        let bid = BidPlaced {
            kind: BidPlacedTag::BidPlaced,
            v: SCHEMA_VERSION,
            bid_id,
            item_id: self.item_id,
            bidder_id: caller.id(),
            max_minor: self.max.get(),
            country: place.country,
            grid: place.grid,
            suspended: caller.account.is_suspended,
        };
        Ok(NewRecord {
            topic: topics::BIDS.into(),
            partition: None,
            key: Some(self.item_id.to_string().into()),
            value: Some(serde_json::to_vec(&bid).map_err(|error| WebError::Internal(error.to_string()))?.into()),
            headers: trace.headers(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_and_short() {
        assert!(IdempotencyKey::parse("7f3a-retry").is_ok());
        for bad in ["", "a b", "ä", &"x".repeat(201)] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad}");
        }
    }
}
