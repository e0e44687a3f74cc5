//! `POST /api/v1/accounts`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::body::Body;
use crate::edge::registration::Registration;
use crate::error::WebError;
use crate::security::client_address::ClientAddress;
use crate::state::AppState;

/// An account that was made.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct AccountCreated {
    #[schema(value_type = String, format = "uuid")]
    account_id: gavel_domain::AccountId,
}

/// Registers.
#[utoipa::path(post, path = "/api/v1/accounts", operation_id = "register", tag = "accounts",
    request_body = Registration, responses(
    (status = 201, description = "Registered", body = AccountCreated),
    (status = 409, description = "The e-mail address is taken"),
    (status = 429, description = "Too many registrations")))]
pub(super) async fn create(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    Body(registration): Body<Registration>,
) -> Result<(StatusCode, Json<AccountCreated>), WebError> {
    state.limits.registration(address)?;
    let account = registration.register(&state).await?;
    Ok((StatusCode::CREATED, Json(AccountCreated { account_id: account.account_id })))
}
