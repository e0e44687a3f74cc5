//! The panel a reader bids in: where the price is, how long is left, how they stand, and the form.

use askama::Template;
use askama::filters::HtmlSafe;
use gavel_auctions::wire::ReserveStatus;
use gavel_domain::{AccountId, Currency, ItemId, Ladder, Minor};
use gavel_readmodel::ItemRow;

use super::decision::{self, Part};
use crate::pages::form::{Control, Field, Form};
use crate::pages::format::{Moment, Price, duration};
use crate::pages::layout::{Message, login_href};
use crate::pages::lot::{Phase, currency_of};

/// How many amounts are offered at a click.
const QUICK_BIDS: usize = 3;

/// Who looks at an item.
#[derive(Debug, Clone, Default)]
pub(crate) struct Onlooker {
    /// Their account, if signed in.
    pub(crate) account_id: Option<AccountId>,
    /// Their public name on the item, if signed in.
    pub(crate) alias: Option<String>,
    /// The most they bid on it. For themselves alone.
    pub(crate) max: Option<Minor>,
    /// Whether it may not bid.
    pub(crate) is_suspended: bool,
    /// Whether they have bid on the item.
    pub(crate) has_bid: bool,
    /// Whether they watch it.
    pub(crate) is_watching: bool,
}

/// How the reader stands in the bidding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Has not bid, or it is over.
    None,
    /// Leads.
    Leads,
    /// Has bid, and does not lead.
    Outbid,
}

/// What the reader may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Bid.
    Bid,
    /// Sign in first, there.
    SignIn(String),
    /// Nothing: sellers do not bid on their own.
    OwnLot,
    /// Nothing: the account may not bid.
    Suspended,
    /// Wait until it opens.
    NotYet,
    /// Nothing: it is over.
    Over,
}

/// The form a bid is written in.
#[derive(Debug)]
pub(crate) struct BidForm {
    /// The most the bidder would pay.
    pub(crate) amount: Field,
    quick: Vec<(String, Price)>,
}

impl Form for BidForm {
    fn fields(&self) -> Vec<&Field> {
        vec![&self.amount]
    }

    fn fields_mut(&mut self) -> Vec<&mut Field> {
        vec![&mut self.amount]
    }
}

impl BidForm {
    fn new(currency: Currency, minimum: Minor, standing: Standing) -> Self {
        let least = Price { currency, amount: minimum };
        let label = if standing == Standing::Leads { "Raise your maximum" } else { "Your maximum bid" };
        let steps = std::iter::successors(Some(minimum), |&amount| {
            Some(amount.saturating_add(Ladder::Standard.step(currency, amount)))
        });
        Self {
            amount: Field::new("amount", label, Control::Amount(currency.code().to_owned()))
                .hint(format!("{} or more", least.plain())),
            quick: steps.take(QUICK_BIDS).map(|amount| Price { currency, amount }).map(|p| (p.typed(), p)).collect(),
        }
    }
}

/// The panel.
#[derive(Debug, Template)]
#[template(path = "items/panel.html")]
pub(crate) struct Panel {
    /// The item.
    pub(crate) item_id: ItemId,
    sequence: u64,
    currency: Currency,
    status: Phase,
    starts_at: Moment,
    ends_at: Moment,
    bid_before: bool,
    you: Option<String>,
    own_max: Option<Price>,
    price: Price,
    price_label: &'static str,
    minimum: Option<Price>,
    bid_count: u64,
    reserve_words: &'static str,
    clock_label: &'static str,
    clock: String,
    clock_time: Moment,
    standing: Standing,
    offer: Offer,
    watching: Option<bool>,
    outcome: Option<Message>,
    /// What the last command came to.
    pub(crate) message: Option<Message>,
    /// The form.
    pub(crate) form: BidForm,
}

impl HtmlSafe for Panel {}

