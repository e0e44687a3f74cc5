//! A new listing: parsed, checked field by field, filtered, enriched, produced.

use std::net::IpAddr;
use std::time::Duration;

use gavel_auctions::wire::item::{DESCRIPTION_CHARACTERS_MAX, ItemListedTag, TITLE_CHARACTERS_MAX};
use gavel_auctions::wire::{ItemListed, SCHEMA_VERSION, topics};
use gavel_domain::{Closing, Currency, EpochMs, ImageId, ItemId, Ladder, Minor, SecretMinor, Terms, TermsFault};
use gavel_log::{NewRecord, TopicPartition};
use newtype_uuid::GenericUuid;
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use uuid::Uuid;

use super::times::Times;
use super::trace::Trace;
use super::{category, text};
use crate::error::{FieldErrors, WebError};
use crate::security::session::Caller;
use crate::state::AppState;

const IMAGES_MAX: usize = 12;
/// A soft close may move the end by a day at most.
const SOFT_CLOSE_S_MAX: u32 = 24 * 60 * 60;
/// How long a listing waits to be readable.
const READABLE_WITHIN: Duration = Duration::from_secs(10);
/// After which pause a database that failed is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// What a seller sends. Everything is optional here, so that each missing field is told by its name.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
pub struct Listing {
    /// One line, up to 120 characters.
    #[schema(value_type = String, required, min_length = 1, max_length = 120, pattern = r"\S")]
    pub title: Option<String>,
    /// Plain text, up to 10,000 characters.
    #[schema(max_length = 10_000)]
    pub description: Option<String>,
    /// The slug of a category.
    #[schema(value_type = String, required, example = "cameras")]
    pub category: Option<String>,
    /// ISO 4217 code.
    #[schema(schema_with = currency_codes, required)]
    pub currency: Option<String>,
    /// Where bidding starts, in minor units.
    #[serde(default, deserialize_with = "crate::edge::whole::optional")]
    #[schema(value_type = i64, required, example = 100, minimum = 1, maximum = 9_007_199_254_740_991i64)]
    pub starting_minor: Option<i64>,
    /// The least for which you sell. Nobody else ever sees it.
    #[serde(default, deserialize_with = "crate::edge::whole::optional")]
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991i64)]
    pub reserve_minor: Option<i64>,
    /// For how much it can be had at once.
    #[serde(default, deserialize_with = "crate::edge::whole::optional")]
    pub buy_now_minor: Option<i64>,
    /// When bidding opens; at once if absent.
    #[serde(default, deserialize_with = "crate::edge::whole::optional")]
    pub starts_at_ms: Option<i64>,
    /// When it ends. This or `duration_s`.
    #[serde(default, deserialize_with = "crate::edge::whole::optional")]
    pub ends_at_ms: Option<i64>,
    /// How long it runs. This or `ends_at_ms`.
    #[serde(default)]
    #[schema(example = 60)]
    pub duration_s: Option<u32>,
    /// How it closes; hard if absent.
    #[serde(default)]
    #[schema(schema_with = closing_kinds)]
    pub closing: Option<Closing>,
    /// Pictures uploaded before.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 12)]
    pub images: Vec<ImageId>,
}

/// The currencies of the house, as the description of the interface tells them.
fn currency_codes() -> Schema {
    let codes = Currency::ALL.iter().map(|currency| currency.code());
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes)).into()
}

/// How a listing may close, as the description of the interface tells it.
fn closing_kinds() -> Schema {
    let kind = |name: &str| ObjectBuilder::new().schema_type(Type::String).enum_values(Some([name]));
    let seconds = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(SOFT_CLOSE_S_MAX));
    let hard = ObjectBuilder::new().property("kind", kind("hard")).required("kind");
    let members = ["window_s", "extend_s", "cap_s"];
    let soft = ObjectBuilder::new().property("kind", kind("soft")).required("kind");
    let soft = members.into_iter().fold(soft, |soft, member| soft.property(member, seconds()).required(member));
    let absent = ObjectBuilder::new().schema_type(Type::Null);
    OneOfBuilder::new().item(hard).item(soft).item(absent).build().into()
}

/// A listing in which nothing is wrong.
struct Checked {
    title: String,
    description: String,
    category: String,
    terms: Terms,
}

