//! `auctions.items`: what is listed.

use gavel_domain::{AccountId, Closing, ImageId, ItemId};
use serde::{Deserialize, Serialize};

/// `item_listed`: an item comes in. From the edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemListed {
    /// Always `item_listed`.
    #[serde(rename = "type")]
    pub kind: ItemListedTag,
    /// Schema version.
    pub v: u16,
    /// The item.
    pub item_id: ItemId,
    /// Who sells it.
    pub seller_id: AccountId,
    /// One line.
    pub title: String,
    /// What it is, in plain text.
    pub description: String,
    /// Slug of its category.
    pub category: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Where bidding starts.
    pub starting_minor: i64,
    /// Secret: the least for which the seller sells.
    #[serde(default)]
    pub reserve_minor: Option<i64>,
    /// For how much it can be had at once.
    #[serde(default)]
    pub buy_now_minor: Option<i64>,
    /// Name of the ladder of increments.
    pub ladder: String,
    /// Bids before it are refused.
    pub starts_at_ms: i64,
    /// The listed end; a soft close may move the effective one.
    pub ends_at_ms: i64,
    /// How it closes.
    pub closing: Closing,
    /// ISO 3166 country of the lister's address, if known.
    #[serde(default)]
    pub country: Option<String>,
    /// Geohash of four characters, if known.
    #[serde(default)]
    pub grid: Option<String>,
    /// Its pictures.
    #[serde(default)]
    pub images: Vec<ImageId>,
}

/// The `type` of [`ItemListed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemListedTag {
    /// `item_listed`.
    ItemListed,
}
