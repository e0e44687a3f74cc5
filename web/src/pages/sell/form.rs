//! The form that lists a lot: amounts in major units, times in UTC, pictures among the fields.

use std::collections::HashMap;

use axum::extract::Multipart;
use bytes::Bytes;
use gavel_domain::{Closing, Currency, ImageId, Minor};
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::edge::category::Category;
use crate::edge::listing::Listing;
use crate::edge::picture;
use crate::error::WebError;
use crate::pages::error::PageError;
use crate::pages::form::{Control, Field, Form};
use crate::security::session::Caller;
use crate::state::AppState;

/// How long an auction may run, as offered: (seconds, words).
const DURATIONS: [(&str, &str); 10] = [
    ("60", "1 minute"),
    ("300", "5 minutes"),
    ("900", "15 minutes"),
    ("3600", "1 hour"),
    ("21600", "6 hours"),
    ("86400", "1 day"),
    ("259200", "3 days"),
    ("604800", "7 days"),
    ("1209600", "14 days"),
    (CUSTOM, "Until the end below"),
];
const CUSTOM: &str = "custom";
const DEFAULT_DURATION: &str = "604800";
/// The soft close that the form offers.
const SOFT: Closing = Closing::Soft { window_s: 120, extend_s: 120, cap_s: 1800 };
/// As browsers send a `datetime-local`; some add the seconds.
const MINUTES: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]");
const SECONDS: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");

/// What a browser sent.
pub(crate) struct Filled {
    texts: HashMap<String, String>,
    kept_images: Vec<ImageId>,
    uploads: Vec<Bytes>,
}

impl Filled {
    /// Reads the parts of the form.
    ///
    /// # Errors
    /// `Malformed`, `TooLarge`.
    pub(crate) async fn read(mut body: Multipart) -> Result<Self, PageError> {
        let refused = |error: axum::extract::multipart::MultipartError| match error.status() {
            axum::http::StatusCode::PAYLOAD_TOO_LARGE => WebError::TooLarge { limit_bytes: picture::PICTURE_BYTES_MAX },
            _ => WebError::Malformed("the form is not understood; load the page again and send it once more".into()),
        };
        let mut filled = Self { texts: HashMap::new(), kept_images: Vec::new(), uploads: Vec::new() };
        while let Some(part) = body.next_field().await.map_err(refused)? {
            let name = part.name().unwrap_or_default().to_owned();
            match name.as_str() {
                "images" => filled.uploads.push(part.bytes().await.map_err(refused)?),
                "kept_image" => filled.kept_images.extend(part.text().await.map_err(refused)?.parse::<ImageId>()),
                _ => {
                    filled.texts.insert(name, part.text().await.map_err(refused)?);
                }
            }
        }
        // A file input left empty is sent as an empty file.
        filled.uploads.retain(|upload| !upload.is_empty());
        Ok(filled)
    }
}

/// The form.
pub(crate) struct SellForm {
    pub(crate) title: Field,
    pub(crate) category: Field,
    pub(crate) description: Field,
    pub(crate) images: Field,
    pub(crate) kept_images: Vec<ImageId>,
    pub(crate) currency: Field,
    pub(crate) starting: Field,
    pub(crate) reserve: Field,
    pub(crate) starts_at: Field,
    pub(crate) duration: Field,
    pub(crate) ends_at: Field,
    pub(crate) closing: Field,
}

impl Form for SellForm {
    fn fields(&self) -> Vec<&Field> {
        let Self {
            title,
            category,
            description,
            images,
            currency,
            starting,
            reserve,
            starts_at,
            duration,
            ends_at,
            closing,
            ..
        } = self;
        vec![title, category, description, images, currency, starting, reserve, starts_at, duration, ends_at, closing]
    }

    fn fields_mut(&mut self) -> Vec<&mut Field> {
        let Self {
            title,
            category,
            description,
            images,
            currency,
            starting,
            reserve,
            starts_at,
            duration,
            ends_at,
            closing,
            ..
        } = self;
        vec![title, category, description, images, currency, starting, reserve, starts_at, duration, ends_at, closing]
    }
}

fn choices<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Control {
    Control::Choice(pairs.into_iter().map(|(value, text)| (value.to_owned(), text.to_owned())).collect())
}

fn categories(tree: &[Category]) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for category in tree {
        found.push((category.slug.as_str(), category.name.as_str()));
        found.extend(categories(&category.children));
    }
    found
}

