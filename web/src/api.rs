//! `/api/v1`: JSON for programs, problem+json for what is refused, described at `/api/v1/openapi.json`.

mod accounts;
mod bids;
mod body;
mod images;
mod items;
mod openapi;
mod present;
mod sessions;
mod verdict;
mod watches;
mod withdrawals;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};

use crate::edge::picture::PICTURE_BYTES_MAX;
use crate::error::WebError;
use crate::state::AppState;

pub(crate) use body::Params;
pub use present::current_item;

/// The largest JSON body.
const JSON_BYTES_MAX: usize = 128 * 1024;

/// The routes.
pub fn router() -> Router<AppState> {
    let api = Router::new()
        .route("/accounts", post(accounts::create))
        .route("/sessions", post(sessions::create).delete(sessions::delete))
        .route("/items", get(items::list).post(items::create))
        .route("/items/{item_id}", get(items::show))
        .route("/items/{item_id}/bids", get(bids::list).post(bids::place))
        .route("/items/{item_id}/withdrawal", post(withdrawals::create))
        .route("/items/{item_id}/watch", put(watches::put).delete(watches::delete))
        .route("/bids/{bid_id}", get(bids::receipt))
        .route("/openapi.json", get(openapi::show))
        .layer(DefaultBodyLimit::max(JSON_BYTES_MAX))
        .merge(
            Router::new()
                .route("/images", post(images::create))
                .layer(DefaultBodyLimit::max(PICTURE_BYTES_MAX + JSON_BYTES_MAX)),
        )
        .method_not_allowed_fallback(async || WebError::MethodNotAllowed)
        .fallback(async || WebError::NotFound("there is no such address; /api/v1/openapi.json lists them"));
    Router::new()
        .nest("/api/v1", api)
        .route("/images/{image_id}", get(images::show))
        .route("/images/{image_id}/thumbnail", get(images::thumbnail))
}
