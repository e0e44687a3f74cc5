//! What the bids topic brings: parsed in one pass, strings borrowed.

mod flat;

use std::borrow::Cow;

use bytes::Bytes;
use gavel_domain::{AccountId, Bid, BidId, CommandId, ItemId, Minor, SecretMinor, Withdrawal};
use gavel_streams::ProcessorError;
use newtype_uuid::{GenericUuid, TypedUuid, TypedUuidKind};
use serde::Deserialize;

use crate::decode::{decode, malformed, unknown_type};
use flat::Scalar;

/// A record of the bids topic.
pub(super) enum Incoming<'a> {
    /// A command on an item.
    Command(Command<'a>),
    /// Only time has passed.
    Tick,
}

/// A command on an item.
pub(super) struct Command<'a> {
    pub(super) item: ItemId,
    pub(super) action: Action<'a>,
}

/// What is asked for.
pub(super) enum Action<'a> {
    Bid { id: BidId, bid: Bid, country: Option<Cow<'a, str>>, grid: Option<Cow<'a, str>> },
    Withdraw { id: Option<CommandId>, withdrawal: Withdrawal },
}

impl Action<'_> {
    /// Who asks.
    pub(super) fn account(&self) -> AccountId {
        match self {
            Self::Bid { bid, .. } => bid.bidder,
            Self::Withdraw { withdrawal, .. } => withdrawal.by,
        }
    }
}

/// When a command came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Its time: partition time when it was read.
    pub(super) at_ms: i64,
    /// Its append time.
    pub(super) received_ms: i64,
}

/// A string that is borrowed where the JSON has no escapes in it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The fields of all types; which are needed depends on `kind`.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
struct Fields<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    item_id: Option<ItemId>,
    bid_id: Option<BidId>,
    bidder_id: Option<AccountId>,
    max_minor: Option<Minor>,
    #[serde(borrow)]
    country: Option<Text<'a>>,
    #[serde(borrow)]
    grid: Option<Text<'a>>,
    suspended: Option<bool>,
    command_id: Option<CommandId>,
    seller_id: Option<AccountId>,
}

impl<'a> Fields<'a> {
    /// The fields of an object that is written plainly. `None` leaves it to serde, which also refuses one that lacks its type, or has
    /// a field twice.
    fn plain(value: &'a [u8]) -> Option<Self> {
        let mut fields = Self::default();
        let mut seen = [false; 9];
        flat::fields(value, |name, scalar| {
            let place = match name {
                "type" => {
                    fields.kind = scalar.text()??.into();
                    0
                }
                "max_minor" => {
                    let Scalar::Number(max) = scalar else { return None };
                    fields.max_minor = Some(Minor::new(max).ok()?);
                    1
                }
                "item_id" => set_id(&mut fields.item_id, scalar, 2)?,
                "bid_id" => set_id(&mut fields.bid_id, scalar, 3)?,
                "bidder_id" => set_id(&mut fields.bidder_id, scalar, 4)?,
                "command_id" => set_id(&mut fields.command_id, scalar, 5)?,
                "seller_id" => set_id(&mut fields.seller_id, scalar, 6)?,
                "country" => set_text(&mut fields.country, scalar, 7)?,
                "grid" => set_text(&mut fields.grid, scalar, 8)?,
                "suspended" => return None,
                _ => return Some(()),
            };
            (!std::mem::replace(&mut seen[place], true)).then_some(())
        })?;
        seen[0].then_some(fields)
    }
}

fn set_id<K: TypedUuidKind>(field: &mut Option<TypedUuid<K>>, scalar: Scalar<'_>, place: usize) -> Option<usize> {
    *field = scalar.id()?.map(TypedUuid::from_untyped_uuid);
    Some(place)
}

fn set_text<'a>(field: &mut Option<Text<'a>>, scalar: Scalar<'a>, place: usize) -> Option<usize> {
    *field = scalar.text()?.map(|text| Text(text.into()));
    Some(place)
}

/// Reads a record of the bids topic.
///
/// # Errors
/// `Rejected` as `malformed` or `unknown_type`.
pub(super) fn parse(value: Option<&Bytes>) -> Result<Incoming<'_>, ProcessorError> {
    let fields = match value.and_then(|value| Fields::plain(value)) {
        Some(fields) => fields,
        None => decode(value)?,
    };
    let action = match &*fields.kind {
        "bid_placed" => Action::Bid {
            id: required(fields.bid_id, "bid_id")?,
            bid: Bid {
                bidder: required(fields.bidder_id, "bidder_id")?,
                max: SecretMinor::new(required(fields.max_minor, "max_minor")?),
                suspended: fields.suspended.unwrap_or(false),
            },
            country: fields.country.map(|text| text.0),
            grid: fields.grid.map(|text| text.0),
        },
        "withdrawal" => Action::Withdraw {
            id: fields.command_id,
            withdrawal: Withdrawal { by: required(fields.seller_id, "seller_id")? },
        },
        "tick" => return Ok(Incoming::Tick),
        other => return Err(unknown_type(other)),
    };
    Ok(Incoming::Command(Command { item: required(fields.item_id, "item_id")?, action }))
}

