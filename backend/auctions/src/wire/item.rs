//! `auctions.items`: what is listed.

use gavel_domain::{
    AccountId, AmountOutOfRange, Closing, EpochMs, ImageId, ItemId, Ladder, Minor, SecretMinor, Terms, TermsFault,
    TimeOutOfRange, UnknownCurrency, UnknownLadder,
};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

/// The longest title, in characters.
pub const TITLE_CHARACTERS_MAX: usize = 120;
/// The longest description, in characters.
pub const DESCRIPTION_CHARACTERS_MAX: usize = 10_000;

/// `item_listed`: an item comes in. From the edge.
///
/// Reading is lenient: what no auction hangs on may be missing or `null`, and gets the default.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemListed {
    /// Always `item_listed`.
    #[serde(rename = "type")]
    pub kind: ItemListedTag,
    /// Schema version.
    #[serde(default = "first_version", deserialize_with = "or_first_version")]
    pub v: u16,
    /// The item.
    pub item_id: ItemId,
    /// Who sells it.
    pub seller_id: AccountId,
    /// One line.
    #[serde(default, deserialize_with = "or_default")]
    pub title: String,
    /// What it is, in plain text.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
    /// Slug of its category.
    #[serde(default, deserialize_with = "or_default")]
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
    #[serde(default = "standard", deserialize_with = "or_standard")]
    pub ladder: String,
    /// Bids before it are refused.
    pub starts_at_ms: i64,
    /// The listed end; a soft close may move the effective one.
    pub ends_at_ms: i64,
    /// How it closes.
    #[serde(default = "hard", deserialize_with = "or_hard")]
    pub closing: Closing,
    /// ISO 3166 country of the lister's address, if known.
    #[serde(default)]
    pub country: Option<String>,
    /// Geohash of four characters, if known.
    #[serde(default)]
    pub grid: Option<String>,
    /// Its pictures; what is no id is none.
    #[serde(default, deserialize_with = "ids_alone")]
    pub images: Vec<ImageId>,
}

impl ItemListed {
    /// The terms of its auction, by the rules that hold for every listing, wherever it comes from.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn terms(&self) -> Result<Terms, ItemError> {
        let minor = |amount| Minor::new(amount).map_err(ItemError::from);
        if self.title.trim().is_empty() {
            return Err(ItemError::NoTitle);
        }
        if self.title.chars().count() > TITLE_CHARACTERS_MAX {
            return Err(ItemError::TitleTooLong);
        }
        if self.description.chars().count() > DESCRIPTION_CHARACTERS_MAX {
            return Err(ItemError::DescriptionTooLong);
        }
        let terms = Terms {
            seller: self.seller_id,
            currency: self.currency.parse()?,
            ladder: self.ladder.parse()?,
            starting: minor(self.starting_minor)?,
            reserve: self.reserve_minor.map(minor).transpose()?.map(SecretMinor::new),
            buy_now: self.buy_now_minor.map(minor).transpose()?,
            starts_at: EpochMs::given(self.starts_at_ms)?,
            ends_at: EpochMs::given(self.ends_at_ms)?,
            closing: self.closing,
        };
        match terms.faults().first() {
            None => Ok(terms),
            Some(&fault) => Err(fault.into()),
        }
    }
}

impl std::fmt::Debug for ItemListed {
    /// Without the reserve, which must never reach a log line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ItemListed")
            .field("item_id", &self.item_id)
            .field("seller_id", &self.seller_id)
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

fn first_version() -> u16 {
    1
}

fn or_first_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    or(deserializer, first_version)
}

fn standard() -> String {
    Ladder::Standard.name().into()
}

fn or_standard<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    or(deserializer, standard)
}

fn hard() -> Closing {
    Closing::Hard
}

fn or_hard<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Closing, D::Error> {
    or(deserializer, hard)
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    or(deserializer, T::default)
}

/// What is there, or the default in place of `null`.
fn or<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D, default: fn() -> T) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(default))
}

/// The elements of a list that are ids.
fn ids_alone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ImageId>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Element {
        Id(ImageId),
        Other(IgnoredAny),
    }
    let elements: Vec<Element> = or_default(deserializer)?;
    let ids = elements.into_iter().filter_map(|element| match element {
        Element::Id(id) => Some(id),
        Element::Other(_) => None,
    });
    Ok(ids.collect())
}

