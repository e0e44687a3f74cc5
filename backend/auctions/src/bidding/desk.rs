//! Where commands are judged: the book, the stores and the sinks together.

use gavel_domain::{Auction, BidId, Command as Asked, Decided, Decision, EpochMs, Event, ItemId, Minor};
use gavel_streams::{Context, ProcessorError};
use newtype_uuid::GenericUuid;

use super::book::{Book, Entry, Lot};
use super::command::{Action, Command, Stamp};
use super::press::Press;
use super::state::{RECEIPT_BYTES_MAX, Receipt, decode_receipt, encode_receipt};
use super::{PARKING_LIMIT_MS, publish, store};
use crate::decode::item_key;

/// Whether a command could be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// It was decided, and that is published.
    Decided,
    /// Its item is not known; nothing was done.
    NoItem,
}

/// All that one record or timer works with.
pub(super) struct Desk<'a> {
    pub(super) context: &'a mut dyn Context,
    pub(super) book: &'a mut Book,
    pub(super) press: &'a mut Press,
}

impl Desk<'_> {
    /// Takes a new item in. False if there is one of that id already: the first stands.
    pub(super) fn list(&mut self, item: ItemId, lot: Lot) -> Result<bool, ProcessorError> {
        if self.book.find(self.context, item)?.is_some() {
            return Ok(false);
        }
        let entry = self.book.add(item, lot);
        move_timer(self.context, item, None, pending_end_ms(&entry.lot.auction));
        entry.price_changed(self.context);
        Ok(true)
    }

    /// Decides a command if its item is known.
    pub(super) fn judge(&mut self, command: &Command<'_>, stamp: Stamp) -> Result<Judged, ProcessorError> {
        let Some(entry) = self.book.find(self.context, command.item)? else { return Ok(Judged::NoItem) };
        if entry.lot.listed_ms.saturating_sub(stamp.received_ms) > PARKING_LIMIT_MS {
            self.refuse_unknown(command, stamp)?;
            return Ok(Judged::Decided);
        }
        let first = first_receipt(self.context, command)?;
        let press = &mut *self.press;
        let changed = change(self.context, command.item, entry, |context, entry| {
            // Ends first what is due: a duplicate, too, must see that it has ended.
            close_if_due(context, press, command.item, entry, stamp.at_ms);
            match &first {
                Some(first) => {
                    let decided = Decided { decision: Decision::Duplicate, sequence: None };
                    publish::decision(context, press, entry, (command, stamp), decided, Some(first));
                }
                None => decide(context, press, entry, command, stamp),
            }
        });
        if changed {
            self.book.changed(command.item);
        }
        Ok(Judged::Decided)
    }

    /// Ends an auction if its end has passed at `at_ms` and it has not ended yet.
    pub(super) fn end(&mut self, item: ItemId, at_ms: i64) -> Result<(), ProcessorError> {
        let Some(entry) = self.book.find(self.context, item)? else { return Ok(()) };
        let press = &mut *self.press;
        if change(self.context, item, entry, |context, entry| close_if_due(context, press, item, entry, at_ms)) {
            self.book.changed(item);
        }
        Ok(())
    }

    /// Decides a command that no item adopts.
    pub(super) fn refuse_unknown(&mut self, command: &Command<'_>, stamp: Stamp) -> Result<(), ProcessorError> {
        let first = first_receipt(self.context, command)?;
        let decision = if first.is_some() { Decision::Duplicate } else { Decision::UnknownItem };
        publish::unadopted(self.context, self.press, (command, stamp), decision, first.as_ref());
        if let (Action::Bid { id, .. }, None) = (&command.action, first) {
            let receipt = Receipt {
                decision,
                sequence: None,
                price_minor: None,
                minimum_minor: None,
                leading: false,
                at_ms: stamp.at_ms,
                received_ms: stamp.received_ms,
            };
            keep(self.context, self.press, (command.item, *id), &receipt);
        }
        Ok(())
    }
}

