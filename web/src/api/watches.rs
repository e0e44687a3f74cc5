//! `PUT /api/v1/items/{item_id}/watch`, `DELETE /api/v1/items/{item_id}/watch`.

use axum::extract::State;
use axum::http::StatusCode;
use gavel_domain::ItemId;

use super::body::Id;
use crate::error::WebError;
use crate::security::session::Caller;
use crate::state::AppState;

/// Watches an item.
#[utoipa::path(put, path = "/api/v1/items/{item_id}/watch", operation_id = "watch_item", tag = "items",
    security(("bearer" = [])),
    params(("item_id" = String, Path, format = "uuid")), responses(
    (status = 204, description = "Watched"),
    (status = 404, description = "No such item")))]
pub(super) async fn put(
    State(state): State<AppState>,
    caller: Caller,
    Id(item_id): Id<ItemId>,
) -> Result<StatusCode, WebError> {
    if state.database.item(item_id).await?.is_none() {
        return Err(WebError::NotFound("there is no such item"));
    }
    state.database.watch(caller.id(), item_id, state.now_ms()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Watches an item no more.
#[utoipa::path(delete, path = "/api/v1/items/{item_id}/watch", operation_id = "unwatch_item", tag = "items",
    security(("bearer" = [])),
    params(("item_id" = String, Path, format = "uuid")), responses(
    (status = 204, description = "Not watched"),
    (status = 404, description = "That is no id of an item")))]
pub(super) async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Id(item_id): Id<ItemId>,
) -> Result<StatusCode, WebError> {
    state.database.unwatch(caller.id(), item_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
