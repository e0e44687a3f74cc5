//! The processor: who is told what.

use bytes::Bytes;
use gavel_domain::{AccountId, Decision, ItemId, NoticeId, Outcome};
use gavel_streams::{Context, Processor, ProcessorError, SourceRecord, Timer};
use newtype_uuid::GenericUuid;
use uuid::Uuid;

use super::lot::{self, Lot};
use super::{NOTICES, source, store};
use crate::decode::{damaged, decode, decode_listing, item_key, kind, unknown_item, unknown_type};
use crate::wire::notice::NoticeTag;
use crate::wire::{CompletionRecord, HistoryRecord, ItemListed, NoticeKind, NoticeRecord, SCHEMA_VERSION};

/// Keeps all it knows in its stores.
pub(super) struct Herald;

impl Processor for Herald {
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError> {
        let kind = kind(record.value.as_ref())?;
        match (record.source, &*kind) {
            (source::ITEMS, "item_listed") => list(context, decode_listing(record.value.as_ref())?.0),
            (source::ITEMS, "item_completed") => Ok(()),
            (source::HISTORY, "bid_decided" | "withdrawal_decided") => {
                decided(context, &decode(record.value.as_ref())?)
            }
            (source::COMPLETE, "item_completed") => completed(context, &decode(record.value.as_ref())?),
            (_, other) => Err(unknown_type(other)),
        }
    }

    fn punctuate(&mut self, _context: &mut dyn Context, _timer: &Timer) -> Result<(), ProcessorError> {
        Ok(())
    }
}

/// What a notice says besides its kind.
struct Event<'a> {
    item: ItemId,
    lot: &'a Lot,
    price_minor: i64,
    sequence: u64,
    at_ms: i64,
}

/// Takes a lot in. The first listing stands, also once it has ended.
fn list(context: &mut dyn Context, listed: ItemListed) -> Result<(), ProcessorError> {
    if context.get(store::LOTS, &item_key(listed.item_id))?.is_none() {
        let lot = Lot {
            seller: listed.seller_id,
            title: listed.title,
            currency: listed.currency,
            leader: None,
            sequence: 0,
            waiting: None,
        };
        context.put(store::LOTS, item_key(listed.item_id), lot.encode());
    }
    Ok(())
}

fn decided(context: &mut dyn Context, record: &HistoryRecord) -> Result<(), ProcessorError> {
    let (Some(sequence), Some(price_minor)) = (record.sequence, record.price_minor) else { return Ok(()) };
    let item = record.item_id;
    let mut lot = find(context, item)?.ok_or_else(|| unknown_item(item))?;
    if let (true, Some(bidder)) = (record.decision.adds_bid(), record.bidder_id) {
        context.put(store::BIDDERS, bidder_key(item, bidder), Bytes::new());
        let leads = record.decision == Decision::Accepted;
        let outbid = if leads { lot.leader.replace(bidder) } else { Some(bidder) };
        if let Some(account) = outbid {
            let event = Event { item, lot: &lot, price_minor, sequence, at_ms: record.at_ms };
            tell(context, &event, account, NoticeKind::Outbid);
        }
    }
    lot.sequence = sequence;
    match lot.waiting()? {
        Some(completion) if completion.sequence == sequence + 1 => end(context, &lot, &completion),
        _ => {
            context.put(store::LOTS, item_key(item), lot.encode());
            Ok(())
        }
    }
}

/// An outcome. The two topics keep no order between each other: it waits for the history before it.
fn completed(context: &mut dyn Context, completion: &CompletionRecord) -> Result<(), ProcessorError> {
    let item = completion.item_id;
    let mut lot = find(context, item)?.ok_or_else(|| unknown_item(item))?;
    if completion.sequence == lot.sequence + 1 {
        return end(context, &lot, completion);
    }
    lot.wait_with(completion);
    context.put(store::LOTS, item_key(item), lot.encode());
    Ok(())
}

/// Tells everybody, and forgets of the lot all but that it has ended.
fn end(context: &mut dyn Context, lot: &Lot, completion: &CompletionRecord) -> Result<(), ProcessorError> {
    let (item, price_minor) = (completion.item_id, completion.price_minor);
    let event = Event { item, lot, price_minor, sequence: completion.sequence, at_ms: completion.ended_at_ms };
    for (key, _) in context.scan_prefix(store::BIDDERS, &item_key(item))? {
        let bidder = bidder_of(&key)?;
        let kind = match completion.outcome {
            Outcome::Sold if completion.winner_id == Some(bidder) => NoticeKind::Won,
            Outcome::ReserveNotMet if lot.leader == Some(bidder) => NoticeKind::ReserveNotMet,
            Outcome::Withdrawn => NoticeKind::Withdrawn,
            Outcome::Sold | Outcome::ReserveNotMet | Outcome::Unsold => NoticeKind::Lost,
        };
        tell(context, &event, bidder, kind);
        context.delete(store::BIDDERS, key);
    }
    let to_seller = match completion.outcome {
        Outcome::Sold => Some(NoticeKind::Sold),
        Outcome::Unsold => Some(NoticeKind::Unsold),
        Outcome::ReserveNotMet => Some(NoticeKind::ReserveNotMet),
        Outcome::Withdrawn => None,
    };
    if let Some(kind) = to_seller {
        tell(context, &event, lot.seller, kind);
    }
    context.put(store::LOTS, item_key(item), lot::ENDED);
    Ok(())
}

fn tell(context: &mut dyn Context, event: &Event<'_>, account: AccountId, kind: NoticeKind) {
    let record = NoticeRecord {
        tag: NoticeTag::Notice,
        v: SCHEMA_VERSION,
        notice_id: notice_id(account, event.item, kind, event.sequence),
        account_id: account,
        kind,
        item_id: event.item,
        title: event.lot.title.clone(),
        currency: event.lot.currency.clone(),
        price_minor: event.price_minor,
        sequence: event.sequence,
        at_ms: event.at_ms,
    };
    let value = serde_json::to_vec(&record).expect("a record of plain fields always serialises into memory");
    context.forward(NOTICES, Bytes::from(account.to_string()), value.into());
}

/// The id of a notice: UUIDv5 in the OID namespace of `account/item/kind/sequence`, so a replay makes the same.
fn notice_id(account: AccountId, item: ItemId, kind: NoticeKind, sequence: u64) -> NoticeId {
    let name = format!("{account}/{item}/{}/{sequence}", kind.as_str());
    NoticeId::from_untyped_uuid(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
}

/// The lot of an item that was listed and has not ended.
fn find(context: &mut dyn Context, item: ItemId) -> Result<Option<Lot>, ProcessorError> {
    context.get(store::LOTS, &item_key(item))?.map_or(Ok(None), |bytes| Lot::decode(&bytes))
}

/// The key of a bidder: item, account.
fn bidder_key(item: ItemId, bidder: AccountId) -> Bytes {
    let key = [item.as_untyped_uuid().as_bytes(), bidder.as_untyped_uuid().as_bytes()];
    key.map(|id| &id[..]).concat().into()
}

fn bidder_of(key: &[u8]) -> Result<AccountId, ProcessorError> {
    let id = key.get(16..).and_then(|id| Uuid::from_slice(id).ok());
    id.map(AccountId::from_untyped_uuid).ok_or_else(|| damaged("the key of a bidder"))
}
