//! What comes of a command, written to the topics. All of it is public: nothing here reads a maximum or a reserve.

use bytes::Bytes;
use gavel_domain::{Completion, Decided, Decision, ItemId, Minor};
use gavel_streams::Context;

use super::book::Entry;
use super::command::{Action, Command, Stamp};
use super::press::Press;
use super::sink;
use super::state::Receipt;
use crate::alias::{Alias, alias};
use crate::decode::item_record_key;
use crate::wire::completion::CompletionTag;
use crate::wire::price::PriceTag;
use crate::wire::{CompletionRecord, FirstDecision, HistoryKind, HistoryRecord, PriceRecord, SCHEMA_VERSION};

/// Publishes a decision on an item that takes the command. `first` is the receipt that a duplicate repeats.
pub(super) fn decision(
    context: &mut dyn Context,
    press: &mut Press,
    entry: &mut Entry,
    (command, stamp): (&Command<'_>, Stamp),
    decided: Decided,
    first: Option<&Receipt>,
) {
    let (leader, leader_alias) = entry.leader(command.item).unzip();
    let bidder = command.action.account();
    let bidder_alias = leader_alias.filter(|_| leader == Some(bidder)).unwrap_or_else(|| alias(command.item, bidder));
    let auction = &entry.lot.auction;
    let standing = auction.standing();
    let record = HistoryRecord {
        price_minor: Some(standing.price.get()),
        minimum_minor: auction.minimum().map(Minor::get),
        leader_id: leader,
        leader_alias: leader_alias.as_ref().map(Alias::as_str),
        bid_count: standing.bid_count,
        reserve_met: auction.reserve_status().is_met(),
        ends_at_ms: Some(standing.ends_at.get()),
        first: first.map(first_decision),
        ..bare(command, stamp, &bidder_alias, decided)
    };
    context.forward(sink::HISTORY, entry.record_key.clone(), press.output(|out| record.write_json(out)));
}

/// Publishes the decision on a command that no item takes: it shows nothing of any item.
pub(super) fn unadopted(
    context: &mut dyn Context,
    press: &mut Press,
    (command, stamp): (&Command<'_>, Stamp),
    decision: Decision,
    first: Option<&Receipt>,
) {
    let bidder_alias = alias(command.item, command.action.account());
    let decided = Decided { decision, sequence: None };
    let record = HistoryRecord { first: first.map(first_decision), ..bare(command, stamp, &bidder_alias, decided) };
    context.forward(sink::HISTORY, item_record_key(command.item), press.output(|out| record.write_json(out)));
}

/// A history record without anything of an item.
fn bare<'a>(command: &'a Command<'_>, stamp: Stamp, alias: &'a Alias, decided: Decided) -> HistoryRecord<&'a str> {
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
        alias: Some(alias.as_str()),
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
        country,
        grid,
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
pub(super) fn completion(
    context: &mut dyn Context,
    press: &mut Press,
    key: &Bytes,
    item: ItemId,
    completion: &Completion,
) {
    let record = CompletionRecord {
        kind: CompletionTag::ItemCompleted,
        v: SCHEMA_VERSION,
        item_id: item,
        sequence: completion.sequence,
        outcome: completion.outcome,
        winner_id: completion.winner,
        winner_alias: completion.winner.map(|winner| alias(item, winner).to_string()),
        price_minor: completion.price.get(),
        bid_count: completion.bid_count,
        ended_at_ms: completion.ended_at.get(),
    };
    let value = press.output(|out| {
        serde_json::to_writer(out, &record).expect("a record of plain fields always serialises into memory");
    });
    context.forward(sink::COMPLETE, key.clone(), value.clone());
    context.forward(sink::ITEMS, key.clone(), value);
}

/// Publishes how an item now stands.
pub(super) fn price(context: &mut dyn Context, press: &mut Press, item: ItemId, entry: &mut Entry) {
    let (leader, leader_alias) = entry.leader(item).unzip();
    let auction = &entry.lot.auction;
    let (terms, standing) = (auction.terms(), auction.standing());
    let record = PriceRecord {
        kind: PriceTag::Price,
        v: SCHEMA_VERSION,
        item_id: item,
        sequence: standing.sequence,
        currency: terms.currency.code(),
        price_minor: standing.price.get(),
        minimum_minor: auction.minimum().map(Minor::get),
        leader_id: leader,
        leader_alias: leader_alias.as_ref().map(Alias::as_str),
        bid_count: standing.bid_count,
        reserve: auction.reserve_status(),
        starts_at_ms: terms.starts_at.get(),
        ends_at_ms: standing.ends_at.get(),
        outcome: standing.completion.map(|completion| completion.outcome),
    };
    context.forward(sink::PRICES, entry.record_key.clone(), press.output(|out| record.write_json(out)));
}
