//! What bidders bid at most, told to themselves alone. The log has it: a counted bid is read at its place, once.

use std::time::Duration;

use gavel_domain::{AccountId, BidId, ItemId, Minor};
use gavel_readmodel::Receipt;
use quick_cache::sync::Cache;

use super::receipt;
use crate::error::WebError;
use crate::state::AppState;

/// How many maxima of the latest bids a process remembers.
const REMEMBERED: usize = 50_000;
/// How long the log may take to give a bid. A page goes without it rather than wait.
const READ_WITHIN: Duration = Duration::from_secs(1);

/// Maxima that were read or placed here. A bid never changes, so what is here is true.
pub struct OwnMaxima {
    bids: Cache<BidId, Minor>,
    /// The highest counted one of a bidder on an item, of those that this process placed.
    standing: Cache<(AccountId, ItemId), Minor>,
}

impl Default for OwnMaxima {
    fn default() -> Self {
        Self { bids: Cache::new(REMEMBERED), standing: Cache::new(REMEMBERED) }
    }
}

impl OwnMaxima {
    /// A bid that was appended.
    pub(super) fn placed(&self, bid_id: BidId, max: Minor) {
        self.bids.insert(bid_id, max);
    }

    /// A bid that was counted.
    pub(super) fn counted(&self, bidder: AccountId, item: ItemId, max: Minor) {
        let highest = self.standing.get(&(bidder, item)).map_or(max, |known| known.max(max));
        self.standing.insert((bidder, item), highest);
    }

    pub(super) fn of_bid(&self, bid_id: BidId) -> Option<Minor> {
        self.bids.get(&bid_id)
    }
}

/// The maximum of a decided bid of that bidder; `None` where the log does not give it in time.
pub(super) async fn of_receipt(state: &AppState, bidder: AccountId, bid_id: BidId, receipt: &Receipt) -> Option<Minor> {
    if let Some(max) = state.maxima.of_bid(bid_id) {
        return Some(max);
    }
    let max = read(state, bidder, bid_id, receipt).await?;
    state.maxima.placed(bid_id, max);
    Some(max)
}

/// The same, as the log has it at the place that the receipt names.
pub(super) async fn read(state: &AppState, bidder: AccountId, bid_id: BidId, receipt: &Receipt) -> Option<Minor> {
    let at = receipt.command?.into();
    let log = state.log.clone();
    let reading = tokio::task::spawn_blocking(move || receipt::read(&*log, at));
    let Ok(Ok(Ok(Some(record)))) = tokio::time::timeout(READ_WITHIN, reading).await else { return None };
    receipt::maximum(&record, bidder, bid_id)
}

/// The standing maximum of a bidder on an item; `None` without a counted bid, or where the log does not give it in time.
///
/// # Errors
/// `DatabaseUnavailable`.
pub async fn standing(state: &AppState, bidder: AccountId, item: ItemId) -> Result<Option<Minor>, WebError> {
    let here = state.maxima.standing.get(&(bidder, item));
    let counted = state.database.last_counted_bid(bidder, item).await?;
    let logged = match counted.as_ref().and_then(|receipt| Some((receipt.record.bid_id?, receipt))) {
        Some((bid_id, receipt)) => of_receipt(state, bidder, bid_id, receipt).await,
        None => None,
    };
    Ok(here.max(logged))
}
