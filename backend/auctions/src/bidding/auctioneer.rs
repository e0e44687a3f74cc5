//! The processor: what to do with each record and timer.

use bytes::Bytes;
use gavel_domain::{Auction, ItemId};
use gavel_streams::{Context, Processor, ProcessorError, SourceRecord, Timer};
use newtype_uuid::GenericUuid;
use uuid::Uuid;

use super::book::{Book, Lot};
use super::command::{Incoming, Stamp, parse};
use super::desk::{Desk, Judged};
use super::parking::PARKED_KEY_BYTES;
use super::press::Press;
use super::{publish, source};
use crate::decode::{damaged, decode_listing, kind, unknown_type};

/// Decides the auctions of one partition.
#[derive(Debug, Default)]
pub(super) struct Auctioneer {
    book: Book,
    press: Press,
}

impl Processor for Auctioneer {
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError> {
        let mut desk = Desk { context, book: &mut self.book, press: &mut self.press };
        if record.source == source::ITEMS { item(&mut desk, record) } else { command(&mut desk, record) }
    }

    fn punctuate(&mut self, context: &mut dyn Context, timer: &Timer) -> Result<(), ProcessorError> {
        let at_ms = context.partition_time_ms();
        let mut desk = Desk { context, book: &mut self.book, press: &mut self.press };
        if timer.key.len() == PARKED_KEY_BYTES {
            desk.expire(&timer.key)
        } else {
            desk.end(ended_item(&timer.key)?, at_ms)
        }
    }

    fn on_rollback(&mut self) {
        self.book.clear();
    }

    fn before_commit(&mut self, context: &mut dyn Context) -> Result<(), ProcessorError> {
        self.book.write_back(context, &mut self.press, publish::price);
        Ok(())
    }
}

fn item(desk: &mut Desk<'_>, record: &SourceRecord) -> Result<(), ProcessorError> {
    match &*kind(record.value.as_ref())? {
        "item_listed" => {
            let (listed, terms) = decode_listing(record.value.as_ref())?;
            let auction = Auction::list(terms);
            if desk.list(listed.item_id, Lot { listed_ms: record.append_ms, auction })? {
                desk.adopt(listed.item_id)?;
                // Its end may have passed: where brokers' clocks differ, a replay may read it after the very tick that ended it.
                let at_ms = desk.context.partition_time_ms();
                return desk.end(listed.item_id, at_ms);
            }
            let detail = format!("item {} is listed already; the first listing stands", listed.item_id);
            Err(ProcessorError::Rejected { cause: "already_listed", detail })
        }
        // This topology's own: the auction it ended keeps its outcome in state.
        "item_completed" => Ok(()),
        other => Err(unknown_type(other)),
    }
}

fn command(desk: &mut Desk<'_>, record: &SourceRecord) -> Result<(), ProcessorError> {
    let Incoming::Command(command) = parse(record.value.as_ref())? else { return Ok(()) };
    let stamp = Stamp { at_ms: desk.context.partition_time_ms(), received_ms: record.append_ms };
    if desk.judge(&command, stamp)? == Judged::NoItem {
        desk.park(&command, stamp, record);
    }
    Ok(())
}

fn ended_item(key: &Bytes) -> Result<ItemId, ProcessorError> {
    Uuid::from_slice(key).map(ItemId::from_untyped_uuid).map_err(|_| damaged("the key of a timer"))
}
