//! What the stores hold: a version byte, then fields in postcard. A change of shape is a new version; the old one's
//! golden bytes stay readable by test. The place of an enum's variant is its code: variants are only added at the end.

#[cfg(test)]
mod golden;

use bytes::Bytes;
use gavel_domain::{
    AccountId, Auction, Closing, Completion, Decision, EpochMs, Leader, Minor, Outcome, SecretMinor, Standing, Terms,
};
use gavel_log::Header;
use gavel_streams::ProcessorError;
use newtype_uuid::GenericUuid;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::book::Lot;
use super::command::Stamp;
use crate::decode::damaged;

const LOT_VERSION: u8 = 1;
const RECEIPT_VERSION: u8 = 1;
const PARKED_VERSION: u8 = 2;

/// Version, decision, and then each field as long as it can be.
pub(super) const RECEIPT_BYTES_MAX: usize = 1 + 5 + 3 * (1 + 10) + 1 + 2 * 10;
/// Room for most of what is encoded here.
const FIELDS_BYTES: usize = 128;

/// An account as stored.
type StoredAccount = [u8; 16];

#[derive(Serialize, Deserialize)]
struct LotV1<'a> {
    listed_ms: i64,
    seller: StoredAccount,
    currency: &'a str,
    ladder: &'a str,
    starting: Minor,
    reserve: Option<Minor>,
    buy_now: Option<Minor>,
    starts_at: EpochMs,
    ends_at: EpochMs,
    /// Window, extension and cap of a soft close.
    soft_close: Option<(u32, u32, u32)>,
    standing: StandingV1,
}

#[derive(Serialize, Deserialize)]
struct StandingV1 {
    leader: Option<(StoredAccount, Minor)>,
    runner_up_max: Option<Minor>,
    price: Minor,
    bid_count: u64,
    sequence: u64,
    ends_at: EpochMs,
    /// The rest of a completion is the standing itself.
    completion: Option<(Outcome, EpochMs)>,
}

fn stored(account: AccountId) -> StoredAccount {
    *account.as_untyped_uuid().as_bytes()
}

fn account(stored: StoredAccount) -> AccountId {
    AccountId::from_untyped_uuid(Uuid::from_bytes(stored))
}

/// The lot as bytes.
pub(super) fn encode_lot(lot: &Lot) -> Bytes {
    let (terms, standing) = (lot.auction.terms(), lot.auction.standing());
    let soft_close = match terms.closing {
        Closing::Hard => None,
        Closing::Soft { window_s, extend_s, cap_s } => Some((window_s, extend_s, cap_s)),
    };
    let fields = LotV1 {
        listed_ms: lot.listed_ms,
        seller: stored(terms.seller),
        currency: terms.currency.code(),
        ladder: terms.ladder.name(),
        starting: terms.starting,
        reserve: terms.reserve.map(SecretMinor::reveal),
        buy_now: terms.buy_now,
        starts_at: terms.starts_at,
        ends_at: terms.ends_at,
        soft_close,
        standing: StandingV1 {
            leader: standing.leader.map(|leader| (stored(leader.bidder), leader.max.reveal())),
            runner_up_max: standing.runner_up_max.map(SecretMinor::reveal),
            price: standing.price,
            bid_count: standing.bid_count,
            sequence: standing.sequence,
            ends_at: standing.ends_at,
            completion: standing.completion.map(|completion| (completion.outcome, completion.ended_at)),
        },
    };
    versioned(LOT_VERSION, &fields)
}

/// Reads what [`encode_lot`] wrote.
///
/// # Errors
/// `State` if it is damaged or of a newer version.
pub(super) fn decode_lot(bytes: &[u8]) -> Result<Lot, ProcessorError> {
    let fields: LotV1<'_> = unversioned(LOT_VERSION, bytes, "an auction")?;
    let terms = Terms {
        seller: account(fields.seller),
        currency: fields.currency.parse().map_err(|_| damaged("the currency of an auction"))?,
        ladder: fields.ladder.parse().map_err(|_| damaged("the ladder of an auction"))?,
        starting: fields.starting,
        reserve: fields.reserve.map(SecretMinor::new),
        buy_now: fields.buy_now,
        starts_at: fields.starts_at,
        ends_at: fields.ends_at,
        closing: fields.soft_close.map_or(Closing::Hard, |(window_s, extend_s, cap_s)| Closing::Soft {
            window_s,
            extend_s,
            cap_s,
        }),
    };
    Ok(Lot { listed_ms: fields.listed_ms, auction: Auction::restore(terms, standing(&fields.standing)) })
}