impl SellForm {
    /// An empty form over this tree of categories.
    pub(crate) fn new(tree: &[Category]) -> Self {
        let currencies = Currency::ALL.iter().map(|currency| (currency.code(), currency.code()));
        let categories = std::iter::once(("", "Choose one")).chain(categories(tree));
        let closings = [
            ("hard", "At its end, exactly"),
            ("soft", "Softly: a bid in the last 2 minutes moves the end to 2 minutes after it, by 30 minutes at most"),
        ];
        let amount = || Control::Amount("Amount".to_owned());
        let time = || Control::Input("datetime-local");
        Self {
            title: Field::new("title", "Title", Control::Input("text"))
                .hint("What it is, in one line, as someone would search for it")
                .max_length(120),
            category: Field::new("category", "Category", choices(categories)),
            description: Field::new("description", "Description", Control::Lines)
                .hint("Condition, size, age, what is missing, and how it gets to the buyer")
                .max_length(10_000)
                .optional(),
            images: Field::new("images", "Pictures", Control::Pictures)
                .hint("Up to 12 PNG, JPEG or WebP files of 5 MB each. The first is shown in lists")
                .optional(),
            kept_images: Vec::new(),
            currency: Field::new("currency", "Currency", choices(currencies)).filled("USD"),
            starting: Field::new("starting", "Starting price", amount())
                .hint("In major units, such as 12.50. A low start draws more bidders"),
            reserve: Field::new("reserve", "Reserve", amount())
                .hint("The least for which you sell. It stays secret; the page tells only whether it is met")
                .optional(),
            starts_at: Field::new("starts_at", "Opens at, UTC", time()).hint("At once, if left empty").optional(),
            duration: Field::new("duration", "Runs for", choices(DURATIONS)).filled(DEFAULT_DURATION),
            ends_at: Field::new("ends_at", "Ends at, UTC", time())
                .hint("Only if it runs “until the end below”")
                .optional(),
            closing: Field::new("closing", "How it closes", choices(closings))
                .hint("A soft close gives everyone time to answer a late bid")
                .filled("hard"),
        }
    }

    /// Fills in what was sent.
    pub(crate) fn fill(&mut self, filled: &Filled) {
        for field in self.fields_mut() {
            if let Some(text) = filled.texts.get(field.name()) {
                text.clone_into(&mut field.value);
            }
        }
    }

    /// Takes the pictures in; what is no picture becomes a fault.
    ///
    /// # Errors
    /// `TooMany`, `DatabaseUnavailable`.
    pub(crate) async fn keep_pictures(
        &mut self,
        state: &AppState,
        caller: &Caller,
        filled: Filled,
    ) -> Result<(), PageError> {
        self.kept_images = filled.kept_images;
        for upload in filled.uploads {
            state.limits.upload(caller.id())?;
            match picture::take(state, caller.id(), upload).await {
                Ok(image_id) => self.kept_images.push(image_id),
                Err(WebError::Invalid(errors)) => self.take(&errors),
                Err(WebError::TooLarge { .. }) => self.images.fail("Choose pictures of at most 5 MB each"),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The listing as machines write it. What cannot be read becomes a fault of its field.
    pub(crate) fn listing(&mut self) -> Listing {
        let currency = self.currency.value.parse::<Currency>().ok();
        let is_custom = self.duration.value == CUSTOM;
        let text = |field: &Field| Some(field.value.clone());
        Listing {
            title: text(&self.title),
            description: text(&self.description),
            category: text(&self.category),
            currency: text(&self.currency),
            starting_minor: amount(&mut self.starting, currency),
            reserve_minor: amount(&mut self.reserve, currency),
            buy_now_minor: None,
            starts_at_ms: moment(&mut self.starts_at),
            ends_at_ms: if is_custom { moment(&mut self.ends_at) } else { None },
            duration_s: if is_custom { None } else { self.duration.value.parse().ok() },
            closing: Some(if self.closing.value == "soft" { SOFT } else { Closing::Hard }),
            images: self.kept_images.clone(),
        }
    }
}

fn amount(field: &mut Field, currency: Option<Currency>) -> Option<i64> {
    if field.value.trim().is_empty() {
        return None;
    }
    match currency?.parse_amount(&field.value) {
        Ok(amount) => Some(Minor::get(amount)),
        Err(error) => {
            field.fail(format!("{}: {error}", field.label()));
            None
        }
    }
}

fn moment(field: &mut Field) -> Option<i64> {
    let text = field.value.trim().to_owned();
    if text.is_empty() {
        return None;
    }
    let read = PrimitiveDateTime::parse(&text, MINUTES).or_else(|_| PrimitiveDateTime::parse(&text, SECONDS));
    match read {
        Ok(at) => Some(at.assume_utc().unix_timestamp().saturating_mul(1000)),
        Err(_) => {
            field.fail("Write the date and time as 2026-12-31T18:00");
            None
        }
    }
}