fn required<T>(field: Option<T>, name: &str) -> Result<T, ProcessorError> {
    field.ok_or_else(|| malformed(format!("{name} is missing")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(json: &'static str) -> (&'static str, String) {
        match parse(Some(&Bytes::from_static(json.as_bytes()))) {
            Err(ProcessorError::Rejected { cause, detail }) => (cause, detail),
            _ => panic!("{json} was not rejected"),
        }
    }

    #[test]
    fn what_cannot_be_a_command_is_rejected() {
        for (json, cause) in [
            ("", "malformed"),
            ("[]", "malformed"),
            // An array of as many elements as there are fields.
            (r#" ["tick",null,null,null,null,null,null,null,null,null]"#, "malformed"),
            (r#"{"v":1}"#, "malformed"),
            (r#"{"type":"bid_placed","v":1}"#, "malformed"),
            (r#"{"type":"bid_retracted","v":1}"#, "unknown_type"),
            (r#"{"type":"withdrawal","v":1,"item_id":"0195e7a0-0000-7000-8000-000000000001"}"#, "malformed"),
        ] {
            assert_eq!(rejection(json).0, cause, "{json}");
        }
        assert!(matches!(parse(None), Err(ProcessorError::Rejected { cause: "malformed", .. })));
    }

    #[test]
    fn a_rejection_never_repeats_a_maximum() {
        for max in ["-4711", "4711.5", "\"4711\"", "47110000000000000000"] {
            let json = format!(r#"{{"type":"bid_placed","v":1,"max_minor":{max}}}"#);
            let value = Bytes::from(json);
            let Err(error) = parse(Some(&value)) else { panic!("{max} was taken") };
            assert!(!error.to_string().contains("4711"), "{error}");
        }
    }

    #[test]
    fn strings_may_be_escaped_and_unknown_fields_are_ignored() {
        let value = Bytes::from_static(
            br#"{"type":"bid_pl\u0061ced","v":2,"new":{"a":[1]},"bid_id":"0195e7a0-0000-7000-8000-000000000001","item_id":"0195e7a0-0000-7000-8000-000000000002","bidder_id":"0195e7a0-0000-7000-8000-000000000003","max_minor":5,"country":"G\u0042","grid":null,"suspended":null}"#,
        );
        let Ok(Incoming::Command(Command { action: Action::Bid { country, grid, bid, .. }, .. })) = parse(Some(&value))
        else {
            panic!("it is a bid")
        };
        assert_eq!((country.as_deref(), grid, bid.max.reveal().get(), bid.suspended), (Some("GB"), None, 5, false));
    }

    #[test]
    fn what_is_read_plainly_is_what_serde_reads() {
        let id = |number: u8| format!("0195e7a0-0000-7000-8000-{number:012}");
        let bid = format!(
            r#"{{"type":"bid_placed","v":1,"bid_id":"{}","item_id":"{}","bidder_id":"{}","max_minor":12345,"country":"GB","grid":null}}"#,
            id(1),
            id(2),
            id(3)
        );
        let withdrawal = format!(
            r#"{{"type":"withdrawal","v":1,"command_id":"{}","item_id":"{}","seller_id":"{}"}}"#,
            id(1),
            id(2),
            id(3)
        );
        for text in [&bid, &withdrawal, r#"{"type":"tick","v":1}"#] {
            let plain = Fields::plain(text.as_bytes()).expect("it is plain");
            assert_eq!(plain, serde_json::from_str(text).unwrap(), "{text}");
        }
        // Nothing counts as given, too.
        for field in ["\"type\":\"tick\",", "\"max_minor\":1,", "\"country\":null,", "\"item_id\":null,"] {
            let twice = bid.replacen('{', &format!("{{{field}"), 1);
            assert!(Fields::plain(twice.as_bytes()).is_none(), "{twice}");
        }
        for odd in
            [bid.replace("12345", "-1"), bid.replace("12345", "null"), bid.replace("\"type\":\"bid_placed\",", "")]
        {
            assert!(Fields::plain(odd.as_bytes()).is_none(), "{odd}");
        }
    }

    #[test]
    fn a_tick_is_a_tick() {
        assert!(matches!(parse(Some(&Bytes::from_static(crate::wire::command::TICK))), Ok(Incoming::Tick)));
    }
}
