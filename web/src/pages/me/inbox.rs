//! `/me/inbox`: notices, and what of them was read.

use askama::Template;
use axum::Form;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect};
use gavel_auctions::wire::NoticeKind;
use gavel_domain::{Currency, ItemId};
use gavel_readmodel::NoticeRow;
use serde::Deserialize;

use super::{Asked, ROWS_PER_PAGE, next_href};
use crate::pages::answer::{Answer, page};
use crate::pages::format::{Moment, Price};
use crate::pages::layout::Layout;
use crate::pages::visit::Visit;

struct Notice {
    item_id: ItemId,
    is_unread: bool,
    heading: &'static str,
    title: String,
    text: &'static str,
    price: Price,
    at: Moment,
}

impl Notice {
    fn of(row: &NoticeRow, seen_up_to_ms: Option<i64>) -> Self {
        let (heading, text) = words(row.kind);
        let currency = row.currency.parse().unwrap_or(Currency::Usd);
        Self {
            item_id: row.item_id,
            is_unread: seen_up_to_ms.is_none_or(|seen| row.received_ms > seen),
            heading,
            title: row.title.clone(),
            text,
            price: Price::of_record(currency, row.price_minor),
            at: Moment(row.at_ms),
        }
    }
}

/// What a notice says, and what to do.
fn words(kind: NoticeKind) -> (&'static str, &'static str) {
    match kind {
        NoticeKind::Outbid => {
            ("You have been outbid", "Someone’s maximum is higher than yours. Bid again to take the lead.")
        }
        NoticeKind::Won => ("You won", "The lot is yours at this price. The seller has been told."),
        NoticeKind::Lost => ("You did not win", "The lot went to someone else at this price."),
        NoticeKind::Sold => ("Your lot is sold", "This is the price it fell at."),
        NoticeKind::Unsold => ("Your lot ended without a bid", "You can list it again."),
        NoticeKind::ReserveNotMet => ("The reserve was not met", "Bidding reached this price, so the lot is not sold."),
        NoticeKind::Withdrawn => ("A lot was withdrawn", "The seller took it back. No bid on it stands."),
    }
}

#[derive(Template)]
#[template(path = "me/inbox.html")]
struct Inbox {
    layout: Layout,
    rows: Vec<Notice>,
    has_unread: bool,
    newest_ms: i64,
    next_href: Option<String>,
}

/// `GET /me/inbox`.
pub(crate) async fn get(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let account_id = visit.member()?.id();
    let database = &visit.state.database;
    // First: what comes meanwhile stays unread.
    let newest = database.newest_notice_ms(account_id).await?;
    let notices = database.notices(account_id, asked.cursor.as_deref(), ROWS_PER_PAGE).await?;
    let seen = database.notices_seen_up_to(account_id).await?;
    page(&Inbox {
        rows: notices.rows.iter().map(|row| Notice::of(row, seen)).collect(),
        has_unread: visit.layout.viewer.as_ref().is_some_and(|viewer| viewer.unread > 0),
        newest_ms: newest.unwrap_or(0),
        next_href: next_href("/me/inbox", notices.next_cursor),
        layout: visit.layout,
    })
}

/// Up to which notice the inbox was read.
#[derive(Deserialize)]
pub(crate) struct Read {
    seen_ms: i64,
}

/// `POST /me/inbox`: marks all that there was when the page was made as read, not what came since.
pub(crate) async fn post(visit: Visit, Form(read): Form<Read>) -> Answer {
    let account_id = visit.member()?.id();
    visit.state.database.mark_notices_seen(account_id, read.seen_ms).await?;
    visit.state.live.notices_seen(account_id);
    Ok(Redirect::to("/me/inbox").into_response())
}
