//! What comes of a command, written to the topics. All of it is public: nothing here reads a maximum or a reserve.

use bytes::Bytes;
use gavel_domain::{Auction, Completion, Decided, Decision, ItemId, Minor};
use gavel_streams::Context;
use serde::Serialize;

use super::book::Entry;
use super::command::{Action, Command, Stamp};
use super::sink;
use super::state::Receipt;
use crate::alias::alias;
use crate::decode::item_record_key;
use crate::wire::completion::CompletionTag;
use crate::wire::price::PriceTag;
use crate::wire::{CompletionRecord, FirstDecision, HistoryKind, HistoryRecord, PriceRecord, SCHEMA_VERSION};

/// Room for most records, so that writing one allocates once.
const RECORD_BYTES: usize = 768;

/// Publishes a decision on an item that takes the command. `first` is the receipt that a duplicate repeats.
pub(super) fn decision(
    context: &mut dyn Context,
    entry: &Entry,
    (command, stamp): (&Command<'_>, Stamp),
    decided: Decided,
    first: Option<&Receipt>,
) {
    let auction = &entry.lot.auction;
    let standing = auction.standing();
    let leader = auction.leader();
    let bidder = command.action.account();
    let bidder_alias = alias(command.item, bidder);
    let leader_alias =
        leader.map(|leader| if leader == bidder { bidder_alias.clone() } else { alias(command.item, leader) });
    let record = HistoryRecord {
        price_minor: Some(standing.price.get()),
        minimum_minor: auction.minimum().map(Minor::get),
        leader_id: leader,
        leader_alias,
        bid_count: standing.bid_count,
        reserve_met: auction.reserve_status().is_met(),
        ends_at_ms: Some(standing.ends_at.get()),
        first: first.map(first_decision),
        ..bare(command, stamp, bidder_alias, decided)
    };
    context.forward(sink::HISTORY, entry.record_key.clone(), exact(&record.to_json()));
}

/// Publishes the decision on a command that no item takes: it shows nothing of any item.
pub(super) fn unadopted(
    context: &mut dyn Context,
    (command, stamp): (&Command<'_>, Stamp),
    decision: Decision,
    first: Option<&Receipt>,
) {
    let bidder_alias = alias(command.item, command.action.account());
    let decided = Decided { decision, sequence: None };
    let record = HistoryRecord { first: first.map(first_decision), ..bare(command, stamp, bidder_alias, decided) };
    context.forward(sink::HISTORY, item_record_key(command.item), exact(&record.to_json()));
}

/// A history record without anything of an item.
fn bare(command: &Command<'_>, stamp: Stamp, alias: String, decided: Decided) -> HistoryRecord {
    let (kind, bid_id, command_id, country, grid) = match &command.action {
        Action::Bid { id, country, grid, .. } => {
            (HistoryKind::BidDecided, Some(*id), None, country.as_deref(), grid.as_deref())
        }
        Action::Withdraw { id, .. } => (HistoryKind::WithdrawalDecided, None, *id, None, None),
    };
    HistoryRecord {
        kind,
        v: SCHEMA_VERSION,
        item_id: command.item,
        sequence: decided.sequence,
        bid_id,
        command_id,
        bidder_id: Some(command.action.account()),
        alias: Some(alias),
        decision: decided.decision,
        price_minor: None,
        minimum_minor: None,
        leader_id: None,
        leader_alias: None,
        bid_count: 0,
        reserve_met: false,
        ends_at_ms: None,
        at_ms: stamp.at_ms,
        received_ms: stamp.received_ms,
        country: country.map(Into::into),
        grid: grid.map(Into::into),
        first: None,
    }
}

fn first_decision(receipt: &Receipt) -> FirstDecision {
    FirstDecision {
        decision: receipt.decision,
        sequence: receipt.sequence,
        price_minor: receipt.price_minor,
        minimum_minor: receipt.minimum_minor,
        leading: receipt.leading,
        at_ms: receipt.at_ms,
        received_ms: receipt.received_ms,
    }
}

/// Publishes the one outcome of an item.
pub(super) fn completion(context: &mut dyn Context, key: &Bytes, item: ItemId, completion: &Completion) {
    let value = json(&CompletionRecord {
        kind: CompletionTag::ItemCompleted,
        v: SCHEMA_VERSION,
        item_id: item,
        sequence: completion.sequence,
        outcome: completion.outcome,
        winner_id: completion.winner,
        winner_alias: completion.winner.map(|winner| alias(item, winner)),
        price_minor: completion.price.get(),
        bid_count: completion.bid_count,
        ended_at_ms: completion.ended_at.get(),
    });
    context.forward(sink::COMPLETE, key.clone(), value.clone());
    context.forward(sink::ITEMS, key.clone(), value);
}

/// Publishes how an item now stands.
pub(super) fn price(context: &mut dyn Context, key: &Bytes, item: ItemId, auction: &Auction) {
    let (terms, standing, leader) = (auction.terms(), auction.standing(), auction.leader());
    let record = PriceRecord {
        kind: PriceTag::Price,
        v: SCHEMA_VERSION,
        item_id: item,
        sequence: standing.sequence,
        currency: terms.currency.code().into(),
        price_minor: standing.price.get(),
        minimum_minor: auction.minimum().map(Minor::get),
        leader_id: leader,
        leader_alias: leader.map(|leader| alias(item, leader)),
        bid_count: standing.bid_count,
        reserve: auction.reserve_status(),
        starts_at_ms: terms.starts_at.get(),
        ends_at_ms: standing.ends_at.get(),
        outcome: standing.completion.map(|completion| completion.outcome),
    };
    context.forward(sink::PRICES, key.clone(), json(&record));
}

fn json(record: &impl Serialize) -> Bytes {
    let mut bytes = Vec::with_capacity(RECORD_BYTES);
    serde_json::to_writer(&mut bytes, record).expect("a record of plain fields always serialises into memory");
    exact(&bytes)
}

/// In no more memory than it needs: a unit of work holds thousands.
fn exact(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
