//! `auctions.analytics`: windowed measures, each record the whole present value of one cell.
//!
//! A cell is (measure, window, dimension, currency, partition). Partitions count apart, so a total is the sum over them;
//! a later record of the same cell replaces the earlier.

use serde::{Deserialize, Serialize};

/// The length of a window.
pub const WINDOW_MS: i64 = 60_000;

/// `measure`: the value of one cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureRecord {
    /// Always `measure`.
    #[serde(rename = "type")]
    pub kind: MeasureTag,
    /// Schema version.
    pub v: u16,
    /// What is measured.
    pub measure: Measure,
    /// Start of the window, a multiple of [`WINDOW_MS`].
    pub window_start_ms: i64,
    /// What it is broken down by, see [`Measure`]; empty where nothing.
    pub dimension: String,
    /// ISO 4217 code where amounts are measured (`hammer`, `spread`, `price_ranges`), else empty.
    pub currency: String,
    /// The partition that was counted.
    pub partition: u32,
    /// How many.
    pub count: i64,
    /// The sum, in the measure's unit.
    pub sum: i64,
}

/// The `type` of [`MeasureRecord`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureTag {
    /// `measure`.
    Measure,
}

/// What is measured. Windows go by the event's own time: `at_ms` of a decision, `ended_at_ms` of a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Decided bids by decision (duplicates included); no sum.
    Bids,
    /// Counted bids (`accepted`, `accepted_outbid`) by country (`??` where unknown); no sum.
    BidsByCountry,
    /// Counted bids, likewise, by geohash of four characters (`????` where unknown); no sum.
    BidsByGrid,
    /// Items sold; sum of hammer prices, minor units.
    Hammer,
    /// Completed items by outcome; no sum.
    Outcomes,
    /// Items sold by the decade of their hammer price in major units (`0`, `1`, `10`, `100`, …: its lower bound); no sum.
    PriceRanges,
    /// The bid–offer spread after each accepted or `accepted_outbid` bid: the least next offer the house takes minus the standing
    /// price; sum in minor units.
    Spread,
}

impl Measure {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bids => "bids",
            Self::BidsByCountry => "bids_by_country",
            Self::BidsByGrid => "bids_by_grid",
            Self::Hammer => "hammer",
            Self::Outcomes => "outcomes",
            Self::PriceRanges => "price_ranges",
            Self::Spread => "spread",
        }
    }
}
