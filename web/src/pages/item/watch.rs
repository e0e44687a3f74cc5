//! `POST /items/{id}/watch`: watches an item, or no more.

use axum::Form;
use axum::extract::Path;
use serde::Deserialize;

use super::panel::Panel;
use super::{back_to, onlooker, parse_id};
use crate::api::current_item;
use crate::pages::answer::{Answer, page};
use crate::pages::visit::Visit;

/// Whether to watch it.
#[derive(Deserialize)]
pub(crate) struct Wish {
    watch: String,
}

/// `GET /items/{id}/watch`: where one comes back to after signing in.
pub(crate) async fn get(Path(id): Path<String>) -> Answer {
    Ok(back_to(parse_id(&id)?))
}

/// `POST /items/{id}/watch`.
pub(crate) async fn post(visit: Visit, Path(id): Path<String>, Form(wish): Form<Wish>) -> Answer {
    let item_id = parse_id(&id)?;
    let account_id = visit.member()?.id();
    let item = current_item(&visit.state, item_id).await?;
    let database = &visit.state.database;
    match wish.watch.as_str() {
        "no" => database.unwatch(account_id, item_id).await?,
        _ => database.watch(account_id, item_id, visit.layout.now_ms).await?,
    }
    if visit.is_for("bidding") {
        let onlooker = onlooker(&visit, &item).await?;
        return page(&Panel::of(&item, onlooker, visit.layout.now_ms));
    }
    Ok(back_to(item_id))
}