/// Why an item's terms cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// It has no title.
    #[error("it has no title")]
    NoTitle,
    /// Its title is longer than [`TITLE_CHARACTERS_MAX`].
    #[error("its title is longer than {TITLE_CHARACTERS_MAX} characters")]
    TitleTooLong,
    /// Its description is longer than [`DESCRIPTION_CHARACTERS_MAX`].
    #[error("its description is longer than {DESCRIPTION_CHARACTERS_MAX} characters")]
    DescriptionTooLong,
    /// Its terms.
    #[error(transparent)]
    Terms(#[from] TermsFault),
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "0195e7a0-0000-7000-8000-000000000001";

    fn read(listing: Value) -> ItemListed {
        serde_json::from_value(listing).expect("it is a listing")
    }

    /// What cannot be missing.
    fn bare() -> Value {
        json!({
            "type": "item_listed", "item_id": ID, "seller_id": ID, "currency": "USD", "starting_minor": 100,
            "starts_at_ms": 1, "ends_at_ms": 2
        })
    }

    fn with(fields: &Value) -> Value {
        let mut listing = bare();
        for (name, value) in fields.as_object().expect("fields are an object") {
            listing[name] = value.clone();
        }
        listing
    }

    #[test]
    fn what_no_auction_hangs_on_may_be_missing_or_null() {
        let full = json!({
            "v": 1, "title": "", "description": "", "category": "", "reserve_minor": null, "buy_now_minor": null,
            "ladder": "standard", "closing": {"kind": "hard"}, "country": null, "grid": null, "images": []
        });
        let expected = read(with(&full));
        assert_eq!(read(bare()), expected);
        let null: serde_json::Map<_, _> =
            full.as_object().expect("it is one").keys().map(|name| (name.clone(), Value::Null)).collect();
        assert_eq!(read(with(&null.into())), expected);
        assert_eq!(expected.closing, Closing::Hard);
    }

    #[test]
    fn unknown_fields_and_what_is_no_picture_are_passed_over() {
        let soft = json!({"kind": "soft", "window_s": 1, "extend_s": 2, "cap_s": 3, "new": [1]});
        let images = json!(["x", ID, null, 7, {"id": ID}, [ID]]);
        let listed = read(with(&json!({"v": 9, "new": {"a": [1]}, "images": images, "closing": soft})));
        assert_eq!(listed.images.iter().map(ToString::to_string).collect::<Vec<_>>(), [ID]);
        assert_eq!(listed.closing, Closing::Soft { window_s: 1, extend_s: 2, cap_s: 3 });
        assert_eq!(listed.v, 9);
    }

    #[test]
    fn what_an_auction_hangs_on_may_not() {
        for name in bare().as_object().expect("it is one").keys() {
            let listing = with(&json!({name: null}));
            assert!(serde_json::from_value::<ItemListed>(listing).is_err(), "{name}");
        }
        for fields in [json!({"closing": {"kind": "never"}}), json!({"ladder": 5}), json!({"reserve_minor": "5"})] {
            assert!(serde_json::from_value::<ItemListed>(with(&fields)).is_err(), "{fields}");
        }
    }

    #[test]
    fn the_rules_of_the_edge_hold_for_listings_from_elsewhere() {
        const NOW_MS: i64 = 1_800_000_000_000;
        let sound = || json!({"title": "Vase", "starts_at_ms": NOW_MS, "ends_at_ms": NOW_MS + 60_000});
        let judged = |fields: Value| {
            let mut listing = sound();
            for (name, value) in fields.as_object().expect("fields are an object") {
                listing[name] = value.clone();
            }
            read(with(&listing)).terms().map(|_| ())
        };
        assert_eq!(judged(json!({})), Ok(()));
        assert_eq!(judged(json!({"ends_at_ms": NOW_MS + 1, "title": "é".repeat(120)})), Ok(()));
        let table = [
            (json!({"title": null}), ItemError::NoTitle),
            (json!({"title": " \u{a0}"}), ItemError::NoTitle),
            (json!({"title": "x".repeat(121)}), ItemError::TitleTooLong),
            (json!({"title": "x".repeat(500_000)}), ItemError::TitleTooLong),
            (json!({"description": "x".repeat(10_001)}), ItemError::DescriptionTooLong),
            (json!({"ends_at_ms": NOW_MS}), TermsFault::EndsBeforeStart.into()),
            (json!({"ends_at_ms": NOW_MS - 1}), TermsFault::EndsBeforeStart.into()),
            (json!({"starting_minor": 0}), TermsFault::StartingZero.into()),
            (json!({"reserve_minor": 99}), TermsFault::ReserveBelowStarting.into()),
            (json!({"buy_now_minor": 99}), TermsFault::BuyNowTooLow.into()),
            (
                json!({"closing": {"kind": "soft", "window_s": 0, "extend_s": 1, "cap_s": 1}}),
                TermsFault::SoftCloseWithoutEffect.into(),
            ),
        ];
        for (fields, rule) in table {
            let shown: String = fields.to_string().chars().take(80).collect();
            assert_eq!(judged(fields), Err(rule), "{shown}");
        }
    }

    #[test]
    fn a_reserve_does_not_print() {
        let listed = read(with(&json!({"reserve_minor": 4_711, "title": "Vase"})));
        let printed = format!("{listed:?}");
        assert!(printed.contains("Vase") && !printed.contains("4711"), "{printed}");
    }
}
