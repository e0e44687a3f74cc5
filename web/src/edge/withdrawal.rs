//! The seller takes an item back.

use std::time::Instant;

use gavel_auctions::wire::command::WithdrawalTag;
use gavel_auctions::wire::{SCHEMA_VERSION, Withdrawal, topics};
use gavel_domain::{CommandId, ItemId};
use gavel_log::NewRecord;
use gavel_readmodel::Receipt;
use newtype_uuid::GenericUuid;
use uuid::Uuid;

use super::submit;
use super::trace::Trace;
use crate::error::WebError;
use crate::security::session::Caller;
use crate::state::AppState;

/// Asks for the withdrawal and answers the decision; `None` if the stream has not decided in time.
///
/// # Errors
/// `NotFound`, `Forbidden` for all but the seller, `TooMany`, `LogUnavailable`, `DatabaseUnavailable`.
pub async fn withdraw(
    state: &AppState,
    caller: &Caller,
    item_id: ItemId,
    trace: &Trace,
) -> Result<Option<Receipt>, WebError> {
    state.limits.listing(caller.id())?;
    let item = state.database.item(item_id).await?.ok_or(WebError::NotFound("there is no such item"))?;
    if item.seller_id != caller.id() {
        return Err(WebError::Forbidden("only the seller can withdraw an item"));
    }
    let command_id = CommandId::from_untyped_uuid(Uuid::now_v7());
    let record =
        Withdrawal { kind: WithdrawalTag::Withdrawal, v: SCHEMA_VERSION, command_id, item_id, seller_id: caller.id() };
    let waiter = state.hub.expect(command_id, Instant::now());
    let record = NewRecord {
        topic: topics::BIDS.into(),
        partition: None,
        key: Some(item_id.to_string().into()),
        value: Some(serde_json::to_vec(&record).map_err(|error| WebError::Internal(error.to_string()))?.into()),
        headers: trace.headers(),
    };
    submit::append(state, record).await?;
    Ok(submit::decision(state, waiter).await)
}
