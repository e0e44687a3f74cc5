//! The analytics: the present value of each cell, summed over the partitions that were counted.

use gavel_auctions::wire::Measure;

use crate::database::Database;
use crate::error::Result;
use crate::row::{FromRow, Row};
use crate::statement::sql;

/// A measure in one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasureRow {
    /// Start of the window.
    pub window_start_ms: i64,
    /// What it is broken down by, see [`Measure`]; empty where nothing.
    pub dimension: String,
    /// ISO 4217 code where amounts are summed, else empty.
    pub currency: String,
    /// How many.
    pub count: i64,
    /// The sum, in the measure's unit.
    pub sum: i64,
}

impl FromRow for MeasureRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            window_start_ms: row.get("window_start_ms")?,
            dimension: row.get("dimension")?,
            currency: row.get("currency")?,
            count: row.get("total_count")?,
            sum: row.get("total_sum")?,
        })
    }
}

/// A measure over all time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalRow {
    /// What it is broken down by.
    pub dimension: String,
    /// ISO 4217 code where amounts are summed, else empty.
    pub currency: String,
    /// How many.
    pub count: i64,
    /// The sum, in the measure's unit.
    pub sum: i64,
}

impl FromRow for TotalRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            dimension: row.get("dimension")?,
            currency: row.get("currency")?,
            count: row.get("total_count")?,
            sum: row.get("total_sum")?,
        })
    }
}

impl Database {
    /// The windows of a measure that start within `from_ms..to_ms`, by window, dimension and currency.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn measures(&self, measure: Measure, from_ms: i64, to_ms: i64) -> Result<Vec<MeasureRow>> {
        sql("SELECT window_start_ms, dimension, currency, CAST(SUM(cell_count) AS BIGINT) AS total_count, \
             CAST(SUM(cell_sum) AS BIGINT) AS total_sum FROM measures \
             WHERE measure = $1 AND window_start_ms >= $2 AND window_start_ms < $3 \
             GROUP BY window_start_ms, dimension, currency ORDER BY window_start_ms, dimension, currency")
        .bind(measure.as_str())
        .bind(from_ms)
        .bind(to_ms)
        .fetch_all(&self.readers)
        .await
    }

    /// A measure over all time, by dimension and currency.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn measure_totals(&self, measure: Measure) -> Result<Vec<TotalRow>> {
        sql("SELECT dimension, currency, CAST(SUM(cell_count) AS BIGINT) AS total_count, \
             CAST(SUM(cell_sum) AS BIGINT) AS total_sum FROM measures \
             WHERE measure = $1 GROUP BY dimension, currency ORDER BY dimension, currency")
        .bind(measure.as_str())
        .fetch_all(&self.readers)
        .await
    }
}
