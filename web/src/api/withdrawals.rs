//! `POST /api/v1/items/{item_id}/withdrawal`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use gavel_domain::ItemId;
use serde::Serialize;

use super::body::Id;
use super::verdict::{PendingStatus, Verdict};
use crate::edge::trace::Trace;
use crate::edge::withdrawal::withdraw;
use crate::error::WebError;
use crate::security::session::Caller;
use crate::state::AppState;

/// A withdrawal that is not decided yet.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PendingWithdrawal {
    #[schema(value_type = String, format = "uuid")]
    item_id: ItemId,
    status: PendingStatus,
}

/// Takes an item back: it ends without a sale.
#[utoipa::path(post, path = "/api/v1/items/{item_id}/withdrawal", operation_id = "withdraw_item", tag = "items",
    security(("bearer" = [])), params(("item_id" = String, Path, format = "uuid")), responses(
    (status = 200, description = "Withdrawn", body = Verdict),
    (status = 202, description = "Not decided yet: look at the item", body = PendingWithdrawal,
        headers(("location" = String, description = "The item"))),
    (status = 403, description = "Not the seller"),
    (status = 404, description = "No such item"),
    (status = 409, description = "It has ended already"),
    (status = 429, description = "Too many withdrawals"),
    (status = 503, description = "Not confirmed: look whether it is withdrawn, and try again")))]
pub(super) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Extension(trace): Extension<Trace>,
    Id(item_id): Id<ItemId>,
) -> Result<Response, WebError> {
    Ok(match withdraw(&state, &caller, item_id, &trace).await? {
        Some(receipt) => Json(Verdict::of(&receipt.record).into_result()?).into_response(),
        None => {
            let location = [(header::LOCATION, format!("/api/v1/items/{item_id}"))];
            (StatusCode::ACCEPTED, location, Json(PendingWithdrawal { item_id, status: PendingStatus::Pending }))
                .into_response()
        }
    })
}
