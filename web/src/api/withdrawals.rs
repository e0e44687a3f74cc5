//! `POST /api/v1/items/{item_id}/withdrawal`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use gavel_domain::ItemId;
use serde_json::json;

use super::body::Id;
use super::present::Verdict;
use crate::edge::trace::Trace;
use crate::edge::withdrawal::withdraw;
use crate::error::WebError;
use crate::security::session::Caller;
use crate::state::AppState;

/// Takes an item back: it ends without a sale.
#[utoipa::path(post, path = "/api/v1/items/{item_id}/withdrawal", tag = "items", security(("bearer" = [])),
    params(("item_id" = String, Path, format = "uuid")), responses(
    (status = 200, description = "Withdrawn"),
    (status = 202, description = "Not decided yet"),
    (status = 401, description = "Not signed in", content_type = "application/problem+json"),
    (status = 403, description = "Not the seller", content_type = "application/problem+json"),
    (status = 404, description = "No such item", content_type = "application/problem+json"),
    (status = 409, description = "It has ended already", content_type = "application/problem+json")))]
pub(super) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Extension(trace): Extension<Trace>,
    Id(item_id): Id<ItemId>,
) -> Result<Response, WebError> {
    Ok(match withdraw(&state, &caller, item_id, &trace).await? {
        Some(receipt) => Json(Verdict::of(&receipt.record).into_result()?).into_response(),
        None => (StatusCode::ACCEPTED, Json(json!({"item_id": item_id, "status": "pending"}))).into_response(),
    })
}
