//! The figures of the market over a span of time, cut into steps: what tables show and charts draw.

use std::collections::{BTreeMap, BTreeSet};

use gavel_auctions::wire::Measure;
use gavel_domain::Currency;
use gavel_readmodel::{Database, MeasureRow};
use serde::Serialize;

use super::span::Span;
use crate::pages::error::PageError;
use crate::pages::format::{Moment, Price};

/// The most rows of a breakdown; the last is of all others.
const ROWS_MAX: usize = 20;
/// One value, for machines and for people.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cell {
    pub(super) value: Option<f64>,
    pub(super) text: String,
}

/// One line of a chart, one column of its table.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    pub(super) label: String,
    pub(super) cells: Vec<Cell>,
}

/// A chart, and the same numbers as a table.
#[derive(Debug, Serialize)]
pub(crate) struct Chart {
    pub(super) id: &'static str,
    pub(super) heading: &'static str,
    pub(super) note: &'static str,
    #[serde(skip)]
    pub(super) steps: Vec<Moment>,
    pub(super) series: Vec<Series>,
}

impl Chart {
    /// Index and start of each step.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, &Moment)> {
        self.steps.iter().enumerate()
    }
}

/// One number over the whole span.
#[derive(Debug, Serialize)]
pub(crate) struct Total {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) text: String,
}

/// A table of one number by a dimension.
#[derive(Debug, Serialize)]
pub(crate) struct Breakdown {
    pub(super) id: &'static str,
    pub(super) heading: &'static str,
    pub(super) by: &'static str,
    pub(super) rows: Vec<(String, i64)>,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    span: Span,
    /// Starts of the steps, in seconds, as the charts take them.
    at_s: Vec<i64>,
    pub(crate) totals: Vec<Total>,
    pub(crate) charts: Vec<Chart>,
    pub(crate) breakdowns: Vec<Breakdown>,
}

/// Counts and sums of one measure, by step, dimension and currency.
struct Cut {
    span: Span,
    rows: Vec<MeasureRow>,
}

impl Figures {
    /// Reads and adds up.
    ///
    /// # Errors
    /// `DatabaseUnavailable`.
    pub(crate) async fn gather(database: &Database, span: Span) -> Result<Self, PageError> {
        let cut = async |measure| {
            let rows = database.measures(measure, span.from_ms, span.to_ms).await?;
            Ok::<_, PageError>(Cut { span, rows })
        };
        let (bids, hammer) = (cut(Measure::Bids).await?, cut(Measure::Hammer).await?);
        let (outcomes, spread) = (cut(Measure::Outcomes).await?, cut(Measure::Spread).await?);
        let charts = vec![
            bids.counts("bids", "Bids", "Decided bids, by decision", |row| row.dimension.replace('_', " ")),
            hammer.sums("hammer", "Hammer value", "The sum of the prices at which lots sold, by currency"),
            outcomes.counts("outcomes", "Outcomes", "Auctions that ended, by outcome", |row| {
                row.dimension.replace('_', " ")
            }),
            spread.averages(
                "spread",
                "Bid–offer spread",
                "The least next bid minus the price, on average over the bids that moved it",
            ),
        ];
        let breakdowns = vec![
            cut(Measure::PriceRanges).await?.breakdown("prices", "Hammer prices", "Price range", price_range),
            cut(Measure::BidsByCountry).await?.breakdown("countries", "Bids by country", "Country", unknown_as_word),
            cut(Measure::BidsByGrid).await?.breakdown("grids", "Bids by place", "Geohash", unknown_as_word),
        ];
        let at_s = span.steps().iter().map(|at_ms| at_ms / 1000).collect();
        Ok(Self { span, at_s, totals: totals(&bids, &hammer, &outcomes), charts, breakdowns })
    }
}

impl Cut {
    fn by_label(&self, label: impl Fn(&MeasureRow) -> String) -> BTreeMap<String, Vec<(i64, i64)>> {
        let steps = self.span.steps().len();
        let mut lines: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
        for row in &self.rows {
            let line = lines.entry(label(row)).or_insert_with(|| vec![(0, 0); steps]);
            if let Some((count, sum)) = line.get_mut(self.span.step_of(row.window_start_ms)) {
                *count += row.count;
                *sum += row.sum;
            }
        }
        lines
    }

