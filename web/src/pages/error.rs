//! Pages that say what went wrong and what to do, never why inside.
//!
//! A handler returns a [`PageError`]; [`render`], a layer over all pages, makes the page of it, because only there the
//! whole request is at hand. Errors of other layers that come through as problem documents are dressed the same way.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::layout::{Layout, login_href};
use super::visit;
use crate::edge::trace::Trace;
use crate::error::WebError;
use crate::security::session;
use crate::state::AppState;

const HTMX_REQUEST: HeaderName = HeaderName::from_static("hx-request");
const HTMX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

/// Why a page is not shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// Nobody is signed in.
    #[error("sign in first")]
    SignIn {
        /// Where to come back to.
        next: String,
    },
    /// As the API would say it.
    #[error(transparent)]
    Web(#[from] WebError),
}

impl From<gavel_readmodel::Error> for PageError {
    fn from(error: gavel_readmodel::Error) -> Self {
        Self::Web(error.into())
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> Self {
        Self::Web(WebError::Internal(format!("a template failed: {error}")))
    }
}

/// Marks an answer that a page is to be made of.
#[derive(Clone, Copy)]
struct Failed;

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn { next } => Redirect::to(&login_href(&next)).into_response(),
            Self::Web(error) => {
                error.log();
                let mut response = error.status().into_response();
                if let Some(seconds) = error.retry_after_s() {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                response.extensions_mut().insert(Failed);
                response
            }
        }
    }
}

/// `GET` of what is not there.
pub(crate) async fn not_found() -> PageError {
    WebError::NotFound("there is no such page").into()
}

/// Another method than a page takes.
pub(crate) async fn method_not_allowed() -> PageError {
    WebError::MethodNotAllowed.into()
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    layout: Layout,
    status: u16,
    heading: &'static str,
    text: &'static str,
    operation: Option<String>,
    href: &'static str,
    link: &'static str,
}

/// Makes a page of an answer that failed.
pub(crate) async fn render(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (headers, uri) = (request.headers().clone(), request.uri().clone());
    let correlation_id = request.extensions().get::<Trace>().map(|trace| trace.correlation_id.clone());
    let response = next.run(request).await;
    if !is_failed(&response) {
        return if headers.contains_key(HTMX_REQUEST) { whole_page(response) } else { response };
    }
    let status = response.status();
    let caller = session::caller(&state, &headers).await.ok().flatten();
    let layout = visit::layout(&state, caller.as_ref(), &headers, &uri).await;
    let operation = correlation_id.filter(|_| status.is_server_error());
    let (heading, text) = words(status);
    let (href, link) = ("/", "Browse the auctions");
    let page = ErrorPage { layout, status: status.as_u16(), heading, text, operation, href, link };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    match page.render() {
        Ok(page) => {
            parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            (parts, Html(page)).into_response()
        }
        Err(_) => status.into_response(),
    }
}

/// A redirect that htmx would follow unseen and put into the middle of the page, as one of the whole page.
fn whole_page(response: Response) -> Response {
    match response.headers().get(header::LOCATION) {
        Some(location) if response.status().is_redirection() => {
            (StatusCode::NO_CONTENT, [(HTMX_REDIRECT, location.clone())]).into_response()
        }
        _ => response,
    }
}

fn is_failed(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_refused = response.status().is_client_error() || response.status().is_server_error();
    response.extensions().get::<Failed>().is_some()
        || is_refused && kind.is_none_or(|kind| !kind.starts_with(b"text/html"))
}

/// The heading and what to do.
fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::NOT_FOUND => (
            "There is no such page",
            "The address may be mistyped, or what was here may be gone. Search for it, or start from the auctions.",
        ),
        StatusCode::FORBIDDEN => (
            "You may not see this",
            "This page is for others. If you think it should be for you, sign in with the right account, or ask the house.",
        ),
        StatusCode::METHOD_NOT_ALLOWED => (
            "That cannot be done here",
            "This address does not take what was sent. Go back, and try again from the page itself.",
        ),
        StatusCode::TOO_MANY_REQUESTS => (
            "A little too fast",
            "You have asked very often in a short time. Wait a moment, then go back and try again. Nothing was done.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (
            "That is too large",
            "What was sent is larger than the house takes. Choose smaller or fewer pictures, and try again.",
        ),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => (
            "The house cannot take this at the moment",
            "A part of it is not answering. Wait a few seconds, then try again; a bid that is sent twice counts once.",
        ),
        status if status.is_client_error() => (
            "That could not be understood",
            "Something in the request is not as it must be. Go back, check what you entered, and try again.",
        ),
        _ => (
            "Something went wrong in the house",
            "It is not your fault, and it has been written down. Try again; if it stays so, write to the house.",
        ),
    }
}
