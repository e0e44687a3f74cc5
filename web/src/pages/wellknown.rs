//! What programs look for at fixed addresses: `robots.txt`, and `security.txt` (RFC 9116).

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::WebError;
use crate::state::AppState;

/// Lots may be found; what is somebody's own, or costs much to answer, is not for crawlers.
const ROBOTS: &str = "User-agent: *\nDisallow: /admin\nDisallow: /api/\nDisallow: /login\nDisallow: /me\nDisallow: /register\n\
                      Disallow: /sell\nDisallow: /*?\n";
/// How long what `security.txt` says may be believed.
const VALID_FOR: time::Duration = time::Duration::days(180);

/// `GET /robots.txt`.
pub(crate) async fn robots() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], ROBOTS).into_response()
}

/// `GET /.well-known/security.txt`: where a weakness is reported. Without a contact in the configuration, the mailbox that
/// RFC 2142 names for it.
pub(crate) async fn security(State(state): State<AppState>) -> Result<Response, WebError> {
    let origin = state.config.public_origin.as_deref().and_then(|origin| origin.split_once("://"));
    let host = origin.and_then(|(_, host)| host.split(':').next()).unwrap_or("localhost");
    let contact = state.config.security_contact.clone().unwrap_or_else(|| format!("mailto:security@{host}"));
    let expires = OffsetDateTime::from_unix_timestamp(state.now_ms() / 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let expires = (expires + VALID_FOR).format(&Rfc3339).map_err(|error| WebError::Internal(error.to_string()))?;
    let text = format!("Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en\n");
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}
