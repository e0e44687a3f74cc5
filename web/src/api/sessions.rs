//! `POST /api/v1/sessions`, `DELETE /api/v1/sessions`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use gavel_readmodel::SessionKind;
use serde::{Deserialize, Serialize};

use super::body::Body;
use crate::error::WebError;
use crate::security::client_address::ClientAddress;
use crate::security::login::login;
use crate::security::session::{self, Caller};
use crate::state::AppState;

/// Who signs in.
#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct Credentials {
    email: String,
    password: String,
}

/// A bearer token.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct SessionCreated {
    /// Send it as `Authorization: Bearer`.
    token: String,
    /// From when it is void.
    expires_at_ms: i64,
}

/// Signs in.
#[utoipa::path(post, path = "/api/v1/sessions", operation_id = "sign_in", tag = "accounts",
    request_body = Credentials, responses(
    (status = 200, description = "A bearer token", body = SessionCreated),
    (status = 401, description = "Wrong e-mail address or password"),
    (status = 429, description = "Too many attempts")))]
pub(super) async fn create(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    Body(credentials): Body<Credentials>,
) -> Result<Json<SessionCreated>, WebError> {
    let account = login(&state, address, &credentials.email, credentials.password).await?;
    let (token, expires_at_ms) = session::open(&state, account.account_id, SessionKind::Bearer).await?;
    Ok(Json(SessionCreated { token: token.reveal().to_owned(), expires_at_ms }))
}

/// Signs out: the token is void.
#[utoipa::path(delete, path = "/api/v1/sessions", operation_id = "sign_out", tag = "accounts",
    security(("bearer" = [])), responses(
    (status = 204, description = "Signed out")))]
pub(super) async fn delete(State(state): State<AppState>, caller: Caller) -> Result<StatusCode, WebError> {
    caller.sign_out(&state).await?;
    Ok(StatusCode::NO_CONTENT)
}
