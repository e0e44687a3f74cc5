//! One request for a page: who asks, for what, and the frame of the answer.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use axum_extra::extract::CookieJar;

use super::error::PageError;
use super::layout::{Layout, Reader, Theme};
use crate::error::WebError;
use crate::security::session::Caller;
use crate::state::AppState;

/// The cookie that keeps the theme.
pub(crate) const THEME_COOKIE: &str = "gavel_theme";

/// A request for a page.
pub(crate) struct Visit {
    /// Everything the server has.
    pub(crate) state: AppState,
    /// Who is signed in.
    pub(crate) caller: Option<Caller>,
    /// The frame of the answer.
    pub(crate) layout: Layout,
    /// The id of the element that htmx will put the answer into, if htmx asks.
    pub(crate) htmx_target: Option<String>,
}

impl Visit {
    /// Who is signed in.
    ///
    /// # Errors
    /// `SignIn`, leading back here.
    pub(crate) fn member(&self) -> Result<&Caller, PageError> {
        self.caller.as_ref().ok_or_else(|| PageError::SignIn { next: self.layout.here.clone() })
    }

    /// Who is signed in, being an admin.
    ///
    /// # Errors
    /// `SignIn` for nobody, `Forbidden` for others.
    pub(crate) fn admin(&self) -> Result<&Caller, PageError> {
        let caller = self.member()?;
        if caller.account.is_admin { Ok(caller) } else { Err(WebError::Forbidden("the desk is for admins").into()) }
    }

    /// Whether htmx asks for that element alone.
    pub(crate) fn is_for(&self, element: &str) -> bool {
        self.htmx_target.as_deref() == Some(element)
    }
}

/// The frame of a page for whoever sent these headers.
pub(crate) async fn layout(state: &AppState, caller: Option<&Caller>, headers: &HeaderMap, uri: &Uri) -> Layout {
    let unread = match caller {
        // A page is worth more than its badge: where the number cannot be had, none is shown.
        Some(caller) => state.database.unread_notices(caller.id()).await.unwrap_or(0),
        None => 0,
    };
    let theme = CookieJar::from_headers(headers).get(THEME_COOKIE).and_then(|cookie| Theme::parse(cookie.value()));
    Layout {
        viewer: caller.map(|caller| Reader {
            name: caller.account.display_name.clone(),
            is_admin: caller.account.is_admin,
            unread,
        }),
        theme: theme.unwrap_or_default(),
        here: uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        search: String::new(),
        search_within: Vec::new(),
        now_ms: state.now_ms(),
    }
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let caller = <Caller as OptionalFromRequestParts<AppState>>::from_request_parts(parts, state).await?;
        let layout = layout(state, caller.as_ref(), &parts.headers, &parts.uri).await;
        let htmx_target = parts.headers.get("hx-target").and_then(|id| id.to_str().ok()).map(str::to_owned);
        Ok(Self { state: state.clone(), caller, layout, htmx_target })
    }
}
