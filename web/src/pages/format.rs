//! Amounts and times as pages show them. Each renders its own markup, which the live module in `js/format.js` repeats.

use std::fmt;

use askama::filters::HtmlSafe;
use gavel_domain::{Currency, Minor};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

const ISO: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const SPOKEN: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute] UTC");

/// An amount with its currency: `USD 1,250.00`, the code set small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Price {
    /// What it is in.
    pub(crate) currency: Currency,
    /// How much.
    pub(crate) amount: Minor,
}

impl Price {
    /// An amount of a record. Records hold only amounts that were parsed at the edge, so one out of range is shown as nothing.
    pub(crate) fn of_record(currency: Currency, amount_minor: i64) -> Self {
        Self { currency, amount: Minor::new(amount_minor).unwrap_or(Minor::ZERO) }
    }

    /// Without markup: `USD 1,250.00`.
    pub(crate) fn plain(self) -> String {
        format!("{} {}", self.currency.code(), self.figures())
    }

    /// As a person types it: `1250.00`.
    pub(crate) fn typed(self) -> String {
        self.currency.format_amount(self.amount)
    }

    fn figures(self) -> String {
        let typed = self.typed();
        let (whole, fraction) = typed.split_at(typed.find('.').unwrap_or(typed.len()));
        let mut grouped = String::with_capacity(typed.len() + typed.len() / 3);
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped + fraction
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, figures) = (self.currency.code(), self.figures());
        write!(f, r#"<span class="price"><span class="currency">{code}</span> {figures}</span>"#)
    }
}

impl HtmlSafe for Price {}

/// A point in time: UTC in the page, in the reader's own zone once the live module has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(
    /// Milliseconds since the epoch.
    pub(crate) i64,
);

impl Moment {
    /// Without markup: `24 Nov 2026, 02:14 UTC`.
    pub(crate) fn plain(self) -> String {
        self.written(SPOKEN)
    }

    fn written(self, format: &[BorrowedFormatItem<'_>]) -> String {
        // What lies outside the calendar (years beyond 9999) is shown as the epoch's number itself.
        OffsetDateTime::from_unix_timestamp(self.0.div_euclid(SECOND_MS))
            .ok()
            .and_then(|at| at.format(format).ok())
            .unwrap_or_else(|| self.0.to_string())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"<time datetime="{}">{}</time>"#, self.written(ISO), self.plain())
    }
}

impl HtmlSafe for Moment {}

/// A length of time in its two largest units: `2 d 4 h`, `14 min 5 s`.
pub(crate) fn duration(length_ms: i64) -> String {
    let length_ms = length_ms.max(0);
    let part = |of: i64, per: i64| length_ms % of / per;
    match length_ms {
        DAY_MS.. => format!("{} d {} h", length_ms / DAY_MS, part(DAY_MS, HOUR_MS)),
        HOUR_MS.. => format!("{} h {} min", length_ms / HOUR_MS, part(HOUR_MS, MINUTE_MS)),
        MINUTE_MS.. => format!("{} min {} s", length_ms / MINUTE_MS, part(MINUTE_MS, SECOND_MS)),
        _ => format!("{} s", length_ms / SECOND_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_by_thousands() {
        let plain = |currency, minor| Price::of_record(currency, minor).plain();
        assert_eq!(plain(Currency::Usd, 5), "USD 0.05");
        assert_eq!(plain(Currency::Usd, 99_999), "USD 999.99");
        assert_eq!(plain(Currency::Usd, 125_000), "USD 1,250.00");
        assert_eq!(plain(Currency::Jpy, 1_234_567), "JPY 1,234,567");
        assert_eq!(plain(Currency::Kwd, 1_250), "KWD 1.250");
    }

    #[test]
    fn a_time_says_its_zone() {
        assert_eq!(Moment(1_795_486_500_000).plain(), "24 Nov 2026, 02:15 UTC");
        assert!(Moment(0).to_string().contains(r#"datetime="1970-01-01T00:00:00Z""#));
        assert_eq!(Moment(i64::MAX).plain(), i64::MAX.to_string());
    }

    #[test]
    fn a_duration_has_two_units() {
        assert_eq!(duration(-5), "0 s");
        assert_eq!(duration(59_999), "59 s");
        assert_eq!(duration(65_000), "1 min 5 s");
        assert_eq!(duration(2 * HOUR_MS + 14 * MINUTE_MS), "2 h 14 min");
        assert_eq!(duration(3 * DAY_MS + 4 * HOUR_MS), "3 d 4 h");
    }
}
