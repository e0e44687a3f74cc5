//! `/items/{id}`: the lot, the panel to bid in, and the bids on it.
//!
//! [`panel`] and [`history`] show an item as it stands, what is too new for the read model included; [`bid`], [`watch`] and
//! [`withdrawal`] are what is done on it, [`decision`] the words for what came of it.

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use gavel_auctions::wire::ClosingTerms;
use gavel_domain::{BidId, ItemId};
use gavel_readmodel::ItemRow;
use serde::Deserialize;

pub(crate) mod bid;
pub(crate) mod decision;
pub(crate) mod events;
pub(crate) mod history;
pub(crate) mod panel;
pub(crate) mod watch;
pub(crate) mod withdrawal;

use super::answer::{Answer, page, page_with};
use super::error::PageError;
use super::form::Form as _;
use super::format::{Moment, Price, duration};
use super::layout::Layout;
use super::lot::{currency_of, initial, picture_href, thumbnail_href};
use super::visit::Visit;
use crate::api::current_item;
use crate::edge::{category, own_maximum};
use crate::error::WebError;
use history::History;
use panel::{Onlooker, Panel};

/// How many events the page shows unless all are asked for.
const EVENTS_SHOWN: u64 = 20;
/// The most it shows in any case.
const EVENTS_MAX: u64 = 1000;

struct Picture {
    full: String,
    small: String,
}

struct Shown {
    title: String,
    category: String,
    category_slug: String,
    seller: String,
    listed: Moment,
    pictures: Vec<Picture>,
    initial: String,
    description: String,
    starting: Price,
    starts_at: Moment,
    listed_end: Moment,
    closing: String,
    country: Option<String>,
}

#[derive(Template)]
#[template(path = "items/item.html")]
struct ItemPage {
    layout: Layout,
    item: Shown,
    panel: Panel,
    history: History,
}

/// What of the page is asked for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// `all` for all bids.
    history: Option<String>,
    /// The bid whose decision is told, if it is the reader's.
    bid: Option<BidId>,
}

/// An item's id as it is in a path. What is no id is no page either.
pub(crate) fn parse_id(text: &str) -> Result<ItemId, PageError> {
    text.parse().map_err(|_| WebError::NotFound("there is no such item").into())
}

/// `GET /items/{id}`; of htmx, the panel alone.
pub(crate) async fn get(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Answer {
    let item_id = parse_id(&id)?;
    let item = current_item(&visit.state, item_id).await?;
    let onlooker = onlooker(&visit, &item).await?;
    let mut panel = Panel::of(&item, onlooker, visit.layout.now_ms);
    if let (Some(bid_id), Some(caller)) = (asked.bid, &visit.caller) {
        panel.message = bid::told(&visit.state, caller, &item, bid_id).await?;
    }
    let answer =
        if visit.is_for("bidding") { page(&panel) } else { show(visit, &item, panel, asked.history.is_some()).await };
    answer.map(vary)
}

/// One address answers htmx and browsers differently.
fn vary(mut response: Response) -> Response {
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("HX-Target"));
    response
}

/// The whole page, with that panel; 422 where its form has faults.
pub(crate) async fn show(visit: Visit, item: &ItemRow, panel: Panel, all_events: bool) -> Answer {
    let limit = if all_events { EVENTS_MAX } else { EVENTS_SHOWN };
    let events = events::latest(&visit.state, item, limit).await?;
    let more = (item.sequence > limit && !all_events)
        .then(|| (format!("/items/{}?history=all#history", item.item_id), "Show all bids".to_owned()));
    let viewer = visit.caller.as_ref().map(crate::security::session::Caller::id);
    let status =
        if panel.form.has_faults() { axum::http::StatusCode::UNPROCESSABLE_ENTITY } else { axum::http::StatusCode::OK };
    let tree = &visit.state.config.categories;
    let shown = Shown::of(item, category::find(tree, &item.category).map(|category| category.name.clone()));
    let named = |bidder| visit.state.aliases.name(item.item_id, bidder);
    let history = History::of(&events, currency_of(item), viewer, &named, more);
    page_with(status, &ItemPage { layout: visit.layout, item: shown, panel, history })
}

/// Who looks at an item.
pub(crate) async fn onlooker(visit: &Visit, item: &ItemRow) -> Result<Onlooker, PageError> {
    let Some(caller) = &visit.caller else { return Ok(Onlooker::default()) };
    let database = &visit.state.database;
    let max = own_maximum::standing(&visit.state, caller.id(), item.item_id).await?;
    Ok(Onlooker {
        account_id: Some(caller.id()),
        alias: Some(visit.state.aliases.name(item.item_id, caller.id())),
        is_suspended: caller.account.is_suspended,
        has_bid: max.is_some()
            || item.leader_id == Some(caller.id())
            || database.has_counted_bid(caller.id(), item.item_id).await?,
        is_watching: database.is_watching(caller.id(), item.item_id).await?,
        max,
    })
}

impl Shown {
    fn of(item: &ItemRow, category: Option<String>) -> Self {
        let picture = |&image| Picture { full: picture_href(image), small: thumbnail_href(image) };
        Self {
            title: item.title.clone(),
            category: category.unwrap_or_else(|| item.category.clone()),
            category_slug: item.category.clone(),
            seller: item.seller_name.clone().unwrap_or_else(|| "a seller of another house".to_owned()),
            listed: Moment(item.listed_ms),
            pictures: item.images.iter().map(picture).collect(),
            initial: initial(&item.title),
            description: item.description.clone(),
            starting: Price::of_record(currency_of(item), item.starting_minor),
            starts_at: Moment(item.starts_at_ms),
            listed_end: Moment(item.listed_ends_at_ms),
            closing: closing_words(item.closing),
            country: item.country.clone(),
        }
    }
}

/// How an auction closes.
pub(crate) fn closing_words(closing: ClosingTerms) -> String {
    let length = |seconds: u32| duration(i64::from(seconds) * 1000);
    match closing {
        ClosingTerms::Hard => "At its end, exactly".to_owned(),
        ClosingTerms::Soft { window_s, extend_s, cap_s } => format!(
            "Softly: a bid in the last {} moves the end to {} after it, {} past the listed end at most",
            length(window_s),
            length(extend_s),
            length(cap_s)
        ),
    }
}

/// Sends the reader to the page of an item.
pub(crate) fn back_to(item_id: ItemId) -> Response {
    axum::response::Redirect::to(&format!("/items/{item_id}")).into_response()
}
