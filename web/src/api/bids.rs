//! `POST /api/v1/items/{item_id}/bids`, `GET /api/v1/items/{item_id}/bids`, `GET /api/v1/bids/{bid_id}`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use gavel_domain::{BidId, ItemId, Minor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::body::{Body, Id, Limit, Params, Sequence};
use super::verdict::{BidVerdict, DecidedBid, Pending, Verdict};
use crate::edge::bid::{Bid, BidStanding, IdempotencyKey};
use crate::edge::receipt;
use crate::edge::trace::Trace;
use crate::error::{FieldErrors, WebError};
use crate::security::client_address::ClientAddress;
use crate::security::session::Caller;
use crate::state::AppState;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Events in one answer, at most and where no limit is said; ask again after the last.
const EVENTS_MAX: u32 = 1_000;

/// A bid.
#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct BidBody {
    /// The most you would pay, in minor units. Nobody else ever sees it.
    #[serde(default, deserialize_with = "crate::edge::whole::optional")]
    #[schema(example = 1250, value_type = i64, required, minimum = 1, maximum = 9_007_199_254_740_991i64)]
    max_minor: Option<i64>,
}

/// Bids. The answer is the stream's decision.
#[utoipa::path(post, path = "/api/v1/items/{item_id}/bids", operation_id = "place_bid", tag = "bids",
    security(("bearer" = [])), request_body = BidBody, params(
        ("item_id" = String, Path, format = "uuid"),
        ("Idempotency-Key" = String, Header, min_length = 1, max_length = 200, pattern = "^[!-~]+$", description = "The same key again is the same bid")), responses(
    (status = 200, description = "It counts", body = BidVerdict),
    (status = 202, description = "Not decided yet: ask at Location", body = Pending,
        headers(("location" = String, description = "The receipt, with the bid's place in the log"))),
    (status = 404, description = "No such item"),
    (status = 409, description = "Refused, with the members of a decision", body = ref("#/components/schemas/Refusal"),
        content_type = "application/problem+json"),
    (status = 429, description = "Too many bids"),
    (status = 503, description = "Not confirmed: the same request again is the same bid")))]
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
            (StatusCode::ACCEPTED, location, Json(Pending::from(bid))).into_response()
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
    #[param(value_type = Option<i64>, minimum = 0)]
    after: Sequence,
    /// `next_cursor` of the page before: goes before `after`.
    cursor: Option<String>,
    /// How many; at most 1,000 come at a time.
    #[param(value_type = Option<i32>, minimum = 0)]
    limit: Option<Limit>,
}

impl After {
    /// The last sequence that is known, and how many events are wanted.
    fn read(self) -> Result<(u64, u32), WebError> {
        let cursor = self.cursor.filter(|cursor| !cursor.is_empty());
        let cursor = cursor.map(|cursor| cursor.parse::<Sequence>()).transpose();
        let cursor =
            cursor.map_err(|_| WebError::Malformed("the cursor is not valid here; start again without it".into()))?;
        let limit = self.limit.map_or(EVENTS_MAX, |limit| limit.within(1, EVENTS_MAX));
        Ok((cursor.unwrap_or(self.after).get(), limit))
    }
}

/// Events of an item.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Events {
    /// Records of the history, and of the completion as the last.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Box<RawValue>>,
    /// The last sequence here, if there are more events: ask for those after it.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl Events {
    /// Of what is known after a sequence: only what follows without a gap, for the rest is still on its way.
    fn of(
        known: BTreeMap<u64, String>,
        after: u64,
        limit: u32,
        public: impl Fn(String) -> String,
    ) -> Result<Self, WebError> {
        let count = known.len();
        let expected = (1..=u64::from(limit)).map_while(|step| after.checked_add(step));
        let dense = expected.zip(known).take_while(|(expected, (sequence, _))| expected == sequence);
        let records = dense.map(|(_, (_, record))| RawValue::from_string(public(record)));
        let events: Vec<_> =
            records.collect::<Result<_, _>>().map_err(|error| WebError::Internal(error.to_string()))?;
        let has_more = events.len() < count;
        let next_cursor = has_more.then(|| after.saturating_add(events.len() as u64).to_string());
        Ok(Self { events, next_cursor })
    }
}