fn standing(fields: &StandingV1) -> Standing {
    let leader = fields.leader.map(|(bidder, max)| Leader { bidder: account(bidder), max: SecretMinor::new(max) });
    let completion = fields.completion.map(|(outcome, ended_at)| Completion {
        outcome,
        winner: leader.filter(|_| outcome == Outcome::Sold).map(|leader| leader.bidder),
        price: fields.price,
        bid_count: fields.bid_count,
        ended_at,
        sequence: fields.sequence,
    });
    Standing {
        leader,
        runner_up_max: fields.runner_up_max.map(SecretMinor::new),
        price: fields.price,
        bid_count: fields.bid_count,
        sequence: fields.sequence,
        ends_at: fields.ends_at,
        completion,
    }
}

/// What a bid was answered: for its duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipt {
    pub(super) decision: Decision,
    pub(super) sequence: Option<u64>,
    pub(super) price_minor: Option<i64>,
    pub(super) minimum_minor: Option<i64>,
    pub(super) leading: bool,
    pub(super) at_ms: i64,
    pub(super) received_ms: i64,
}

/// The receipt as bytes, in `row`.
pub(super) fn encode_receipt<'a>(receipt: &Receipt, row: &'a mut [u8; RECEIPT_BYTES_MAX]) -> &'a [u8] {
    let (version, fields) = row.split_first_mut().expect("a row has room for more than a version");
    *version = RECEIPT_VERSION;
    let fields = postcard::to_slice(receipt, fields).expect("the longest receipt has room").len();
    &row[..=fields]
}

/// Reads what [`encode_receipt`] wrote.
///
/// # Errors
/// `State` if it is damaged or of a newer version.
pub(super) fn decode_receipt(bytes: &[u8]) -> Result<Receipt, ProcessorError> {
    unversioned(RECEIPT_VERSION, bytes, "a receipt")
}

/// A command that waits for its item. It cannot be printed: its value may hold a maximum.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Parked {
    pub(super) stamp: Stamp,
    /// Headers of the record that pass to its outcome.
    pub(super) headers: Vec<Header>,
    /// Its value as it was read.
    pub(super) value: Bytes,
}

#[derive(Serialize, Deserialize)]
struct ParkedV2<'a> {
    at_ms: i64,
    received_ms: i64,
    #[serde(borrow)]
    headers: Vec<(&'a str, &'a [u8])>,
    value: &'a [u8],
}

/// A parked command as bytes.
pub(super) fn encode_parked(parked: &Parked) -> Bytes {
    let fields = ParkedV2 {
        at_ms: parked.stamp.at_ms,
        received_ms: parked.stamp.received_ms,
        headers: parked.headers.iter().map(|header| (&*header.name, &*header.value)).collect(),
        value: &parked.value,
    };
    versioned(PARKED_VERSION, &fields)
}

/// Reads what [`encode_parked`] writes, or wrote in version 1.
///
/// # Errors
/// `State` if it is damaged or of a newer version.
pub(super) fn decode_parked(bytes: &Bytes) -> Result<Parked, ProcessorError> {
    if let Some((&1, fields)) = bytes.split_first() {
        return parked_v1(bytes, fields).ok_or_else(|| damaged("a parked command"));
    }
    let fields: ParkedV2<'_> = unversioned(PARKED_VERSION, bytes, "a parked command")?;
    let header = |(name, value): (&str, &[u8])| Header { name: name.to_owned().into(), value: bytes.slice_ref(value) };
    Ok(Parked {
        stamp: Stamp { at_ms: fields.at_ms, received_ms: fields.received_ms },
        headers: fields.headers.into_iter().map(header).collect(),
        value: bytes.slice_ref(fields.value),
    })
}

/// Version 1: the times as big-endian integers, then the value; no headers.
fn parked_v1(bytes: &Bytes, fields: &[u8]) -> Option<Parked> {
    let (at_ms, rest) = fields.split_first_chunk()?;
    let (received_ms, value) = rest.split_first_chunk()?;
    let stamp = Stamp { at_ms: i64::from_be_bytes(*at_ms), received_ms: i64::from_be_bytes(*received_ms) };
    Some(Parked { stamp, headers: Vec::new(), value: bytes.slice_ref(value) })
}

fn versioned(version: u8, fields: &impl Serialize) -> Bytes {
    let mut bytes = Vec::with_capacity(FIELDS_BYTES);
    bytes.push(version);
    postcard::to_extend(fields, bytes).expect("fields of known length always encode into memory").into()
}

fn unversioned<'a, T: Deserialize<'a>>(version: u8, bytes: &'a [u8], what: &str) -> Result<T, ProcessorError> {
    match bytes.split_first() {
        Some((&found, fields)) if found == version => postcard::from_bytes(fields).map_err(|_| damaged(what)),
        _ => Err(damaged(what)),
    }
}
