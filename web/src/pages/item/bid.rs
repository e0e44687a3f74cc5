//! `POST /items/{id}/bid`: first the review of a bid, then the bid; and the page of its receipt.

use std::net::IpAddr;

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use gavel_auctions::wire::HistoryRecord;
use gavel_domain::{AccountId, BidId, ItemId, Minor};
use gavel_readmodel::ItemRow;
use serde::Deserialize;
use uuid::Uuid;

use super::decision;
use super::panel::Panel;
use super::{back_to, onlooker, parse_id, show};
use crate::api::current_item;
use crate::edge::bid::{Bid, BidStanding, IdempotencyKey};
use crate::edge::own_maximum;
use crate::edge::receipt::{self, first_decision};
use crate::edge::trace::Trace;
use crate::error::WebError;
use crate::pages::answer::{Answer, page, page_with};
use crate::pages::error::PageError;
use crate::pages::form::Form as _;
use crate::pages::format::{Moment, Price};
use crate::pages::layout::{Layout, Message, Tone};
use crate::pages::lot::currency_of;
use crate::pages::visit::Visit;
use crate::security::client_address::ClientAddress;
use crate::security::session::Caller;
use crate::state::AppState;

/// What is filled in.
#[derive(Deserialize)]
pub(crate) struct Filled {
    #[serde(default)]
    amount: String,
    /// An amount chosen at a click goes before one that is written.
    quick: Option<String>,
    /// From the review: makes sending it twice one bid.
    key: Option<String>,
    confirmed: Option<String>,
}

/// The review of a bid: what it means, and the button that places it.
#[derive(Template)]
#[template(path = "items/review-form.html")]
struct Review {
    item_id: ItemId,
    title: String,
    maximum: Price,
    price: Price,
    amount: String,
    key: Uuid,
}

impl askama::filters::HtmlSafe for Review {}

#[derive(Template)]
#[template(path = "items/review.html")]
struct ReviewPage {
    layout: Layout,
    review: Review,
}

/// `GET /items/{id}/bid`: a bid is written on the page of its item.
pub(crate) async fn get(Path(id): Path<String>) -> Answer {
    Ok(back_to(parse_id(&id)?))
}

/// `POST /items/{id}/bid`.
pub(crate) async fn post(
    mut visit: Visit,
    ClientAddress(address): ClientAddress,
    Extension(trace): Extension<Trace>,
    Path(id): Path<String>,
    Form(filled): Form<Filled>,
) -> Answer {
    let item_id = parse_id(&id)?;
    visit.layout.here = format!("/items/{item_id}");
    let caller = visit.member()?.clone();
    let item = current_item(&visit.state, item_id).await?;
    let text = filled.quick.as_deref().unwrap_or(&filled.amount);
    let own_max = own_maximum::standing(&visit.state, caller.id(), item_id).await?;
    let max = match amount(&item, caller.id(), own_max, text) {
        Ok(max) => max,
        Err(fault) => return refuse(visit, &item, text, &fault).await,
    };
    match (&filled.confirmed, &filled.key) {
        (Some(_), Some(key)) => {
            let bid = Bid { item_id, max, key: IdempotencyKey::parse(key)? };
            place(visit, &caller, bid, address, &trace).await
        }
        _ => review(visit, &item, max),
    }
}

