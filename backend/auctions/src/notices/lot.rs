//! What the notifier knows of an item.

use bytes::Bytes;
use gavel_domain::{AccountId, ItemId};
use gavel_streams::{Context, ProcessorError};
use serde::{Deserialize, Serialize};

use crate::wire::{CompletionRecord, ItemListed};

const LOTS: usize = 0;
const BIDDERS: usize = 1;

/// An item until its outcome is told. Kept as JSON, so that fields can be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lot {
    pub(super) seller_id: AccountId,
    pub(super) title: String,
    pub(super) currency: String,
    pub(super) leader_id: Option<AccountId>,
    /// The last sequence seen.
    pub(super) sequence: u64,
    /// An outcome that came before the history it follows.
    pub(super) completion: Option<CompletionRecord>,
}

impl Lot {
    pub(super) fn listed(item: ItemListed) -> Self {
        Self {
            seller_id: item.seller_id,
            title: item.title,
            currency: item.currency,
            leader_id: None,
            sequence: 0,
            completion: None,
        }
    }

    pub(super) fn load(context: &mut dyn Context, item: ItemId) -> Result<Option<Self>, ProcessorError> {
        let Some(bytes) = context.get(LOTS, item.as_bytes())? else { return Ok(None) };
        let lot = serde_json::from_slice(&bytes).map_err(|error| ProcessorError::State(format!("lot {item}: {error}")))?;
        Ok(Some(lot))
    }

    pub(super) fn store(&self, context: &mut dyn Context, item: ItemId) -> Result<(), ProcessorError> {
        let bytes =
            serde_json::to_vec(self).map_err(|error| ProcessorError::State(format!("lot {item}: {error}")))?;
        context.put(LOTS, Bytes::copy_from_slice(item.as_bytes()), bytes.into());
        Ok(())
    }
}

/// Remembers that somebody has a counted bid on an item.
pub(super) fn remember_bidder(context: &mut dyn Context, item: ItemId, bidder: AccountId) {
    context.put(BIDDERS, bidder_key(item, bidder), Bytes::new());
}

/// Everybody with a counted bid on an item, by id.
pub(super) fn bidders(context: &mut dyn Context, item: ItemId) -> Result<Vec<AccountId>, ProcessorError> {
    let rows = context.scan_prefix(BIDDERS, item.as_bytes())?;
    rows.iter()
        .map(|(key, _)| {
            let id = key.get(16..).and_then(|bytes| bytes.try_into().ok());
            id.map(AccountId::from_bytes).ok_or_else(|| ProcessorError::State(format!("a bidder of {item}")))
        })
        .collect()
}

/// Forgets an item whose outcome is told.
pub(super) fn forget(context: &mut dyn Context, item: ItemId, bidders: &[AccountId]) {
    context.delete(LOTS, Bytes::copy_from_slice(item.as_bytes()));
    for &bidder in bidders {
        context.delete(BIDDERS, bidder_key(item, bidder));
    }
}

fn bidder_key(item: ItemId, bidder: AccountId) -> Bytes {
    [&item.as_bytes()[..], &bidder.as_bytes()[..]].concat().into()
}