impl Listing {
    /// Lists the item and answers its id once it is readable.
    ///
    /// # Errors
    /// `Invalid` by field; `LogUnavailable` when the log did not confirm it; `DatabaseUnavailable`.
    pub async fn submit(
        self,
        state: &AppState,
        caller: &Caller,
        address: IpAddr,
        trace: &Trace,
    ) -> Result<ItemId, WebError> {
        let checked = self.check(state, caller)?;
        self.check_images(state, caller).await?;
        let item_id = ItemId::from_untyped_uuid(Uuid::now_v7());
        let place = state.geo.place(address);
        let Terms { seller, currency, ladder, starting, reserve, buy_now, starts_at, ends_at, closing } = checked.terms;
        let record = ItemListed {
            kind: ItemListedTag::ItemListed,
            v: SCHEMA_VERSION,
            item_id,
            seller_id: seller,
            title: checked.title,
            description: checked.description,
            category: checked.category,
            currency: currency.code().to_owned(),
            starting_minor: starting.get(),
            reserve_minor: reserve.map(|reserve| reserve.reveal().get()),
            buy_now_minor: buy_now.map(Minor::get),
            ladder: ladder.name().to_owned(),
            starts_at_ms: starts_at.get(),
            ends_at_ms: ends_at.get(),
            closing,
            country: place.country,
            grid: place.grid,
            images: self.images,
        };
        let value = serde_json::to_vec(&record).map_err(|error| WebError::Internal(error.to_string()))?;
        let appended = super::submit::append(
            state,
            NewRecord {
                topic: topics::ITEMS.into(),
                partition: None,
                key: Some(item_id.to_string().into()),
                value: Some(value.into()),
                headers: trace.headers(),
            },
        )
        .await?;
        let partition = TopicPartition::new(topics::ITEMS, appended.partition);
        let deadline = Instant::now() + READABLE_WITHIN;
        if !is_projected(state, &partition, appended.offset, deadline).await {
            tracing::warn!(%item_id, "a listing is in the log, but not yet readable");
        }
        Ok(item_id)
    }

    /// What is wrong with it, without listing it: for a form that has faults of its own.
    #[must_use]
    pub fn faults(&self, state: &AppState, caller: &Caller) -> FieldErrors {
        match self.check(state, caller) {
            Err(WebError::Invalid(errors)) => errors,
            _ => FieldErrors::default(),
        }
    }

    fn check(&self, state: &AppState, caller: &Caller) -> Result<Checked, WebError> {
        let mut errors = FieldErrors::default();
        let title = self.check_title(state, &mut errors);
        let description = self.check_description(state, &mut errors);
        let category = self.check_category(state, &mut errors);
        let terms = self.check_terms(state, caller, &mut errors);
        if self.images.len() > IMAGES_MAX {
            errors.add("images", "too_many", format!("Choose at most {IMAGES_MAX} pictures"));
        }
        errors.into_result()?;
        let terms = terms.ok_or_else(|| WebError::Internal("terms are missing without a fault".into()))?;
        Ok(Checked { title, description, category, terms })
    }

    fn check_title(&self, state: &AppState, errors: &mut FieldErrors) -> String {
        let title = text::clean(self.title.as_deref().unwrap_or_default());
        if !text::is_visible(&title) {
            errors.add("title", "required", "Enter a title");
        } else if title.chars().count() > TITLE_CHARACTERS_MAX {
            errors.add("title", "too_long", format!("Shorten the title to {TITLE_CHARACTERS_MAX} characters"));
        } else if title.chars().any(char::is_control) {
            errors.add("title", "malformed", "Write the title on one line");
        }
        check_words(state, "title", &title, errors);
        title
    }

    fn check_description(&self, state: &AppState, errors: &mut FieldErrors) -> String {
        let description = text::clean(self.description.as_deref().unwrap_or_default());
        if description.chars().count() > DESCRIPTION_CHARACTERS_MAX {
            let text = format!("Shorten the description to {DESCRIPTION_CHARACTERS_MAX} characters");
            errors.add("description", "too_long", text);
        }
        check_words(state, "description", &description, errors);
        description
    }

    fn check_category(&self, state: &AppState, errors: &mut FieldErrors) -> String {
        let slug = self.category.as_deref().unwrap_or_default();
        if slug.is_empty() {
            errors.add("category", "required", "Choose a category");
        } else if category::find(&state.config.categories, slug).is_none() {
            errors.add("category", "unknown", "Choose a category from the list");
        }
        slug.to_owned()
    }

