//! A lot as lists show it: as a card among others, as a row of one's own.

use askama::Template;
use askama::filters::HtmlSafe;
use gavel_auctions::wire::Outcome;
use gavel_domain::{Currency, ImageId, ItemId};
use gavel_readmodel::ItemRow;

use super::format::{Moment, Price, duration};
use super::layout::Tone;

/// Below this, the end of an auction is urgent.
const URGENT_MS: i64 = 5 * 60_000;

/// Where an auction is, as a reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not begun.
    Scheduled,
    /// Taking bids.
    Open,
    /// Past its end by the clock; the log has not said the outcome yet.
    Closing,
    /// With an outcome.
    Ended(Outcome),
}

impl Phase {
    /// The phase of an item at a time.
    pub(crate) fn of(item: &ItemRow, now_ms: i64) -> Self {
        match item.outcome {
            Some(outcome) => Self::Ended(outcome),
            None if now_ms < item.starts_at_ms => Self::Scheduled,
            None if now_ms > item.ends_at_ms => Self::Closing,
            None => Self::Open,
        }
    }

    /// The word for programs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Ended(_) => "ended",
        }
    }

    /// The words for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Scheduled => "Not open yet",
            Self::Open => "Open for bids",
            Self::Closing => "Closing",
            Self::Ended(Outcome::Sold) => "Sold",
            Self::Ended(Outcome::Unsold) => "Ended without bids",
            Self::Ended(Outcome::ReserveNotMet) => "Reserve not met",
            Self::Ended(Outcome::Withdrawn) => "Withdrawn",
        }
    }

    /// How it sounds.
    pub(crate) fn tone(self) -> Tone {
        match self {
            Self::Open | Self::Ended(Outcome::Sold) => Tone::Good,
            Self::Closing => Tone::Warn,
            Self::Scheduled | Self::Ended(_) => Tone::Plain,
        }
    }

    /// The class of its tag.
    pub(crate) fn tag_class(self) -> &'static str {
        if self == Self::Scheduled { "tag-open" } else { self.tone().tag_class() }
    }

    /// What the price is called in it.
    pub(crate) fn price_label(self, bid_count: u64) -> &'static str {
        match (self, bid_count) {
            (Self::Ended(Outcome::Sold), _) => "Sold for",
            (_, 0) => "Starting price",
            (Self::Ended(_), _) => "Highest price reached",
            _ => "Current price",
        }
    }
}

/// The currency of an item. The edge lists none that the domain does not know.
pub(crate) fn currency_of(item: &ItemRow) -> Currency {
    item.currency.parse().unwrap_or(Currency::Usd)
}

/// The address of a picture.
pub(crate) fn picture_href(image: ImageId) -> String {
    format!("/images/{image}")
}

/// The address of a picture, small.
pub(crate) fn thumbnail_href(image: ImageId) -> String {
    format!("/images/{image}/thumbnail")
}

/// The first letter of a title, in place of a picture.
pub(crate) fn initial(title: &str) -> String {
    title
        .chars()
        .find(|letter| letter.is_alphanumeric())
        .map_or_else(|| "·".to_owned(), |letter| letter.to_uppercase().collect())
}

/// When an auction begins, ends, or ended; kept running by the live module.
#[derive(Debug, Clone, Copy, Template)]
#[template(
    ext = "html",
    source = r#"{% match phase %}{% when Phase::Scheduled %}Opens {{ Moment(*starts_at_ms) }}{% when Phase::Open %}<span{% if ends_at_ms - now_ms < URGENT_MS %} class="urgent"{% endif %} data-until="{{ ends_at_ms }}"><span data-left>{{ self.left() }}</span> left</span>{% when Phase::Closing %}Closing{% when Phase::Ended(_) %}{{ phase.words() }}{% endmatch %}"#
)]
pub(crate) struct When {
    phase: Phase,
    starts_at_ms: i64,
    ends_at_ms: i64,
    now_ms: i64,
}

impl HtmlSafe for When {}

impl When {
    fn left(&self) -> String {
        duration(self.ends_at_ms - self.now_ms)
    }

    /// Of an item at a time.
    pub(crate) fn of(item: &ItemRow, now_ms: i64) -> Self {
        let phase = Phase::of(item, now_ms);
        Self { phase, starts_at_ms: item.starts_at_ms, ends_at_ms: item.ends_at_ms, now_ms }
    }
}

/// A card.
#[derive(Debug, Template)]
#[template(path = "components/lot.html")]
pub(crate) struct Lot {
    item_id: ItemId,
    sequence: u64,
    currency: Currency,
    title: String,
    picture: Option<String>,
    initial: String,
    price_label: &'static str,
    price: Price,
    bid_count: u64,
    when: When,
}

impl HtmlSafe for Lot {}

impl Lot {
    /// The card of an item at a time.
    pub(crate) fn of(item: &ItemRow, now_ms: i64) -> Self {
        let currency = currency_of(item);
        Self {
            item_id: item.item_id,
            sequence: item.sequence,
            currency,
            title: item.title.clone(),
            picture: item.images.first().copied().map(thumbnail_href),
            initial: initial(&item.title),
            price_label: Phase::of(item, now_ms).price_label(item.bid_count),
            price: Price::of_record(currency, item.price_minor),
            bid_count: item.bid_count,
            when: When::of(item, now_ms),
        }
    }
}

/// A row of one's own list: the lot, and how one stands on it.
#[derive(Debug, Template)]
#[template(path = "components/row.html")]
pub(crate) struct Row {
    item_id: ItemId,
    href: String,
    title: String,
    picture: Option<String>,
    initial: String,
    price: Price,
    when: When,
    state: String,
    tone: Tone,
}

impl HtmlSafe for Row {}

impl Row {
    /// The row of an item at a time, leading to `href`, with how one stands on it.
    pub(crate) fn of(item: &ItemRow, now_ms: i64, href: String, (state, tone): (String, Tone)) -> Self {
        Self {
            item_id: item.item_id,
            href,
            title: item.title.clone(),
            picture: item.images.first().copied().map(thumbnail_href),
            initial: initial(&item.title),
            price: Price::of_record(currency_of(item), item.price_minor),
            when: When::of(item, now_ms),
            state,
            tone,
        }
    }
}