impl Panel {
    /// The panel of an item at a time, as `onlooker` sees it.
    pub(crate) fn of(item: &ItemRow, onlooker: Onlooker, now_ms: i64) -> Self {
        let status = Phase::of(item, now_ms);
        let currency = currency_of(item);
        let price = Price::of_record(currency, item.price_minor);
        let minimum = item.minimum_minor.map(|minimum| Price::of_record(currency, minimum));
        let (clock_label, clock, clock_ms) = clock(item, status, now_ms);
        let part = part(item, &onlooker);
        let standing = standing(item, &onlooker, status);
        // Who leads can only raise their own maximum.
        let least = match (standing, onlooker.max) {
            (Standing::Leads, Some(max)) => max.saturating_add(Ladder::Standard.step(currency, max)),
            _ => minimum.map_or(Minor::ZERO, |minimum| minimum.amount),
        };
        Self {
            item_id: item.item_id,
            sequence: item.sequence,
            currency,
            status,
            starts_at: Moment(item.starts_at_ms),
            ends_at: Moment(item.ends_at_ms),
            bid_before: onlooker.has_bid,
            own_max: onlooker.max.map(|amount| Price { currency, amount }),
            price,
            price_label: status.price_label(item.bid_count),
            minimum,
            bid_count: item.bid_count,
            reserve_words: reserve_words(item.reserve),
            clock_label,
            clock,
            clock_time: Moment(clock_ms),
            standing,
            offer: offer(item, &onlooker, status),
            watching: onlooker.account_id.map(|_| onlooker.is_watching),
            outcome: item.outcome.map(|outcome| decision::outcome(outcome, part, price, item.winner_alias.as_deref())),
            message: None,
            form: BidForm::new(currency, least, standing),
            you: onlooker.alias,
        }
    }
}

fn clock(item: &ItemRow, status: Phase, now_ms: i64) -> (&'static str, String, i64) {
    match status {
        Phase::Scheduled => ("Opens in", duration(item.starts_at_ms - now_ms), item.starts_at_ms),
        Phase::Open => ("Ends in", duration(item.ends_at_ms - now_ms), item.ends_at_ms),
        Phase::Closing => ("Ends in", "Closing".to_owned(), item.ends_at_ms),
        Phase::Ended(_) => ("Ended", "Ended".to_owned(), item.ends_at_ms),
    }
}

/// How the reserve stands, after the number of bids.
pub(crate) fn reserve_words(reserve: ReserveStatus) -> &'static str {
    match reserve {
        ReserveStatus::None => " · no reserve",
        ReserveStatus::NotMet => " · reserve not met",
        ReserveStatus::Met => " · reserve met",
    }
}

fn part(item: &ItemRow, onlooker: &Onlooker) -> Part {
    match onlooker.account_id {
        None => Part::Onlooker,
        account if account == item.winner_id => Part::Winner,
        Some(account) if account == item.seller_id => Part::Seller,
        Some(_) if onlooker.has_bid => Part::Bidder,
        Some(_) => Part::Onlooker,
    }
}

fn standing(item: &ItemRow, onlooker: &Onlooker, status: Phase) -> Standing {
    match (status, onlooker.account_id) {
        (Phase::Ended(_), _) | (_, None) => Standing::None,
        (_, account) if account == item.leader_id => Standing::Leads,
        _ if onlooker.has_bid => Standing::Outbid,
        _ => Standing::None,
    }
}

fn offer(item: &ItemRow, onlooker: &Onlooker, status: Phase) -> Offer {
    match (status, onlooker.account_id) {
        (Phase::Ended(_) | Phase::Closing, _) => Offer::Over,
        (_, Some(account)) if account == item.seller_id => Offer::OwnLot,
        (Phase::Scheduled, _) => Offer::NotYet,
        (Phase::Open, None) => Offer::SignIn(login_href(&format!("/items/{}", item.item_id))),
        (Phase::Open, Some(_)) if onlooker.is_suspended => Offer::Suspended,
        (Phase::Open, Some(_)) => Offer::Bid,
    }
}
