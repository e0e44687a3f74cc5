//! The processor: whom to tell what.

use bytes::Bytes;
use gavel_domain::{AccountId, ItemId, NoticeId};
use gavel_streams::{Context, Processor, ProcessorError, SourceRecord, Timer, Topology, TopologyError};
use newtype_uuid::GenericUuid;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::lot::{self, Lot};
use crate::wire::notice::NoticeTag;
use crate::wire::{
    CompletionRecord, Decision, HistoryRecord, ItemListed, NoticeKind, NoticeRecord, Outcome, SCHEMA_VERSION, topics,
};

const ITEMS: usize = 0;
const HISTORY: usize = 1;
const NOTICES: usize = 0;

/// The graph, ready to run.
///
/// # Errors
/// Never for this graph; a test builds it.
pub fn topology() -> Result<Topology, TopologyError> {
    Topology::builder("notices")
        .source("items", topics::ITEMS)
        .source("history", topics::HISTORY)
        .source("complete", topics::COMPLETE)
        .processor("notifier", || Box::new(Notifier), &["items", "history", "complete"])
        .store("lots", &["notifier"])
        .store("bidders", &["notifier"])
        .sink("notices", topics::NOTICES, &["notifier"])
        .build()
}

struct Notifier;

impl Processor for Notifier {
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError> {
        let Some(value) = &record.value else { return Ok(()) };
        match record.source {
            ITEMS => on_item(context, value),
            HISTORY => on_decision(context, &parse(value)?),
            _ => on_completion(context, parse(value)?),
        }
    }

    fn punctuate(&mut self, _: &mut dyn Context, _: &Timer) -> Result<(), ProcessorError> {
        Ok(())
    }
}

fn parse<T: DeserializeOwned>(value: &[u8]) -> Result<T, ProcessorError> {
    serde_json::from_slice(value)
        .map_err(|error| ProcessorError::Rejected { cause: "malformed", detail: error.to_string() })
}

fn on_item(context: &mut dyn Context, value: &[u8]) -> Result<(), ProcessorError> {
    // The items topic also carries what the processors say of an item; only a listing is news here.
    let Ok(item) = serde_json::from_slice::<ItemListed>(value) else { return Ok(()) };
    let item_id = item.item_id;
    match Lot::load(context, item_id)? {
        Some(_) => Ok(()),
        None => Lot::listed(item).store(context, item_id),
    }
}

fn on_decision(context: &mut dyn Context, record: &HistoryRecord) -> Result<(), ProcessorError> {
    let Some(sequence) = record.sequence else { return Ok(()) };
    let item_id = record.item_id;
    let Some(mut lot) = Lot::load(context, item_id)? else { return Ok(()) };
    let price_minor = record.price_minor.unwrap_or_default();
    let to = Letter { item_id, lot: &lot, price_minor, sequence, at_ms: record.at_ms };
    if let (Decision::Accepted, Some(passed)) = (record.decision, lot.leader_id) {
        to.send(context, passed, NoticeKind::Outbid);
    }
    if let (Decision::Accepted | Decision::AcceptedOutbid, Some(bidder)) = (record.decision, record.bidder_id) {
        lot::remember_bidder(context, item_id, bidder);
    }
    lot.leader_id = record.leader_id;
    lot.sequence = sequence;
    match lot.completion.take_if(|completion| completion.sequence == sequence + 1) {
        Some(completion) => tell_outcome(context, &lot, &completion),
        None => lot.store(context, item_id),
    }
}

fn on_completion(context: &mut dyn Context, completion: CompletionRecord) -> Result<(), ProcessorError> {
    let item_id = completion.item_id;
    let Some(mut lot) = Lot::load(context, item_id)? else { return Ok(()) };
    if completion.sequence == lot.sequence + 1 {
        return tell_outcome(context, &lot, &completion);
    }
    lot.completion = Some(completion);
    lot.store(context, item_id)
}

fn tell_outcome(context: &mut dyn Context, lot: &Lot, completion: &CompletionRecord) -> Result<(), ProcessorError> {
    let item_id = completion.item_id;
    let bidders = lot::bidders(context, item_id)?;
    let to = Letter {
        item_id,
        lot,
        price_minor: completion.price_minor,
        sequence: completion.sequence,
        at_ms: completion.ended_at_ms,
    };
    match completion.outcome {
        Outcome::Sold => to.send(context, lot.seller_id, NoticeKind::Sold),
        Outcome::Unsold => to.send(context, lot.seller_id, NoticeKind::Unsold),
        Outcome::ReserveNotMet => to.send(context, lot.seller_id, NoticeKind::ReserveNotMet),
        Outcome::Withdrawn => {}
    }
    for &bidder in &bidders {
        let leads = lot.leader_id == Some(bidder);
        let kind = match completion.outcome {
            Outcome::Sold if leads => NoticeKind::Won,
            Outcome::ReserveNotMet if leads => NoticeKind::ReserveNotMet,
            Outcome::Withdrawn => NoticeKind::Withdrawn,
            Outcome::Sold | Outcome::ReserveNotMet | Outcome::Unsold => NoticeKind::Lost,
        };
        to.send(context, bidder, kind);
    }
    lot::forget(context, item_id, &bidders);
    Ok(())
}

/// What all notices of one event share.
struct Letter<'a> {
    item_id: ItemId,
    lot: &'a Lot,
    price_minor: i64,
    sequence: u64,
    at_ms: i64,
}

impl Letter<'_> {
    fn send(&self, context: &mut dyn Context, account_id: AccountId, kind: NoticeKind) {
        let cause = format!("{account_id}/{}/{}/{}", self.item_id, kind.as_str(), self.sequence);
        let notice = NoticeRecord {
            tag: NoticeTag::Notice,
            v: SCHEMA_VERSION,
            notice_id: NoticeId::from_untyped_uuid(Uuid::new_v5(&Uuid::NAMESPACE_OID, cause.as_bytes())),
            account_id,
            kind,
            item_id: self.item_id,
            title: self.lot.title.clone(),
            currency: self.lot.currency.clone(),
            price_minor: self.price_minor,
            sequence: self.sequence,
            at_ms: self.at_ms,
        };
        let value = serde_json::to_vec(&notice).expect("a struct of strings and numbers is JSON");
        context.forward(NOTICES, Bytes::from(account_id.to_string()), value.into());
    }
}
