//! `/sell/{id}`: a lot as its seller sees it.

use askama::Template;
use axum::extract::{Path, Query};
use gavel_auctions::wire::ReserveStatus;
use gavel_domain::ItemId;
use serde::Deserialize;

use crate::api::current_item;
use crate::error::WebError;
use crate::pages::answer::{Answer, page};
use crate::pages::format::{Moment, Price};
use crate::pages::item::decision::{self, Part};
use crate::pages::item::{closing_words, parse_id};
use crate::pages::layout::{Layout, Message, Tone};
use crate::pages::lot::{Phase, currency_of};
use crate::pages::visit::Visit;

/// Whether it was listed just now.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    listed: Option<String>,
}

#[derive(Template)]
#[template(path = "sell/item.html")]
struct LotPage {
    layout: Layout,
    item_id: ItemId,
    title: String,
    status: Phase,
    message: Option<Message>,
    outcome: Option<Message>,
    price_label: &'static str,
    price: Price,
    bid_count: u64,
    reserve: &'static str,
    starting: Price,
    starts_at: Moment,
    ends_at: Moment,
    closing: String,
    can_withdraw: bool,
}

/// `GET /sell/{id}`.
pub(crate) async fn get(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Answer {
    let account_id = visit.member()?.id();
    let item = current_item(&visit.state, parse_id(&id)?).await?;
    if item.seller_id != account_id {
        return Err(WebError::Forbidden("this is not your lot").into());
    }
    let status = Phase::of(&item, visit.layout.now_ms);
    let currency = currency_of(&item);
    let price = Price::of_record(currency, item.price_minor);
    let told = |outcome| decision::outcome(outcome, Part::Seller, price, item.winner_alias.as_deref());
    page(&LotPage {
        item_id: item.item_id,
        status,
        message: asked.listed.filter(|_| item.outcome.is_none()).map(|_| {
            Message::new(Tone::Good, "Your lot is listed").line("Everyone can see it now. You are told when it ends.")
        }),
        outcome: item.outcome.map(told),
        price_label: status.price_label(item.bid_count),
        price,
        bid_count: item.bid_count,
        reserve: match item.reserve {
            ReserveStatus::None => "None",
            ReserveStatus::NotMet => "Not met yet",
            ReserveStatus::Met => "Met",
        },
        starting: Price::of_record(currency, item.starting_minor),
        starts_at: Moment(item.starts_at_ms),
        ends_at: Moment(item.ends_at_ms),
        closing: closing_words(item.closing),
        can_withdraw: matches!(status, Phase::Scheduled | Phase::Open),
        title: item.title,
        layout: visit.layout,
    })
}
