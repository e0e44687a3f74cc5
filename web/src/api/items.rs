//! `POST /api/v1/items`, `GET /api/v1/items`, `GET /api/v1/items/{item_id}`.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::{Extension, Json};
use gavel_domain::ItemId;
use gavel_readmodel::{ItemQuery, ItemSort, PAGE_MAX, StatusFilter};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::body::{Body, Id, Limit, Params};
use super::present::{Item, current_item};
use crate::edge::category;
use crate::edge::listing::Listing;
use crate::edge::trace::Trace;
use crate::error::WebError;
use crate::security::client_address::ClientAddress;
use crate::security::session::Caller;
use crate::state::AppState;

const LIMIT_DEFAULT: u32 = 50;

/// An item that was listed.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ItemCreated {
    #[schema(value_type = String, format = "uuid")]
    item_id: ItemId,
}

/// Lists an item. It is readable once this answers.
#[utoipa::path(post, path = "/api/v1/items", operation_id = "list_item", tag = "items",
    security(("bearer" = [])), request_body = Listing, responses(
    (status = 201, description = "Listed", body = ItemCreated, headers(("location" = String, description = "Where it is"))),
    (status = 429, description = "Too many listings"),
    (status = 503, description = "Not confirmed: look whether it is listed, and try again")))]
pub(super) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    ClientAddress(address): ClientAddress,
    Extension(trace): Extension<Trace>,
    Body(listing): Body<Listing>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<ItemCreated>), WebError> {
    state.limits.listing(caller.id())?;
    let item_id = listing.submit(&state, &caller, address, &trace).await?;
    let location = [(header::LOCATION, format!("/api/v1/items/{item_id}"))];
    Ok((StatusCode::CREATED, location, Json(ItemCreated { item_id })))
}

/// What to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Browse {
    /// Words to find in title and description.
    q: Option<String>,
    /// The slug of a category; its parts are included.
    category: Option<String>,
    /// `scheduled`, `open`, `ended` or `any`; any if absent.
    #[param(schema_with = status_names)]
    status: Option<String>,
    /// `ending_soon`, `newest`, `price_low`, `price_high` or `most_bids`.
    #[param(schema_with = sort_names)]
    sort: Option<String>,
    /// From the page before.
    cursor: Option<String>,
    /// How many, up to 100.
    #[param(value_type = Option<i32>, minimum = 0)]
    limit: Option<Limit>,
}

fn status_names() -> Object {
    names(StatusFilter::ALL.map(StatusFilter::name))
}

fn sort_names() -> Object {
    names(ItemSort::ALL.map(ItemSort::name))
}

/// One of these words.
fn names<const N: usize>(names: [&'static str; N]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build()
}

/// A page of items.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ItemPage {
    items: Vec<Item>,
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Browses.
#[utoipa::path(get, path = "/api/v1/items", operation_id = "browse_items", tag = "items", params(Browse), responses(
    (status = 200, description = "A page", body = ItemPage)))]
pub(super) async fn list(
    State(state): State<AppState>,
    Params(browse): Params<Browse>,
) -> Result<Json<ItemPage>, WebError> {
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let now_ms = state.now_ms();
    let query = ItemQuery {
        text: given(browse.q),
        categories: given(browse.category)
            .map_or_else(Vec::new, |slug| category::with_parts(&state.config.categories, &slug)),
        status: parse("status", browse.status.as_deref(), StatusFilter::parse)?,
        sort: parse("sort", browse.sort.as_deref(), ItemSort::parse)?,
        cursor: given(browse.cursor),
        limit: browse.limit.map_or(LIMIT_DEFAULT, |limit| limit.within(1, PAGE_MAX)),
        now_ms,
    };
    let page = state.database.items(&query).await?;
    let current = page.rows.into_iter().map(|mut row| {
        if let Some(standing) = state.hub.recent(row.item_id) {
            standing.lay_over(&mut row);
        }
        Item::of(row, now_ms, &state.aliases)
    });
    Ok(Json(ItemPage { items: current.collect(), next_cursor: page.next_cursor }))
}

fn parse<T: Default>(name: &str, text: Option<&str>, read: impl Fn(&str) -> Option<T>) -> Result<T, WebError> {
    match text {
        None => Ok(T::default()),
        Some(text) => read(text).ok_or_else(|| WebError::Malformed(format!("{name} does not take that value"))),
    }
}

/// An item's public state; with a session, also how its caller stands with it.
#[utoipa::path(get, path = "/api/v1/items/{item_id}", operation_id = "show_item", tag = "items",
    security((), ("bearer" = [])),
    params(("item_id" = String, Path, format = "uuid")), responses(
    (status = 200, description = "The item", body = Item),
    (status = 404, description = "No such item")))]
pub(super) async fn show(
    State(state): State<AppState>,
    caller: Option<Caller>,
    Id(item_id): Id<ItemId>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<Item>), WebError> {
    let row = current_item(&state, item_id).await?;
    let item = match caller {
        Some(caller) => Item::seen_by(&state, &caller, row).await?,
        None => Item::of(row, state.now_ms(), &state.aliases),
    };
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"))], Json(item)))
}