/// Reads an amount. One below the minimum is refused here only where it can never do: the stream decides the rest. The
/// leader's raise need not reach the minimum, only exceed their own maximum.
fn amount(item: &ItemRow, caller: AccountId, own_max: Option<Minor>, text: &str) -> Result<Minor, String> {
    let currency = currency_of(item);
    let max = currency.parse_amount(text).map_err(|error| sentence(&error.to_string()))?;
    match item.minimum_minor {
        Some(minimum) if max.get() < minimum && item.leader_id != Some(caller) => {
            Err(format!("Bid {} or more", Price::of_record(currency, minimum).plain()))
        }
        _ => match own_max.filter(|&own_max| max <= own_max && item.leader_id == Some(caller)) {
            Some(own_max) => Err(format!(
                "Your maximum is {} already: enter more to raise it",
                Price { currency, amount: own_max }.plain()
            )),
            None => Ok(max),
        },
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn review(visit: Visit, item: &ItemRow, max: Minor) -> Answer {
    let currency = currency_of(item);
    let maximum = Price { currency, amount: max };
    let review = Review {
        item_id: item.item_id,
        title: item.title.clone(),
        maximum,
        price: Price::of_record(currency, item.price_minor),
        amount: maximum.typed(),
        key: Uuid::new_v4(),
    };
    if visit.is_for("review-body") { page(&review) } else { page(&ReviewPage { layout: visit.layout, review }) }
}

async fn refuse(visit: Visit, item: &ItemRow, text: &str, fault: &str) -> Answer {
    let mut panel = Panel::of(item, onlooker(&visit, item).await?, visit.layout.now_ms);
    text.clone_into(&mut panel.form.amount.value);
    panel.form.fail("amount", fault);
    if visit.htmx_target.is_some() {
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &panel).map(into_panel);
    }
    show(visit, item, panel, false).await
}

/// Puts an answer where the panel is, wherever htmx meant to put it.
fn into_panel(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert("HX-Retarget", HeaderValue::from_static("#bidding"));
    headers.insert("HX-Reswap", HeaderValue::from_static("outerHTML"));
    response
}

async fn place(visit: Visit, caller: &Caller, bid: Bid, address: IpAddr, trace: &Trace) -> Answer {
    let item_id = bid.item_id;
    let standing = bid.place(&visit.state, caller, address, trace).await?;
    let (href, decided) = match standing {
        BidStanding::Decided(bid_id, receipt) => (format!("/items/{item_id}?bid={bid_id}"), Some(receipt.record)),
        BidStanding::Pending(bid) => (format!("/items/{item_id}/bids/{}?at={}", bid.bid_id, bid.place()), None),
    };
    if visit.htmx_target.is_none() {
        return Ok(Redirect::to(&href).into_response());
    }
    let item = current_item(&visit.state, item_id).await?;
    let mut onlooker = onlooker(&visit, &item).await?;
    onlooker.has_bid |= decided.as_ref().is_some_and(|record| record.decision.is_counted());
    let mut panel = Panel::of(&item, onlooker, visit.layout.now_ms);
    panel.message = Some(match decided {
        Some(record) => words(&item, &record),
        None => pending().link(href, "See the receipt"),
    });
    page(&panel).map(into_panel)
}

/// What was decided on a bid of the caller, once it is; nothing of another's.
pub(crate) async fn told(
    state: &AppState,
    caller: &Caller,
    item: &ItemRow,
    bid_id: BidId,
) -> Result<Option<Message>, PageError> {
    let decided = first_decision(state, bid_id).await?;
    let own = decided.map(|receipt| receipt.record).filter(|record| record.bidder_id == Some(caller.id()));
    Ok(own.map(|record| words(item, &record)))
}

fn words(item: &ItemRow, record: &HistoryRecord) -> Message {
    decision::of_record(record, currency_of(item), Moment(item.starts_at_ms))
}

fn pending() -> Message {
    Message::new(Tone::Warn, "Your bid is received, and not decided yet")
        .line("It is safe in the house’s log and keeps its place in time. The decision takes longer than usual.")
}

#[derive(Template)]
#[template(path = "items/receipt.html")]
struct ReceiptPage {
    layout: Layout,
    item_id: ItemId,
    title: String,
    bid_id: BidId,
    is_pending: bool,
    message: Message,
    received: Option<Moment>,
    /// Partition and offset of the bid in the log.
    place: Option<(u32, u64)>,
}

/// Where a bid may be in the log.
#[derive(Deserialize)]
pub(crate) struct At {
    at: Option<String>,
}

/// `GET /items/{id}/bids/{bid_id}`: what became of a bid; 202 while it is not decided, and the page asks again by itself.
pub(crate) async fn receipt(
    visit: Visit,
    Path((id, bid_id)): Path<(String, String)>,
    Query(At { at }): Query<At>,
) -> Answer {
    let item_id = parse_id(&id)?;
    let no_such_bid = || WebError::NotFound("there is no such bid");
    let bid_id: BidId = bid_id.parse().map_err(|_| no_such_bid())?;
    let caller = visit.member()?;
    let standing = receipt::find(&visit.state, Some(caller), bid_id, at.as_deref()).await?;
    let (bid_item_id, is_own) = match &standing {
        BidStanding::Decided(_, receipt) => (receipt.record.item_id, receipt.record.bidder_id == Some(caller.id())),
        BidStanding::Pending(bid) => (bid.item_id, true),
    };
    if bid_item_id != item_id || !is_own {
        return Err(no_such_bid().into());
    }
    let item = current_item(&visit.state, item_id).await?;
    let (status, message, received_ms, place) = match &standing {
        BidStanding::Decided(_, receipt) => {
            let place = receipt.command.map(|place| (place.partition, place.offset));
            (StatusCode::OK, words(&item, &receipt.record), receipt.record.received_ms, place)
        }
        BidStanding::Pending(bid) => {
            let place = (bid.appended.partition, bid.appended.offset);
            (StatusCode::ACCEPTED, pending(), bid.appended.append_ms, Some(place))
        }
    };
    let receipt = ReceiptPage {
        item_id,
        title: item.title,
        bid_id,
        is_pending: matches!(standing, BidStanding::Pending(_)),
        message,
        received: Some(Moment(received_ms)),
        place,
        layout: visit.layout,
    };
    page_with(status, &receipt)
}
