//! The processor: what counts where.

use bytes::Bytes;
use gavel_domain::{Currency, ItemId};
use gavel_streams::{Context, Processor, ProcessorError, SourceRecord, Timer, Topology, TopologyError};
use serde::de::DeserializeOwned;

use super::cells::{Cell, Cells};
use crate::wire::{CompletionRecord, Decision, HistoryKind, HistoryRecord, ItemListed, Measure, Outcome, topics};

const ITEMS: usize = 0;
const HISTORY: usize = 1;
const LOTS: usize = 1;

/// Where the bidder's country is not known.
const UNKNOWN_COUNTRY: &str = "??";
/// Where the bidder's grid is not known.
const UNKNOWN_GRID: &str = "????";

/// The graph, ready to run.
///
/// # Errors
/// Never for this graph; a test builds it.
pub fn topology() -> Result<Topology, TopologyError> {
    Topology::builder("analytics")
        .source("items", topics::ITEMS)
        .source("history", topics::HISTORY)
        .source("complete", topics::COMPLETE)
        .processor("counter", || Box::new(Counter::default()), &["items", "history", "complete"])
        .store("cells", &["counter"])
        .store("lots", &["counter"])
        .sink("analytics", topics::ANALYTICS, &["counter"])
        .build()
}

#[derive(Default)]
struct Counter {
    cells: Cells,
}

impl Processor for Counter {
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError> {
        let Some(value) = &record.value else { return Ok(()) };
        match record.source {
            ITEMS => remember_currency(context, value),
            HISTORY => self.count_decision(context, &parse(value)?),
            _ => self.count_outcome(context, &parse(value)?),
        }
    }

    fn punctuate(&mut self, _: &mut dyn Context, _: &Timer) -> Result<(), ProcessorError> {
        Ok(())
    }

    fn on_rollback(&mut self) {
        self.cells.clear();
    }

    fn before_commit(&mut self, context: &mut dyn Context) -> Result<(), ProcessorError> {
        self.cells.flush(context);
        Ok(())
    }
}

impl Counter {
    fn count_decision(&mut self, context: &mut dyn Context, record: &HistoryRecord) -> Result<(), ProcessorError> {
        if record.kind != HistoryKind::BidDecided {
            return Ok(());
        }
        let at = |measure, dimension: &str, currency: &str| Cell::at(measure, record.at_ms, dimension, currency);
        self.cells.add(context, at(Measure::Bids, record.decision.as_str(), ""), 0)?;
        if !record.decision.is_counted() {
            return Ok(());
        }
        let country = record.country.as_deref().unwrap_or(UNKNOWN_COUNTRY);
        self.cells.add(context, at(Measure::BidsByCountry, country, ""), 0)?;
        let grid = record.grid.as_deref().unwrap_or(UNKNOWN_GRID);
        self.cells.add(context, at(Measure::BidsByGrid, grid, ""), 0)?;
        if let (Decision::Accepted | Decision::AcceptedOutbid, Some(price), Some(minimum)) =
            (record.decision, record.price_minor, record.minimum_minor)
            && let Some(currency) = currency_of(context, record.item_id)?
        {
            self.cells.add(context, at(Measure::Spread, "", currency.code()), minimum - price)?;
        }
        Ok(())
    }

    fn count_outcome(&mut self, context: &mut dyn Context, record: &CompletionRecord) -> Result<(), ProcessorError> {
        let at = |measure, dimension: &str, currency: &str| Cell::at(measure, record.ended_at_ms, dimension, currency);
        self.cells.add(context, at(Measure::Outcomes, record.outcome.as_str(), ""), 0)?;
        if record.outcome == Outcome::Sold
            && let Some(currency) = currency_of(context, record.item_id)?
        {
            self.cells.add(context, at(Measure::Hammer, "", currency.code()), record.price_minor)?;
            let decade = decade(currency, record.price_minor).to_string();
            self.cells.add(context, at(Measure::PriceRanges, &decade, currency.code()), 0)?;
        }
        Ok(())
    }
}

/// The lower bound of a price's decade in major units: 0, 1, 10, 100, …
fn decade(currency: Currency, price_minor: i64) -> i64 {
    let major = price_minor / 10_i64.pow(currency.decimals());
    major.checked_ilog10().map_or(0, |exponent| 10_i64.pow(exponent))
}

fn remember_currency(context: &mut dyn Context, value: &[u8]) -> Result<(), ProcessorError> {
    // The items topic also carries what the processors say of an item; only a listing is news here.
    if let Ok(item) = serde_json::from_slice::<ItemListed>(value) {
        let key = Bytes::copy_from_slice(item.item_id.as_bytes());
        context.put(LOTS, key, Bytes::copy_from_slice(item.currency.as_str().as_bytes()));
    }
    Ok(())
}

fn currency_of(context: &mut dyn Context, item: ItemId) -> Result<Option<Currency>, ProcessorError> {
    let Some(code) = context.get(LOTS, item.as_bytes())? else { return Ok(None) };
    let currency = std::str::from_utf8(&code).ok().and_then(|code| code.parse().ok());
    currency.map(Some).ok_or_else(|| ProcessorError::State(format!("the currency of {item}")))
}

fn parse<T: DeserializeOwned>(value: &[u8]) -> Result<T, ProcessorError> {
    serde_json::from_slice(value)
        .map_err(|error| ProcessorError::Rejected { cause: "malformed", detail: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_falls_into_its_decade() {
        for (currency, price_minor, expected) in [
            (Currency::Usd, 99, 0),
            (Currency::Usd, 100, 1),
            (Currency::Usd, 999, 1),
            (Currency::Usd, 1000, 10),
            (Currency::Usd, 123_456, 1000),
            (Currency::Jpy, 99, 10),
        ] {
            assert_eq!(decade(currency, price_minor), expected, "{price_minor} {currency}");
        }
    }
}
