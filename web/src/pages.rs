//! The pages: what people see. Each works without JavaScript; `assets/js` makes them live.
//!
//! One file per page, GET and POST together, in the order a reader asks: may I, parse, check, act and redirect, or show the
//! form again with 422. A template's path is its page's path. What is done goes through the same functions of `edge` as
//! the API; a page never decides, and never shows a maximum, a reserve or an e-mail address.
//!
//! [`visit`] is one request, [`layout`] the frame around every page, [`form`] fields and their faults, [`format`] amounts
//! and times, [`error`] the pages that say what went wrong.

mod about;
mod admin;
mod answer;
mod assets;
mod browse;
mod demo;
mod error;
mod form;
pub(crate) mod format;
mod item;
mod layout;
mod login;
mod logout;
mod lot;
mod me;
mod next;
mod register;
mod sell;
mod theme;
mod visit;
mod wellknown;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::edge::picture::PICTURE_BYTES_MAX;
use crate::state::AppState;

/// The largest form without pictures.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// The largest form with pictures: as many as a listing may have.
const LISTING_BYTES_MAX: usize = 12 * PICTURE_BYTES_MAX + FORM_BYTES_MAX;

/// The routes. What no route takes is a page that says so, therefore this router goes in last, as the fallback.
pub fn router(state: &AppState) -> Router<AppState> {
    Router::new()
        .route("/", get(browse::get))
        .route("/items/{id}", get(item::get))
        .route("/items/{id}/bid", get(item::bid::get).post(item::bid::post))
        .route("/items/{id}/bids/{bid_id}", get(item::bid::receipt))
        .route("/items/{id}/watch", get(item::watch::get).post(item::watch::post))
        .route("/items/{id}/withdrawal", get(item::withdrawal::get).post(item::withdrawal::post))
        .route("/sell/{id}", get(sell::lot::get))
        .route("/me", get(me::account::get))
        .route("/me/bids", get(me::bids::get))
        .route("/me/watching", get(me::watching::get))
        .route("/me/inbox", get(me::inbox::get).post(me::inbox::post))
        .route("/register", get(register::get).post(register::post))
        .route("/login", get(login::get).post(login::post))
        .route("/logout", post(logout::post))
        .route("/theme", post(theme::post))
        .route("/demo", post(demo::post))
        .route("/about/how-bidding-works", get(about::get))
        .route("/admin", get(admin::get))
        .route("/admin/data", get(admin::data))
        .route("/admin/flow", get(admin::flow::get))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .merge(
            Router::new()
                .route("/sell", get(sell::get).post(sell::post))
                .layer(DefaultBodyLimit::max(LISTING_BYTES_MAX)),
        )
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(from_fn_with_state(state.clone(), error::render))
        .route("/assets/{version}/{*path}", get(assets::get))
        .route("/robots.txt", get(wellknown::robots))
        .route("/.well-known/security.txt", get(wellknown::security))
}
