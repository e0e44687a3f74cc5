//! `POST /api/v1/items/{item_id}/bids`, `GET /api/v1/items/{item_id}/bids`, `GET /api/v1/bids/{bid_id}`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use gavel_domain::{BidId, ItemId, Minor};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::body::{Body, Id, Params};
use super::present::Verdict;
use crate::edge::bid::{Bid, BidStanding, IdempotencyKey};
use crate::edge::receipt::{self, PendingBid};
use crate::edge::trace::Trace;
use crate::error::{FieldErrors, WebError};
use crate::security::client_address::ClientAddress;
use crate::security::session::Caller;
use crate::state::AppState;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Events in one answer; ask again after the last.
const EVENTS_MAX: u32 = 1000;

/// A bid.
#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct BidBody {
    /// The most you would pay, in minor units. Nobody else ever sees it.
    #[schema(example = 1250)]
    max_minor: Option<i64>,
}

/// Bids. The answer is the stream's decision.
#[utoipa::path(post, path = "/api/v1/items/{item_id}/bids", tag = "bids", security(("bearer" = [])),
    request_body = BidBody, params(
        ("item_id" = String, Path, format = "uuid"),
        ("Idempotency-Key" = String, Header, description = "The same key again is the same bid")), responses(
    (status = 200, description = "It counts"),
    (status = 202, description = "Not decided yet: ask at Location"),
    (status = 401, description = "Not signed in", content_type = "application/problem+json"),
    (status = 404, description = "No such item", content_type = "application/problem+json"),
    (status = 409, description = "Refused, with the members of a decision", content_type = "application/problem+json"),
    (status = 422, description = "What is wrong, by field", content_type = "application/problem+json"),
    (status = 429, description = "Too many bids", content_type = "application/problem+json"),
    (status = 503, description = "Not confirmed: the same request again is the same bid", content_type = "application/problem+json")))]
pub(super) async fn place(
    State(state): State<AppState>,
    caller: Caller,
    ClientAddress(address): ClientAddress,
    Extension(trace): Extension<Trace>,
    Id(item_id): Id<ItemId>,
    headers: HeaderMap,
    Body(body): Body<BidBody>,
) -> Result<Response, WebError> {
    let bid = Bid { item_id, max: maximum(body.max_minor)?, key: idempotency_key(&headers)? };
    Ok(match bid.place(&state, &caller, address, &trace).await? {
        BidStanding::Decided(bid_id, receipt) => {
            Json(Verdict::of(&receipt.record).of_bid(bid_id).into_result()?).into_response()
        }
        BidStanding::Pending(bid) => {
            let location = [(header::LOCATION, format!("/api/v1/bids/{}?at={}", bid.bid_id, bid.place()))];
            (StatusCode::ACCEPTED, location, Json(pending(bid))).into_response()
        }
    })
}

fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, WebError> {
    match headers.get(IDEMPOTENCY_KEY) {
        Some(value) => IdempotencyKey::parse(value.to_str().unwrap_or_default()),
        None => Err(WebError::Invalid(FieldErrors::one(
            "Idempotency-Key",
            "required",
            "Send a key of your own with each bid: the same key again is the same bid",
        ))),
    }
}

fn pending(PendingBid { bid_id, appended, .. }: PendingBid) -> Value {
    json!({
        "bid_id": bid_id, "status": "pending", "append_ms": appended.append_ms, "received_ms": appended.append_ms,
        "partition": appended.partition, "offset": appended.offset, "decision": null,
    })
}

fn maximum(max_minor: Option<i64>) -> Result<Minor, WebError> {
    let refused = |code, text: &str| WebError::Invalid(FieldErrors::one("max_minor", code, text));
    let max_minor = max_minor.ok_or_else(|| refused("required", "Enter the most you would pay"))?;
    match Minor::new(max_minor) {
        Ok(max) if max > Minor::ZERO => Ok(max),
        Ok(_) => Err(refused("out_of_range", "Enter an amount above zero")),
        Err(error) => Err(refused("out_of_range", &error.to_string())),
    }
}

/// From where.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct After {
    /// The last sequence that is known.
    #[serde(default)]
    after: u64,
}

/// An item's events in sequence, the completion last.
#[utoipa::path(get, path = "/api/v1/items/{item_id}/bids", tag = "bids",
    params(("item_id" = String, Path, format = "uuid"), After), responses(
    (status = 200, description = "The history records after that sequence"),
    (status = 404, description = "No such item", content_type = "application/problem+json")))]
pub(super) async fn list(
    State(state): State<AppState>,
    Id(item_id): Id<ItemId>,
    Params(After { after }): Params<After>,
) -> Result<Json<BTreeMap<&'static str, Vec<Box<RawValue>>>>, WebError> {
    if state.database.item(item_id).await?.is_none() {
        return Err(WebError::NotFound("there is no such item"));
    }
    // The newer events first: what leaves them meanwhile is in the database by then.
    let recent = state.hub.events_after(item_id, after);
    let mut events: BTreeMap<u64, String> = state
        .database
        .events_after(item_id, after, EVENTS_MAX)
        .await?
        .into_iter()
        .map(|event| (event.sequence, event.record))
        .collect();
    let is_whole = events.len() < EVENTS_MAX as usize;
    if is_whole {
        let newer = recent.iter().filter_map(|event| Some((event.sequence()?, event.record.to_string())));
        events.extend(newer);
    }
    // Only what follows without a gap: the rest comes with the next question.
    let dense = (after + 1..).zip(events).take_while(|(expected, (sequence, _))| expected == sequence);
    let records = dense.map(|(_, (_, record))| RawValue::from_string(record));
    let records: Result<Vec<_>, _> = records.collect();
    let records = records.map_err(|error| WebError::Internal(error.to_string()))?;
    Ok(Json(BTreeMap::from([("events", records)])))
}

/// Where a bid may be in the log.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct At {
    /// `PARTITION:OFFSET`, as the `Location` of a 202 has it.
    at: Option<String>,
}

/// What became of a bid. One that is refused or not decided yet is shown to its bidder alone.
#[utoipa::path(get, path = "/api/v1/bids/{bid_id}", tag = "bids", security((), ("bearer" = [])),
    params(("bid_id" = String, Path, format = "uuid"), At), responses(
    (status = 200, description = "Append time, partition, offset and decision"),
    (status = 404, description = "No such bid", content_type = "application/problem+json")))]
pub(super) async fn receipt(
    State(state): State<AppState>,
    caller: Option<Caller>,
    Id(bid_id): Id<BidId>,
    Params(At { at }): Params<At>,
) -> Result<Json<Value>, WebError> {
    let receipt = match receipt::find(&state, caller.as_ref(), bid_id, at.as_deref()).await? {
        BidStanding::Decided(_, receipt) => receipt,
        BidStanding::Pending(bid) => return Ok(Json(pending(bid))),
    };
    let mut members = Verdict::of(&receipt.record).of_bid(bid_id).into_members();
    members.insert("status".into(), json!("decided"));
    members.insert("item_id".into(), json!(receipt.record.item_id));
    members.insert("append_ms".into(), json!(receipt.record.received_ms));
    members.insert("partition".into(), json!(receipt.command.map(|command| command.partition)));
    members.insert("offset".into(), json!(receipt.command.map(|command| command.offset)));
    Ok(Json(Value::Object(members)))
}
