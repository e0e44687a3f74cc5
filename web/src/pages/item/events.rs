//! The public events of an item: the read model's, with what is newer laid over them.

use std::collections::BTreeMap;

use gavel_readmodel::ItemRow;

use super::history::PublicEvent;
use crate::error::WebError;
use crate::state::AppState;

/// The latest public events of an item, at most `limit`, in sequence.
///
/// # Errors
/// `DatabaseUnavailable`, `Internal` where a record is not understood.
pub(crate) async fn latest(state: &AppState, item: &ItemRow, limit: u64) -> Result<Vec<PublicEvent>, WebError> {
    let after = item.sequence.saturating_sub(limit);
    let recent = state.hub.events_after(item.item_id, after);
    let rows = state.database.events_after(item.item_id, after, u32::try_from(limit).unwrap_or(u32::MAX)).await?;
    let mut events = BTreeMap::new();
    for row in &rows {
        events.insert(row.sequence, PublicEvent::parse(&row.record)?);
    }
    for event in &recent {
        if let Some(sequence) = event.sequence() {
            events.insert(sequence, PublicEvent::parse(event.record.as_str())?);
        }
    }
    // What is newer than the item was read may have a gap before it.
    Ok(events.into_iter().filter(|(sequence, _)| *sequence <= item.sequence).map(|(_, event)| event).collect())
}
