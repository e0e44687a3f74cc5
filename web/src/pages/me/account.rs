//! `/me`: the account, and what it sells.

use askama::Template;
use axum::extract::Query;
use gavel_readmodel::ItemRow;

use super::{Asked, ROWS_PER_PAGE, next_href};
use crate::pages::answer::{Answer, page};
use crate::pages::format::Moment;
use crate::pages::layout::Layout;
use crate::pages::lot::{Phase, Row};
use crate::pages::visit::Visit;

#[derive(Template)]
#[template(path = "me.html")]
struct Account {
    layout: Layout,
    display_name: String,
    registered: Moment,
    selling: Vec<Row>,
    next_href: Option<String>,
}

/// `GET /me`.
pub(crate) async fn get(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let account = visit.member()?.account.clone();
    let now_ms = visit.layout.now_ms;
    let database = &visit.state.database;
    let selling = database.items_of_seller(account.account_id, asked.cursor.as_deref(), ROWS_PER_PAGE).await?;
    let row = |item: &ItemRow| {
        let phase = Phase::of(item, now_ms);
        Row::of(item, now_ms, format!("/sell/{}", item.item_id), (phase.words().to_owned(), phase.tone()))
    };
    page(&Account {
        display_name: account.display_name,
        registered: Moment(account.created_ms),
        selling: selling.rows.iter().map(row).collect(),
        next_href: next_href("/me", selling.next_cursor),
        layout: visit.layout,
    })
}