/// An item's events in sequence, the completion last.
#[utoipa::path(get, path = "/api/v1/items/{item_id}/bids", operation_id = "list_bids", tag = "bids",
    params(("item_id" = String, Path, format = "uuid"), After), responses(
    (status = 200, description = "The records after that sequence", body = Events),
    (status = 404, description = "No such item")))]
pub(super) async fn list(
    State(state): State<AppState>,
    Id(item_id): Id<ItemId>,
    Params(wanted): Params<After>,
) -> Result<Json<Events>, WebError> {
    let (after, limit) = wanted.read()?;
    if state.database.item(item_id).await?.is_none() {
        return Err(WebError::NotFound("there is no such item"));
    }
    // The newer events first: what leaves them meanwhile is in the database by then.
    let recent = state.hub.events_after(item_id, after);
    let rows = state.database.events_after(item_id, after, limit + 1).await?;
    let mut known: BTreeMap<_, _> = rows.into_iter().map(|event| (event.sequence, event.record)).collect();
    known.extend(recent.iter().filter_map(|event| Some((event.sequence()?, event.record.to_string()))));
    Ok(Json(Events::of(known, after, limit, |record| state.aliases.public(item_id, &record))?))
}

/// Where a bid may be in the log.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct At {
    /// `PARTITION:OFFSET`, as the `Location` of a 202 has it.
    at: Option<String>,
}

/// How a bid stands.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub(super) enum Standing {
    /// It is decided.
    Decided(DecidedBid),
    /// It is not.
    Pending(Pending),
}

/// What became of a bid. One that is refused or not decided yet is shown to its bidder alone.
#[utoipa::path(get, path = "/api/v1/bids/{bid_id}", operation_id = "show_bid", tag = "bids",
    security((), ("bearer" = [])), params(("bid_id" = String, Path, format = "uuid"), At), responses(
    (status = 200, description = "Append time, partition, offset and decision", body = Standing),
    (status = 404, description = "No such bid, or another's to know"),
    (status = 429, description = "Too many questions for a bid that is not decided")))]
pub(super) async fn receipt(
    State(state): State<AppState>,
    caller: Option<Caller>,
    Id(bid_id): Id<BidId>,
    Params(At { at }): Params<At>,
) -> Result<Json<Standing>, WebError> {
    Ok(Json(match receipt::find(&state, caller.as_ref(), bid_id, at.as_deref()).await? {
        BidStanding::Decided(bid_id, receipt) => Standing::Decided(DecidedBid::of(bid_id, &receipt)),
        BidStanding::Pending(bid) => Standing::Pending(bid.into()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(sequences: impl IntoIterator<Item = u64>, after: u64) -> (usize, Option<String>) {
        let known = sequences.into_iter().map(|sequence| (sequence, format!("{{\"sequence\":{sequence}}}"))).collect();
        let Events { events, next_cursor } = Events::of(known, after, EVENTS_MAX, |record| record).unwrap();
        (events.len(), next_cursor)
    }

    #[test]
    fn events_follow_without_a_gap_and_say_whether_there_are_more() {
        assert_eq!(events([], 0), (0, None));
        assert_eq!(events([8, 9], 7), (2, None));
        assert_eq!(events([8, 10], 7), (1, Some("8".into())));
        assert_eq!(events([9], 7), (0, Some("7".into())));
        let max = u64::from(EVENTS_MAX);
        assert_eq!(events(1..=max, 0), (1_000, None));
        assert_eq!(events(1..=max + 1, 0), (1_000, Some("1000".into())));
    }

    #[test]
    fn nothing_comes_after_the_last_number() {
        assert_eq!(events([], u64::MAX), (0, None));
        assert_eq!(events([u64::MAX], u64::MAX - 1), (1, None));
    }
}