    fn check_terms(&self, state: &AppState, caller: &Caller, errors: &mut FieldErrors) -> Option<Terms> {
        let currency = match self.currency.as_deref() {
            None | Some("") => {
                errors.add("currency", "required", "Choose a currency");
                None
            }
            Some(code) => {
                code.parse::<Currency>().map_err(|error| errors.add("currency", "unknown", format!("{error}"))).ok()
            }
        };
        let starting = match self.starting_minor {
            Some(minor) => amount("starting_minor", minor, errors),
            None => {
                errors.add("starting_minor", "required", "Enter the starting price");
                None
            }
        };
        let reserve = self.reserve_minor.map(|minor| amount("reserve_minor", minor, errors));
        let buy_now = self.buy_now_minor.map(|minor| amount("buy_now_minor", minor, errors));
        if self.buy_now_minor.is_some() {
            errors.add("buy_now_minor", "not_offered", "Buy now is not offered yet: list without it");
        }
        let (starts_at, ends_at) = self.check_times(state, errors)?;
        let terms = Terms {
            seller: caller.id(),
            currency: currency?,
            ladder: Ladder::Standard,
            starting: starting?,
            reserve: reserve.flatten().map(SecretMinor::new),
            buy_now: buy_now.flatten(),
            starts_at,
            ends_at,
            closing: self.closing.unwrap_or(Closing::Hard),
        };
        for fault in terms.faults() {
            let field = match fault {
                TermsFault::EndsBeforeStart => "ends_at_ms",
                TermsFault::StartingZero => "starting_minor",
                TermsFault::ReserveBelowStarting => "reserve_minor",
                TermsFault::BuyNowTooLow => "buy_now_minor",
                TermsFault::SoftCloseWithoutEffect => "closing",
            };
            errors.add(field, "out_of_range", capitalised(&fault.to_string()));
        }
        if let Closing::Soft { window_s, extend_s, cap_s } = terms.closing
            && [window_s, extend_s, cap_s].into_iter().any(|seconds| seconds > SOFT_CLOSE_S_MAX)
        {
            errors.add("closing", "out_of_range", "A soft close may take a day at most");
        }
        Some(terms)
    }

    fn check_times(&self, state: &AppState, errors: &mut FieldErrors) -> Option<(EpochMs, EpochMs)> {
        let asked = Times { starts_at_ms: self.starts_at_ms, ends_at_ms: self.ends_at_ms, duration_s: self.duration_s };
        let bounds_s = (state.config.min_duration_s, state.config.max_duration_s);
        let (starts_at_ms, ends_at_ms) = asked.check(state.now_ms(), bounds_s, errors)?;
        Some((EpochMs::new(starts_at_ms), EpochMs::new(ends_at_ms)))
    }

    async fn check_images(&self, state: &AppState, caller: &Caller) -> Result<(), WebError> {
        for image_id in &self.images {
            let image = state.database.thumbnail(*image_id).await?;
            if image.is_none_or(|image| image.owner_id != caller.id()) {
                let errors =
                    FieldErrors::one("images", "unknown", "Upload the pictures again: one of them is not yours");
                return Err(WebError::Invalid(errors));
            }
        }
        Ok(())
    }
}

/// Whether the read model has a record by the deadline. A database that fails is asked again: what was listed is listed.
async fn is_projected(state: &AppState, partition: &TopicPartition, offset: u64, deadline: Instant) -> bool {
    while Instant::now() < deadline {
        match state.database.wait_until_projected(partition, offset, deadline).await {
            Ok(is_projected) => return is_projected,
            Err(error) => {
                tracing::debug!(%error, "the read model did not say whether it has a listing");
                tokio::time::sleep(ASK_AGAIN).await;
            }
        }
    }
    false
}

fn amount(field: &'static str, minor: i64, errors: &mut FieldErrors) -> Option<Minor> {
    Minor::new(minor).map_err(|error| errors.add(field, "out_of_range", capitalised(&error.to_string()))).ok()
}

fn check_words(state: &AppState, field: &'static str, text: &str, errors: &mut FieldErrors) {
    if let Some(word) = state.words.find(text) {
        errors.add(field, "prohibited", format!("The house does not list what “{word}” stands for"));
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
