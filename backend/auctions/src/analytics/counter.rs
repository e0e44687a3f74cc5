//! The processor: what each event counts towards.

use std::borrow::Cow;

use bytes::Bytes;
use gavel_domain::{Currency, ItemId, Outcome};
use gavel_streams::{Context, Processor, ProcessorError, SourceRecord, Timer};

use super::cell::Cell;
use super::{source, store};
use crate::decode::{damaged, decode, decode_listing, item_key, kind, unknown_item, unknown_type};
use crate::wire::{CompletionRecord, HistoryRecord, Measure};

/// The country of a bid whose country is not known.
const UNKNOWN_COUNTRY: &str = "??";
/// Likewise the grid.
const UNKNOWN_GRID: &str = "????";

/// Keeps all it knows in its stores.
pub(super) struct Counter;

impl Processor for Counter {
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError> {
        let kind = kind(record.value.as_ref())?;
        match (record.source, &*kind) {
            (source::ITEMS, "item_listed") => {
                let (listed, terms) = decode_listing(record.value.as_ref())?;
                list(context, listed.item_id, terms.currency)
            }
            (source::ITEMS, "item_completed") => Ok(()),
            (source::HISTORY, "bid_decided") => bid(context, &decode(record.value.as_ref())?),
            (source::HISTORY, "withdrawal_decided") => Ok(()),
            (source::COMPLETE, "item_completed") => complete(context, &decode(record.value.as_ref())?),
            (_, other) => Err(unknown_type(other)),
        }
    }

    fn punctuate(&mut self, _context: &mut dyn Context, _timer: &Timer) -> Result<(), ProcessorError> {
        Ok(())
    }
}

fn list(context: &mut dyn Context, item: ItemId, currency: Currency) -> Result<(), ProcessorError> {
    if context.get(store::LOTS, &item_key(item))?.is_none() {
        let code = Bytes::from_static(currency.code().as_bytes());
        context.put(store::LOTS, item_key(item), code);
    }
    Ok(())
}

fn bid(context: &mut dyn Context, decided: &HistoryRecord) -> Result<(), ProcessorError> {
    let at_ms = decided.at_ms;
    let spread = match (decided.decision.adds_bid(), decided.price_minor, decided.minimum_minor) {
        (true, Some(price), Some(minimum)) => Some((currency(context, decided.item_id)?, minimum - price)),
        _ => None,
    };
    let plain = |measure, dimension| Cell { measure, at_ms, dimension, currency: "" };
    plain(Measure::Bids, decided.decision.as_str()).add(context, 0)?;
    if let Some((currency, spread_minor)) = spread {
        plain(Measure::BidsByCountry, decided.country.as_deref().unwrap_or(UNKNOWN_COUNTRY)).add(context, 0)?;
        plain(Measure::BidsByGrid, decided.grid.as_deref().unwrap_or(UNKNOWN_GRID)).add(context, 0)?;
        let currency = currency.code();
        Cell { measure: Measure::Spread, at_ms, dimension: "", currency }.add(context, spread_minor)?;
    }
    Ok(())
}

fn complete(context: &mut dyn Context, completed: &CompletionRecord) -> Result<(), ProcessorError> {
    let currency = currency(context, completed.item_id)?;
    let at_ms = completed.ended_at_ms;
    let outcome = completed.outcome.as_str();
    Cell { measure: Measure::Outcomes, at_ms, dimension: outcome, currency: "" }.add(context, 0)?;
    if completed.outcome == Outcome::Sold {
        let range = price_range(currency, completed.price_minor);
        let currency = currency.code();
        Cell { measure: Measure::PriceRanges, at_ms, dimension: &range, currency }.add(context, 0)?;
        Cell { measure: Measure::Hammer, at_ms, dimension: "", currency }.add(context, completed.price_minor)?;
    }
    Ok(())
}

/// The decade of a price in major units, by its lower bound: `0`, `1`, `10`, `100`, …
fn price_range(currency: Currency, price_minor: i64) -> Cow<'static, str> {
    let major = price_minor / 10_i64.pow(currency.decimals());
    major.checked_ilog10().map_or("0".into(), |decade| 10_i64.pow(decade).to_string().into())
}

/// The currency of a lot. It is kept for ever: history may still be read after the outcome.
fn currency(context: &mut dyn Context, item: ItemId) -> Result<Currency, ProcessorError> {
    let code = context.get(store::LOTS, &item_key(item))?.ok_or_else(|| unknown_item(item))?;
    let code = std::str::from_utf8(&code).map_err(|_| damaged("the currency of a lot"))?;
    code.parse().map_err(|_| damaged("the currency of a lot"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_range_by_decades_of_the_major_unit() {
        for (currency, price_minor, range) in [
            (Currency::Usd, 0, "0"),
            (Currency::Usd, 99, "0"),
            (Currency::Usd, 100, "1"),
            (Currency::Usd, 999, "1"),
            (Currency::Usd, 1_000, "10"),
            (Currency::Usd, 99_999, "100"),
            (Currency::Jpy, 100, "100"),
            (Currency::Kwd, 999, "0"),
        ] {
            assert_eq!(price_range(currency, price_minor), range, "{price_minor} {currency}");
        }
    }
}
