//! `/me/watching`: what one watches.

use axum::extract::Query;
use gavel_readmodel::WatchRow;

use super::{Asked, List, ROWS_PER_PAGE, next_href};
use crate::pages::answer::{Answer, page};
use crate::pages::layout::Tone;
use crate::pages::lot::Row;
use crate::pages::visit::Visit;

/// `GET /me/watching`.
pub(crate) async fn get(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let account_id = visit.member()?.id();
    let now_ms = visit.layout.now_ms;
    let watched = visit.state.database.watching(account_id, asked.cursor.as_deref(), ROWS_PER_PAGE).await?;
    let row = |watch: &WatchRow| {
        let bids = match watch.item.bid_count {
            1 => "1 bid".to_owned(),
            count => format!("{count} bids"),
        };
        Row::of(&watch.item, now_ms, format!("/items/{}", watch.item.item_id), (bids, Tone::Plain))
    };
    page(&List {
        heading: "Watching",
        rows: watched.rows.iter().map(row).collect(),
        empty_heading: "You watch nothing yet",
        empty_text: "Press “Watch this lot” on the page of a lot to find it here again.",
        next_href: next_href("/me/watching", watched.next_cursor),
        layout: visit.layout,
    })
}
