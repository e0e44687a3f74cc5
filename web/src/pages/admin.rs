//! `/admin`: the desk. Only admins see it. [`figures`] gathers what [`get`] shows as tables and [`data`] as JSON for the
//! charts: the same numbers.

use askama::Template;
use axum::Json;
use axum::extract::Query;
use axum::response::IntoResponse;
use serde::Deserialize;

pub(crate) mod figures;
pub(crate) mod flow;
mod span;

use super::answer::{Answer, page};
use super::format::{Moment, duration};
use super::layout::Layout;
use super::visit::Visit;
use figures::{Breakdown, Chart, Figures, Total};
use span::Span;

/// The pages of the desk, as their menu shows them: (address, text).
pub(crate) const PAGES: [(&str, &str); 2] = [("/admin", "The market"), ("/admin/flow", "The flow")];

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// What may be looked back on: (name, words, length).
const RANGES: [(&str, &str, i64); 5] = [
    ("15m", "15 minutes", 15 * MINUTE_MS),
    ("1h", "1 hour", HOUR_MS),
    ("6h", "6 hours", 6 * HOUR_MS),
    ("1d", "1 day", 24 * HOUR_MS),
    ("7d", "7 days", 7 * 24 * HOUR_MS),
];
const DEFAULT_RANGE: (&str, i64) = ("1h", HOUR_MS);

/// Which time is looked at: a range back from now, or from one point to another.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    range: String,
    from: Option<i64>,
    to: Option<i64>,
}

impl Asked {
    fn range(&self) -> (&'static str, i64) {
        let named = RANGES.iter().find(|(name, ..)| *name == self.range);
        named.map_or(DEFAULT_RANGE, |(name, _, length_ms)| (name, *length_ms))
    }

    fn span(&self, now_ms: i64) -> Span {
        match (self.from, self.to) {
            (Some(from_ms), Some(to_ms)) if from_ms < to_ms => Span::new(from_ms, to_ms),
            // Up to the end of the present minute.
            _ => Span::new(now_ms - self.range().1, now_ms - now_ms.rem_euclid(MINUTE_MS) + MINUTE_MS),
        }
    }
}

struct Choice {
    href: String,
    text: &'static str,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "admin.html")]
struct Desk {
    layout: Layout,
    ranges: Vec<Choice>,
    from: Moment,
    to: Moment,
    step: String,
    totals: Vec<Total>,
    charts: Vec<Chart>,
    breakdowns: Vec<Breakdown>,
}

/// `GET /admin`.
pub(crate) async fn get(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    visit.admin()?;
    let span = asked.span(visit.layout.now_ms);
    let Figures { totals, charts, breakdowns, .. } = Figures::gather(&visit.state.database, span).await?;
    let (present, _) = asked.range();
    let choice = |(name, text, _): (&'static str, &'static str, i64)| Choice {
        href: format!("/admin?range={name}"),
        text,
        is_current: name == present && asked.from.is_none(),
    };
    page(&Desk {
        ranges: RANGES.map(choice).into(),
        from: Moment(span.from_ms),
        to: Moment(span.to_ms),
        step: duration(span.step_ms),
        totals,
        charts,
        breakdowns,
        layout: visit.layout,
    })
}

/// `GET /admin/data`: what the charts draw.
pub(crate) async fn data(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    visit.admin()?;
    let span = asked.span(visit.layout.now_ms);
    Ok(Json(Figures::gather(&visit.state.database, span).await?).into_response())
}
