//! `/me/bids`: what one bids on, and how one stands.

use axum::extract::Query;
use gavel_auctions::wire::{Decision, Outcome};
use gavel_readmodel::OwnBidRow;

use super::{Asked, List, ROWS_PER_PAGE, next_href};
use crate::pages::answer::{Answer, page};
use crate::pages::layout::Tone;
use crate::pages::lot::Row;
use crate::pages::visit::Visit;

/// `GET /me/bids`.
pub(crate) async fn get(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let account_id = visit.member()?.id();
    let now_ms = visit.layout.now_ms;
    let bids = visit.state.database.bids_of(account_id, asked.cursor.as_deref(), ROWS_PER_PAGE).await?;
    let row = |bid: &OwnBidRow| Row::of(&bid.item, now_ms, format!("/items/{}", bid.item.item_id), state(bid));
    page(&List {
        heading: "My bids",
        rows: bids.rows.iter().map(row).collect(),
        empty_heading: "You have not bid yet",
        empty_text: "Find something you like, name the most you would pay, and the house bids for you.",
        next_href: next_href("/me/bids", bids.next_cursor),
        layout: visit.layout,
    })
}

/// How one stands: in words, and how that sounds.
fn state(bid: &OwnBidRow) -> (String, Tone) {
    let is_counted = !matches!(
        bid.decision,
        Decision::TooLow
            | Decision::NotStarted
            | Decision::Ended
            | Decision::OwnItem
            | Decision::Suspended
            | Decision::UnknownItem
    );
    let (text, tone) = match (bid.item.outcome, bid.is_leading) {
        (None, true) => ("You lead", Tone::Good),
        (None, false) if is_counted => ("Outbid", Tone::Bad),
        (None, false) => ("Bid refused", Tone::Warn),
        (Some(Outcome::Sold), true) => ("You won", Tone::Good),
        (Some(Outcome::Sold), false) => ("Sold to someone else", Tone::Plain),
        (Some(Outcome::ReserveNotMet), _) => ("Reserve not met", Tone::Plain),
        (Some(Outcome::Withdrawn), _) => ("Withdrawn", Tone::Plain),
        (Some(Outcome::Unsold), _) => ("Not sold", Tone::Plain),
    };
    (text.to_owned(), tone)
}
