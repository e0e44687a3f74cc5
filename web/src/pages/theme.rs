//! `POST /theme`: light, dark, or as the system has it.

use axum::Form;
use axum::response::{IntoResponse, Redirect};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use serde::Deserialize;

use super::layout::Theme;
use super::next::Next;
use super::visit::THEME_COOKIE;

/// A year.
const KEPT_FOR: time::Duration = time::Duration::days(365);

/// What was chosen, and where.
#[derive(Deserialize)]
pub(crate) struct Chosen {
    theme: String,
    #[serde(default)]
    next: Next,
}

/// `POST /theme`.
pub(crate) async fn post(jar: CookieJar, Form(chosen): Form<Chosen>) -> impl IntoResponse {
    let theme = Theme::parse(&chosen.theme).unwrap_or_default();
    let cookie = Cookie::build((THEME_COOKIE, theme.as_str())).path("/").same_site(SameSite::Lax).http_only(true);
    (jar.add(cookie.max_age(KEPT_FOR).build()), Redirect::to(chosen.next.as_str()))
}
