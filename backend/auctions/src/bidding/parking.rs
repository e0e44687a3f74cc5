//! Commands that came before their item: kept in order with their times, until the item comes or their limit passes.
//!
//! Their timers are due by the time of the command, not by its append time, which may step back: so they come due in the
//! order of the log. By then the items have been read past the limit (law 3), and no item can adopt them any more.

use bytes::{BufMut, Bytes, BytesMut};
use gavel_domain::ItemId;
use gavel_log::Header;
use gavel_streams::{Cause, Context, ProcessorError, SourceRecord};
use newtype_uuid::GenericUuid;

use super::command::{Command, Incoming, Stamp, parse};
use super::desk::{Desk, Judged};
use super::state::{Parked, decode_parked, encode_parked};
use super::{PARKING_LIMIT_MS, source, store};
use crate::decode::{damaged, item_key};

/// Length of the key of a parked command: item, offset.
pub(super) const PARKED_KEY_BYTES: usize = 16 + 8;

impl Desk<'_> {
    /// Keeps a command whose item has not come.
    pub(super) fn park(&mut self, command: &Command<'_>, stamp: Stamp, record: &SourceRecord) {
        let mut key = BytesMut::with_capacity(PARKED_KEY_BYTES);
        key.put_slice(command.item.as_untyped_uuid().as_bytes());
        key.put_u64(record.offset);
        let key = key.freeze();
        let (headers, value) = (record.cause().headers, record.value.clone().unwrap_or_default());
        self.context.put(store::PARKED, key.clone(), encode_parked(&Parked { stamp, headers, value }));
        self.context.schedule(due_ms(stamp), key);
    }

    /// Decides what waits for an item that has just come, in order.
    pub(super) fn adopt(&mut self, item: ItemId) -> Result<(), ProcessorError> {
        for (key, parked) in self.context.scan_prefix(store::PARKED, &item_key(item))? {
            let parked = decode_parked(&parked)?;
            self.context.cancel(due_ms(parked.stamp), key.clone());
            self.context.delete(store::PARKED, key.clone());
            let mut context = on_behalf_of(self.context, &key, parked.headers)?;
            let mut desk = Desk { context: &mut *context, book: &mut *self.book, press: &mut *self.press };
            let judged = desk.judge(&reread(&parked.value)?, parked.stamp)?;
            debug_assert_eq!(judged, Judged::Decided, "its item has just come");
        }
        Ok(())
    }

    /// Gives up on a command whose limit has passed.
    pub(super) fn expire(&mut self, key: &Bytes) -> Result<(), ProcessorError> {
        let Some(parked) = self.context.get(store::PARKED, key)? else { return Ok(()) };
        let parked = decode_parked(&parked)?;
        self.context.delete(store::PARKED, key.clone());
        let mut context = on_behalf_of(self.context, key, parked.headers)?;
        let mut desk = Desk { context: &mut *context, book: &mut *self.book, press: &mut *self.press };
        desk.refuse_unknown(&reread(&parked.value)?, parked.stamp)
    }
}

/// What comes of a parked command is its own, not that of the item or the tick that releases it.
fn on_behalf_of<'a>(
    context: &'a mut dyn Context,
    key: &[u8],
    headers: Vec<Header>,
) -> Result<Box<dyn Context + 'a>, ProcessorError> {
    Ok(context.on_behalf_of(Cause { source: source::BIDS, offset: parked_offset(key)?, headers }))
}

fn parked_offset(key: &[u8]) -> Result<u64, ProcessorError> {
    key.last_chunk().map(|offset| u64::from_be_bytes(*offset)).ok_or_else(|| damaged("the key of a parked command"))
}

fn due_ms(stamp: Stamp) -> i64 {
    stamp.at_ms.saturating_add(PARKING_LIMIT_MS)
}

/// Parses the value of a parked record again; it was a command when it was parked.
fn reread(value: &Bytes) -> Result<Command<'_>, ProcessorError> {
    match parse(Some(value)) {
        Ok(Incoming::Command(command)) => Ok(command),
        Ok(Incoming::Tick) | Err(_) => Err(damaged("a parked command")),
    }
}
