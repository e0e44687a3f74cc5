//! The bids on an item as everyone may see them: by masked names, the latest first.

use askama::Template;
use askama::filters::HtmlSafe;
use gavel_auctions::wire::{CompletionRecord, Decision, HistoryKind, HistoryRecord};
use gavel_domain::{AccountId, Currency};

use super::decision::{self, Part};
use crate::error::WebError;
use crate::pages::format::{Moment, Price};

/// A public event of an item.
#[derive(Debug, Clone)]
pub(crate) enum PublicEvent {
    /// A decision with a sequence.
    Decided(Box<HistoryRecord>),
    /// The outcome.
    Completed(Box<CompletionRecord>),
}

/// One line of the table.
#[derive(Debug)]
struct Line {
    sequence: u64,
    who: String,
    is_viewer: bool,
    what: String,
    price: Option<Price>,
    at: Moment,
}

/// The table.
#[derive(Debug, Template)]
#[template(path = "items/history.html")]
pub(crate) struct History {
    rows: Vec<Line>,
    more: Option<(String, String)>,
}

impl HtmlSafe for History {}

impl History {
    /// The table of `events`, given in sequence; `more` leads to the rest: (address, text).
    pub(crate) fn of(
        events: &[PublicEvent],
        currency: Currency,
        viewer: Option<AccountId>,
        named: &dyn Fn(AccountId) -> String,
        more: Option<(String, String)>,
    ) -> Self {
        Self { rows: events.iter().rev().map(|event| Line::of(event, currency, viewer, named)).collect(), more }
    }
}

impl Line {
    fn of(
        event: &PublicEvent,
        currency: Currency,
        viewer: Option<AccountId>,
        named: &dyn Fn(AccountId) -> String,
    ) -> Self {
        match event {
            PublicEvent::Decided(record) => Self {
                sequence: record.sequence.unwrap_or_default(),
                who: match (record.kind, record.bidder_id) {
                    (HistoryKind::BidDecided, Some(bidder)) => named(bidder),
                    _ => "The seller".to_owned(),
                },
                is_viewer: viewer.is_some() && viewer == record.bidder_id,
                what: decided_words(record.decision).to_owned(),
                price: record.price_minor.map(|price| Price::of_record(currency, price)),
                at: Moment(record.at_ms),
            },
            PublicEvent::Completed(record) => {
                let price = Price::of_record(currency, record.price_minor);
                let winner = record.winner_id.map(named);
                let told = decision::outcome(record.outcome, Part::Onlooker, price, winner.as_deref());
                Self {
                    sequence: record.sequence,
                    who: "The hammer".to_owned(),
                    is_viewer: false,
                    what: told.heading,
                    price: Some(price),
                    at: Moment(record.ended_at_ms),
                }
            }
        }
    }
}

/// What happened, to everyone.
fn decided_words(decision: Decision) -> &'static str {
    match decision {
        Decision::Accepted => "took the lead",
        Decision::AcceptedOutbid => "bid, and was outbid",
        Decision::Raised => "raised their maximum",
        Decision::Withdrawn => "withdrew the lot",
        _ => "had a bid refused",
    }
}

impl PublicEvent {
    /// Reads a history or completion record.
    ///
    /// # Errors
    /// `Internal` where it is neither.
    pub(crate) fn parse(record: &str) -> Result<Self, WebError> {
        let unknown = |error: serde_json::Error| WebError::Internal(format!("a public event: {error}"));
        match serde_json::from_str::<CompletionRecord>(record) {
            Ok(completion) => Ok(Self::Completed(Box::new(completion))),
            Err(_) => serde_json::from_str(record).map(Box::new).map(Self::Decided).map_err(unknown),
        }
    }
}
