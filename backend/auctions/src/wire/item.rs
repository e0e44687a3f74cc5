//! `auctions.items`: what is listed.

use gavel_domain::{
    AccountId, AmountOutOfRange, Closing, EpochMs, ImageId, ItemId, Minor, SecretMinor, Terms, TimeOutOfRange,
    UnknownCurrency, UnknownLadder,
};
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

impl ItemListed {
    /// The terms of its auction.
    ///
    /// # Errors
    /// What cannot be understood. Whether the terms are sensible is for [`Terms::faults`] to say, before it is listed.
    pub fn terms(&self) -> Result<Terms, ItemError> {
        let minor = |amount| Minor::new(amount).map_err(ItemError::from);
        Ok(Terms {
            seller: self.seller_id,
            currency: self.currency.parse()?,
            ladder: self.ladder.parse()?,
            starting: minor(self.starting_minor)?,
            reserve: self.reserve_minor.map(minor).transpose()?.map(SecretMinor::new),
            buy_now: self.buy_now_minor.map(minor).transpose()?,
            starts_at: EpochMs::given(self.starts_at_ms)?,
            ends_at: EpochMs::given(self.ends_at_ms)?,
            closing: self.closing,
        })
    }
}

/// Why an item's terms cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// Its currency.
    #[error(transparent)]
    Currency(#[from] UnknownCurrency),
    /// Its ladder.
    #[error(transparent)]
    Ladder(#[from] UnknownLadder),
    /// An amount.
    #[error(transparent)]
    Amount(#[from] AmountOutOfRange),
    /// Its start or its end.
    #[error(transparent)]
    Time(#[from] TimeOutOfRange),
}

/// The `type` of [`ItemListed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemListedTag {
    /// `item_listed`.
    ItemListed,
}
