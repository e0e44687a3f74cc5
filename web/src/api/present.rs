//! How items look to programs.

use gavel_auctions::wire::{Outcome, ReserveStatus};
use gavel_domain::{AccountId, Closing, ImageId, ItemId, Minor};
use gavel_readmodel::ItemRow;
use serde::Serialize;

use crate::edge::own_maximum;
use crate::error::WebError;
use crate::security::aliases::Aliases;
use crate::security::session::Caller;
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
    // The processor's names can be made by anybody who knows an account id; the house's cannot.
    row.leader_alias = state.aliases.name_of(item_id, row.leader_id);
    row.winner_alias = state.aliases.name_of(item_id, row.winner_id);
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
    /// The same.
    #[schema(required)]
    leader_alias: Option<String>,
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
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    winner_alias: Option<String>,
    /// Who asks, to themselves alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    you: Option<You>,
}

/// How whoever asks stands with an item.
#[derive(Serialize, utoipa::ToSchema)]
struct You {
    /// Their public name on it.
    alias: String,
    /// Whether they lead, or led when it ended.
    leading: bool,
    /// Whether a bid of theirs counts.
    has_bid: bool,
    /// Whether they watch it.
    watching: bool,
    /// The most they bid; null without a bid. Nobody else ever sees it.
    #[schema(required)]
    max_minor: Option<i64>,
}

impl You {
    async fn of(state: &AppState, caller: &Caller, row: &ItemRow) -> Result<Self, WebError> {
        let max = own_maximum::standing(state, caller.id(), row.item_id).await?;
        let leading = row.leader_id == Some(caller.id());
        Ok(Self {
            alias: state.aliases.name(row.item_id, caller.id()),
            leading,
            has_bid: leading || max.is_some() || state.database.has_counted_bid(caller.id(), row.item_id).await?,
            watching: state.database.is_watching(caller.id(), row.item_id).await?,
            max_minor: max.map(Minor::get),
        })
    }
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
    /// The same, as somebody sees it who is signed in.
    pub(super) async fn seen_by(state: &AppState, caller: &Caller, row: ItemRow) -> Result<Self, WebError> {
        let you = You::of(state, caller, &row).await?;
        Ok(Self { you: Some(you), ..Self::of(row, state.now_ms(), &state.aliases) })
    }

    /// Of a row that is current.
    pub(super) fn of(row: ItemRow, now_ms: i64, aliases: &Aliases) -> Self {
        let leader = aliases.name_of(row.item_id, row.leader_id);
        let winner = aliases.name_of(row.item_id, row.winner_id);
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
            leader: leader.clone(),
            leader_alias: leader,
            sequence: row.sequence,
            server_ms: now_ms,
            outcome: row.outcome,
            winner: winner.clone(),
            winner_alias: winner,
            you: None,
        }
    }
}