/// Runs `work` on a lot, then moves its timer and publishes its price as far as they changed. True if anything did.
fn change(
    context: &mut dyn Context,
    item: ItemId,
    entry: &mut Entry,
    work: impl FnOnce(&mut dyn Context, &mut Entry),
) -> bool {
    let standing = *entry.lot.auction.standing();
    let end_ms = pending_end_ms(&entry.lot.auction);
    work(context, entry);
    let auction = &entry.lot.auction;
    if auction.standing().sequence != standing.sequence {
        move_timer(context, item, end_ms, pending_end_ms(auction));
        entry.price_changed(context);
    }
    *entry.lot.auction.standing() != standing
}

fn close_if_due(context: &mut dyn Context, press: &mut Press, item: ItemId, entry: &mut Entry, at_ms: i64) {
    if let Some(completion) = entry.lot.auction.close_if_due(EpochMs::new(at_ms)) {
        publish::completion(context, press, &entry.record_key, item, &completion);
    }
}

/// Decides a command for the first time.
fn decide(context: &mut dyn Context, press: &mut Press, entry: &mut Entry, command: &Command<'_>, stamp: Stamp) {
    let asked = match &command.action {
        Action::Bid { bid, .. } => Asked::Bid(*bid),
        Action::Withdraw { withdrawal, .. } => Asked::Withdraw(*withdrawal),
    };
    for event in entry.lot.auction.apply(asked, EpochMs::new(stamp.at_ms)) {
        match event {
            Event::Decided(decided) => {
                publish::decision(context, press, entry, (command, stamp), decided, None);
                if let Action::Bid { id, .. } = &command.action {
                    let receipt = receipt(&entry.lot.auction, command, stamp, decided);
                    keep(context, press, (command.item, *id), &receipt);
                }
            }
            Event::Completed(completion) => {
                publish::completion(context, press, &entry.record_key, command.item, &completion);
            }
        }
    }
}

fn receipt(auction: &Auction, command: &Command<'_>, stamp: Stamp, decided: Decided) -> Receipt {
    Receipt {
        decision: decided.decision,
        sequence: decided.sequence,
        price_minor: Some(auction.standing().price.get()),
        minimum_minor: auction.minimum().map(Minor::get),
        leading: auction.leader() == Some(command.action.account()),
        at_ms: stamp.at_ms,
        received_ms: stamp.received_ms,
    }
}

fn keep(context: &mut dyn Context, press: &mut Press, (item, bid): (ItemId, BidId), receipt: &Receipt) {
    let row = press.row(encode_receipt(receipt, &mut [0; RECEIPT_BYTES_MAX]));
    context.put(store::BIDS, press.row(&receipt_key(item, bid)), row);
}

/// What the first copy of a bid was answered, if this is another.
fn first_receipt(context: &mut dyn Context, command: &Command<'_>) -> Result<Option<Receipt>, ProcessorError> {
    let Action::Bid { id, .. } = &command.action else { return Ok(None) };
    context.get(store::BIDS, &receipt_key(command.item, *id))?.map(|bytes| decode_receipt(&bytes)).transpose()
}

fn receipt_key(item: ItemId, bid: BidId) -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(item.as_untyped_uuid().as_bytes());
    key[16..].copy_from_slice(bid.as_untyped_uuid().as_bytes());
    key
}

/// The end that a timer must wait for.
fn pending_end_ms(auction: &Auction) -> Option<i64> {
    let standing = auction.standing();
    standing.completion.is_none().then(|| standing.ends_at.get())
}

fn move_timer(context: &mut dyn Context, item: ItemId, from_ms: Option<i64>, to_ms: Option<i64>) {
    if from_ms != to_ms {
        if let Some(due_ms) = from_ms {
            context.cancel(due_ms, item_key(item));
        }
        if let Some(due_ms) = to_ms {
            context.schedule(due_ms, item_key(item));
        }
    }
}
