//! `/items/{id}/withdrawal`: the seller takes the lot back, after being asked once more.

use askama::Template;
use axum::Extension;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use gavel_domain::ItemId;
use gavel_readmodel::ItemRow;

use super::decision::{self, Told};
use super::parse_id;
use crate::api::current_item;
use crate::edge::trace::Trace;
use crate::edge::withdrawal::withdraw;
use crate::error::WebError;
use crate::pages::answer::{Answer, page, page_with};
use crate::pages::error::PageError;
use crate::pages::layout::{Layout, Message, Tone};
use crate::pages::visit::Visit;

#[derive(Template)]
#[template(path = "items/withdrawal.html")]
struct WithdrawalPage {
    layout: Layout,
    item_id: ItemId,
    title: String,
    bid_count: u64,
    message: Option<Message>,
}

impl WithdrawalPage {
    fn of(visit: Visit, item: ItemRow, message: Option<Message>) -> Self {
        let ItemRow { item_id, title, bid_count, .. } = item;
        Self { layout: visit.layout, item_id, title, bid_count, message }
    }
}

/// The item, if it is the caller's own.
async fn own_item(visit: &Visit, id: &str) -> Result<ItemRow, PageError> {
    let account_id = visit.member()?.id();
    let item = current_item(&visit.state, parse_id(id)?).await?;
    if item.seller_id == account_id { Ok(item) } else { Err(WebError::Forbidden("this is not your lot").into()) }
}

/// `GET /items/{id}/withdrawal`; of a lot that has ended, its page.
pub(crate) async fn get(visit: Visit, Path(id): Path<String>) -> Answer {
    let item = own_item(&visit, &id).await?;
    if item.outcome.is_some() {
        return Ok(Redirect::to(&format!("/sell/{}", item.item_id)).into_response());
    }
    page(&WithdrawalPage::of(visit, item, None))
}

/// `POST /items/{id}/withdrawal`.
pub(crate) async fn post(visit: Visit, Extension(trace): Extension<Trace>, Path(id): Path<String>) -> Answer {
    let item = own_item(&visit, &id).await?;
    let caller = visit.member()?;
    match withdraw(&visit.state, caller, item.item_id, &trace).await? {
        Some(receipt) if receipt.record.decision.is_counted() => {
            Ok(Redirect::to(&format!("/sell/{}", item.item_id)).into_response())
        }
        Some(receipt) => {
            let message = decision::decision(receipt.record.decision, Told::default());
            page_with(StatusCode::CONFLICT, &WithdrawalPage::of(visit, item, Some(message)))
        }
        None => {
            let message = Message::new(Tone::Warn, "The withdrawal is received, and not decided yet")
                .line("It is safe in the house’s log. Look at the page of the lot in a moment.")
                .link(format!("/sell/{}", item.item_id), "See the lot");
            page_with(StatusCode::ACCEPTED, &WithdrawalPage::of(visit, item, Some(message)))
        }
    }
}