    fn chart(
        &self,
        (id, heading, note): (&'static str, &'static str, &'static str),
        label: impl Fn(&MeasureRow) -> String,
        cell: impl Fn(&str, (i64, i64)) -> Cell,
    ) -> Chart {
        let series = self
            .by_label(label)
            .into_iter()
            .map(|(label, line)| Series { cells: line.into_iter().map(|value| cell(&label, value)).collect(), label });
        Chart {
            id,
            heading,
            note,
            steps: self.span.steps().into_iter().map(Moment).collect(),
            series: series.collect(),
        }
    }

    fn counts(
        &self,
        id: &'static str,
        heading: &'static str,
        note: &'static str,
        label: impl Fn(&MeasureRow) -> String,
    ) -> Chart {
        self.chart((id, heading, note), label, |_, (count, _)| Cell {
            value: Some(f64::from(i32::try_from(count).unwrap_or(i32::MAX))),
            text: count.to_string(),
        })
    }

    fn sums(&self, id: &'static str, heading: &'static str, note: &'static str) -> Chart {
        self.chart((id, heading, note), |row| row.currency.clone(), |code, (_, sum)| money(code, sum))
    }

    fn averages(&self, id: &'static str, heading: &'static str, note: &'static str) -> Chart {
        self.chart(
            (id, heading, note),
            |row| row.currency.clone(),
            |code, (count, sum)| match count {
                0 => Cell { value: None, text: "–".to_owned() },
                count => money(code, sum / count),
            },
        )
    }

    fn breakdown(
        &self,
        id: &'static str,
        heading: &'static str,
        by: &'static str,
        label: impl Fn(&MeasureRow) -> String,
    ) -> Breakdown {
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for row in &self.rows {
            *counts.entry(label(row)).or_default() += row.count;
        }
        let mut rows: Vec<_> = counts.into_iter().collect();
        rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        if rows.len() > ROWS_MAX {
            let others = rows.split_off(ROWS_MAX - 1);
            rows.push((format!("{} others", others.len()), others.iter().map(|(_, count)| count).sum()));
        }
        Breakdown { id, heading, by, rows }
    }

    fn count_of(&self, dimensions: &[&str]) -> i64 {
        let counted = |row: &&MeasureRow| dimensions.is_empty() || dimensions.contains(&row.dimension.as_str());
        self.rows.iter().filter(counted).map(|row| row.count).sum()
    }
}

/// An amount in major units for the chart, with its code for the table.
fn money(code: &str, minor: i64) -> Cell {
    let currency = code.parse().unwrap_or(Currency::Usd);
    let price = Price::of_record(currency, minor);
    Cell { value: price.typed().parse().ok(), text: price.plain() }
}

fn unknown_as_word(row: &MeasureRow) -> String {
    if row.dimension.starts_with('?') { "unknown".to_owned() } else { row.dimension.clone() }
}

/// `USD 10 to 99`: a decade of prices in major units.
fn price_range(row: &MeasureRow) -> String {
    match row.dimension.parse::<i64>() {
        Ok(0) => format!("{} below 1", row.currency),
        Ok(low) => format!("{} {low} to below {}", row.currency, low.saturating_mul(10)),
        Err(_) => format!("{} {}", row.currency, row.dimension),
    }
}

fn totals(bids: &Cut, hammer: &Cut, outcomes: &Cut) -> Vec<Total> {
    let total = |id: &str, label: &str, text: String| Total { id: id.to_owned(), label: label.to_owned(), text };
    let counted = bids.count_of(&["accepted", "accepted_outbid"]);
    let (sold, missed) = (outcomes.count_of(&["sold"]), outcomes.count_of(&["reserve_not_met"]));
    let rate = match sold + missed {
        0 => "–".to_owned(),
        with_bids => format!("{}.{} %", missed * 100 / with_bids, missed * 1000 / with_bids % 10),
    };
    let mut totals = vec![
        total("bids", "Bids decided", bids.count_of(&[]).to_string()),
        total("counted", "Bids counted", counted.to_string()),
        total("ended", "Auctions ended", outcomes.count_of(&[]).to_string()),
        total("reserve", "Reserve not met, of those with bids", rate),
    ];
    let codes: BTreeSet<&str> = hammer.rows.iter().map(|row| row.currency.as_str()).collect();
    totals.extend(codes.into_iter().map(|code| {
        let sum = hammer.rows.iter().filter(|row| row.currency == code).map(|row| row.sum).sum();
        total(&format!("hammer-{code}"), &format!("Hammer value, {code}"), money(code, sum).text)
    }));
    totals
}

#[cfg(test)]
mod tests {
    use gavel_auctions::wire::analytics::WINDOW_MS;

    use super::*;

    fn row(at_ms: i64, dimension: &str, count: i64) -> MeasureRow {
        let (dimension, currency) = (dimension.to_owned(), String::new());
        MeasureRow { window_start_ms: at_ms, dimension, currency, count, sum: 0 }
    }

    #[test]
    fn a_breakdown_adds_up_however_many_it_names() {
        let span = Span { from_ms: 0, to_ms: WINDOW_MS, step_ms: WINDOW_MS };
        let rows: Vec<_> = (1..=30).map(|number| row(0, &format!("d{number}"), number)).collect();
        let breakdown = Cut { span, rows }.breakdown("x", "", "", |row| row.dimension.clone());
        assert_eq!(breakdown.rows.len(), ROWS_MAX);
        assert_eq!(breakdown.rows.last(), Some(&("11 others".to_owned(), (1..=11).sum())));
        assert_eq!(breakdown.rows.iter().map(|(_, count)| count).sum::<i64>(), (1..=30).sum::<i64>());
    }

    #[test]
    fn windows_add_up_to_steps() {
        let span = Span { from_ms: 0, to_ms: 4 * WINDOW_MS, step_ms: 2 * WINDOW_MS };
        let cut = Cut { span, rows: vec![row(0, "a", 1), row(WINDOW_MS, "a", 2), row(3 * WINDOW_MS, "a", 5)] };
        let chart = cut.counts("bids", "", "", |row| row.dimension.clone());
        let texts: Vec<_> = chart.series[0].cells.iter().map(|cell| cell.text.as_str()).collect();
        assert_eq!(texts, ["3", "5"]);
        assert_eq!(cut.count_of(&[]), 8);
    }
}
