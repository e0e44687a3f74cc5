//! `GET /api/v1/openapi.json`: the interface as it is written beside each handler.

use axum::Json;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::OpenApi as Description;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{accounts, bids, images, items, sessions, watches, withdrawals};

/// The description.
#[derive(OpenApi)]
#[openapi(
    info(title = "Gavel", description = "An auction house on event streams. Amounts are in minor units, times in epoch \
        milliseconds; errors are problem+json (RFC 9457) with a stable `type`."),
    paths(
        accounts::create, sessions::create, sessions::delete, items::create, items::list, items::show, bids::place,
        bids::list, bids::receipt, withdrawals::create, watches::put, watches::delete, images::create,
    ),
    modifiers(&Bearer)
)]
struct Api;

/// How callers say who they are.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, description: &mut Description) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        description.components.get_or_insert_default().add_security_scheme("bearer", scheme);
    }
}

/// Shows it.
pub(super) async fn show() -> Response {
    Json(Api::openapi()).into_response()
}
