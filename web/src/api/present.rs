//! How items look to programs.

use gavel_auctions::wire::{Outcome, ReserveStatus};
use gavel_domain::{AccountId, Closing, ImageId, ItemId};
use gavel_readmodel::ItemRow;
use serde::Serialize;

use crate::error::WebError;
use crate::state::AppState;

/// The public state of an item, as new as this process knows it.
///
/// # Errors
/// `NotFound`, `DatabaseUnavailable`.
pub async fn current_item(state: &AppState, item_id: ItemId) -> Result<ItemRow, WebError> {
    // The events first: what leaves them meanwhile is in the database by then.
    let standing = state.hub.recent(item_id);
    let mut row = state.database.item(item_id).await?.ok_or(WebError::NotFound("there is no such item"))?;
    if let Some(standing) = standing {
        standing.lay_over(&mut row);
    }
    Ok(row)
}

/// An item.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Item {
    #[schema(value_type = String, format = "uuid")]
    item_id: ItemId,
    seller: Seller,
    title: String,
    description: String,
    category: String,
    currency: String,
    starting_minor: i64,
    #[schema(required)]
    buy_now_minor: Option<i64>,
    starts_at_ms: i64,
    /// The effective end.
    ends_at_ms: i64,
    #[schema(value_type = Object)]
    closing: Closing,
    /// Pictures, first the one to show.
    images: Vec<Picture>,
    /// `scheduled`, `open` or `ended`.
    status: &'static str,
    price_minor: i64,
    /// The least that the next bidder must offer; null once ended.
    #[schema(required)]
    minimum_minor: Option<i64>,
    bid_count: u64,
    /// `none`, `not_met` or `met`.
    #[schema(value_type = String)]
    reserve: ReserveStatus,
    /// The leader's public name on this item.
    #[schema(required)]
    leader: Option<String>,
    #[schema(value_type = Option<String>, format = "uuid", required)]
    leader_id: Option<AccountId>,
    /// Of the newest event.
    sequence: u64,
    /// The server's clock.
    server_ms: i64,
    /// Once ended: `sold`, `unsold`, `reserve_not_met` or `withdrawn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    outcome: Option<Outcome>,
    /// The winner's public name on this item.
    #[serde(skip_serializing_if = "Option::is_none")]
    winner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    winner_id: Option<AccountId>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Seller {
    #[schema(value_type = String, format = "uuid")]
    account_id: AccountId,
    #[schema(required)]
    display_name: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Picture {
    #[schema(value_type = String, format = "uuid")]
    image_id: ImageId,
    url: String,
    thumbnail_url: String,
}

impl Item {
    /// Of a row that is current.
    pub(super) fn of(row: ItemRow, now_ms: i64) -> Self {
        let status = row.status(now_ms).as_str();
        let picture = |image_id: ImageId| Picture {
            image_id,
            url: format!("/images/{image_id}"),
            thumbnail_url: format!("/images/{image_id}/thumbnail"),
        };
        Self {
            item_id: row.item_id,
            seller: Seller { account_id: row.seller_id, display_name: row.seller_name },
            title: row.title,
            description: row.description,
            category: row.category,
            currency: row.currency,
            starting_minor: row.starting_minor,
            buy_now_minor: row.buy_now_minor,
            starts_at_ms: row.starts_at_ms,
            ends_at_ms: row.ends_at_ms,
            closing: row.closing,
            images: row.images.into_iter().map(picture).collect(),
            status,
            price_minor: row.price_minor,
            minimum_minor: row.minimum_minor,
            bid_count: row.bid_count,
            reserve: row.reserve,
            leader: row.leader_alias,
            leader_id: row.leader_id,
            sequence: row.sequence,
            server_ms: now_ms,
            outcome: row.outcome,
            winner: row.winner_alias,
            winner_id: row.winner_id,
        }
    }
}
