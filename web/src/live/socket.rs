//! `/live` and `/live/admin`: from the request to the connection.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use futures_util::StreamExt;
use gavel_domain::{AccountId, ItemId};
use serde::Deserialize;

use super::Live;
use super::admission::Permit;
use super::connection::{Connection, MESSAGE_BYTES_MAX};
use super::feed::Feed;
use super::request::{is_own_page, parse_items};
use crate::api::Params;
use crate::error::WebError;
use crate::security::client_address::ClientAddress;
use crate::security::session::Caller;
use crate::state::AppState;

/// Clients say little: the library's own buffer of 128 KiB a connection would be the whole cost of a watcher.
const READ_BUFFER_BYTES: usize = 2_048;
/// Frames that pile up are written together up to this size.
const WRITE_BUFFER_BYTES: usize = 16 * 1_024;
/// After how long a client that found no place should come again.
const RETRY_AFTER_S: u64 = 10;

/// The routes of this room.
pub fn routes() -> Router<AppState> {
    Router::new().route("/live", get(watch_items)).route("/live/admin", get(watch_measures))
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    items: String,
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// `GET /live?items=ID:AFTER,…`
async fn watch_items(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    caller: Option<Caller>,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
    upgrade: Upgrade,
) -> Result<Response, WebError> {
    let items = parse_items(&wanted.items)?;
    if !state.hub.has_begun() {
        return Err(WebError::LogUnavailable);
    }
    let (upgrade, permit) = admit(&state, address, &headers, upgrade)?;
    let (known, unknown) = sort_items(&state, items).await?;
    let live = Arc::clone(&state.live);
    let account_id = caller.map(|caller| caller.id());
    Ok(upgrade.on_upgrade(move |socket| async move {
        let first = unknown.into_iter().map(unknown_item).collect();
        live.serve_items(socket, &known, account_id, first).await;
        drop(permit);
    }))
}

/// `GET /live/admin`
async fn watch_measures(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    caller: Caller,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, WebError> {
    if !caller.account.is_admin {
        return Err(WebError::Forbidden("only admins may see this"));
    }
    let (upgrade, permit) = admit(&state, address, &headers, upgrade)?;
    let live = Arc::clone(&state.live);
    Ok(upgrade.on_upgrade(move |socket| async move {
        live.serve_admin(socket, caller.id()).await;
        drop(permit);
    }))
}

fn admit(
    state: &AppState,
    address: IpAddr,
    headers: &HeaderMap,
    upgrade: Upgrade,
) -> Result<(WebSocketUpgrade, Permit), WebError> {
    let upgrade =
        upgrade.map_err(|_| WebError::Malformed("this address speaks WebSocket: ask for an upgrade".into()))?;
    if !is_own_page(headers, state.config.public_origin.as_deref()) {
        return Err(WebError::Forbidden("pages of other sites may not connect"));
    }
    let permit = state.live.admissions.admit(address).ok_or(WebError::TooMany { retry_after_s: RETRY_AFTER_S })?;
    Ok((measured(upgrade), permit))
}

/// With buffers fit for many watchers who say little.
pub(super) fn measured(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
}

type Asked = Vec<(ItemId, u64)>;

/// Splits what is asked for into what exists and what does not.
async fn sort_items(state: &AppState, items: Asked) -> Result<(Asked, Vec<ItemId>), WebError> {
    let ids: Vec<_> = items.iter().map(|(item_id, _)| *item_id).collect();
    let found = state.database.items_by_id(&ids).await?;
    let (known, unknown): (Asked, Asked) =
        items.into_iter().partition(|(item_id, _)| found.iter().any(|row| row.item_id == *item_id));
    if !unknown.is_empty() && state.hub.misses_listings(&state.database.projected_offsets().await?) {
        return Err(WebError::DatabaseUnavailable);
    }
    Ok((known, unknown.into_iter().map(|(item_id, _)| item_id).collect()))
}

fn unknown_item(item_id: ItemId) -> Utf8Bytes {
    format!(r#"{{"item_id":"{item_id}","error":"unknown_item"}}"#).into()
}

impl Live {
    async fn serve_items(
        &self,
        socket: WebSocket,
        items: &[(ItemId, u64)],
        account_id: Option<AccountId>,
        first: Vec<Utf8Bytes>,
    ) {
        let feed = Feed::open(&self.hub, self.database.clone(), &self.aliases, items);
        let _shown = account_id.map(|account_id| self.badges.show(account_id, feed.mailbox()));
        self.serve(socket, feed, first).await;
    }

    async fn serve_admin(&self, socket: WebSocket, account_id: AccountId) {
        let feed = Feed::open(&self.hub, self.database.clone(), &self.aliases, &[]);
        let _shown = self.badges.show(account_id, feed.mailbox());
        let _told = self.hints.tell(feed.mailbox());
        self.serve(socket, feed, Vec::new()).await;
    }

    async fn serve(&self, socket: WebSocket, feed: Feed<gavel_readmodel::Database>, first: Vec<Utf8Bytes>) {
        let (sink, stream) = socket.split();
        let connection = Connection { sink, stream, feed, flow: &self.flow, stopping: self.stopping.subscribe() };
        let farewell = connection.serve(first).await;
        tracing::debug!(?farewell, "a live connection ended");
    }
}
