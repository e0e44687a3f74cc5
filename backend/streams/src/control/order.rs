//! An order on the wire: `{"type":"control_set","v":1,"scope":"bidding","state":"running","rate_per_s":null}`.

use std::num::NonZeroU32;

use gavel_log::{NewRecord, Record};
use serde::{Deserialize, Serialize};

/// The scope of all topologies.
pub const ALL: &str = "all";
/// The version of what is written here.
const SCHEMA_VERSION: u16 = 1;

/// What a scope is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderedState {
    /// Process what comes.
    #[default]
    Running,
    /// Process nothing.
    Paused,
    /// Process what was appended up to the order, and nothing after it.
    Draining,
}

/// The whole present order of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Order {
    /// What it is to do.
    pub state: OrderedState,
    /// How many records of each topology may be processed in a second, in all processes together.
    pub rate_per_s: Option<NonZeroU32>,
}

/// A record of the topic.
#[derive(Debug, Serialize, Deserialize)]
struct ControlSet {
    #[serde(rename = "type")]
    kind: Kind,
    v: u16,
    scope: String,
    #[serde(flatten)]
    order: Order,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    ControlSet,
}

/// Whether a record of the topic says that it is something else than an order: other things of a house are kept there, too.
pub(super) fn is_of_another_type(record: &Record) -> bool {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        kind: String,
    }
    let typed = record.value.as_deref().and_then(|value| serde_json::from_slice::<Typed>(value).ok());
    typed.is_some_and(|typed| typed.kind != "control_set")
}

impl Order {
    /// The record that gives this order to a scope.
    #[must_use]
    pub fn record(self, topic: &str, scope: &str) -> NewRecord {
        let set = ControlSet { kind: Kind::ControlSet, v: SCHEMA_VERSION, scope: scope.into(), order: self };
        NewRecord {
            topic: topic.into(),
            partition: Some(0),
            key: Some(scope.to_owned().into()),
            value: Some(serde_json::json!(set).to_string().into()),
            headers: Vec::new(),
        }
    }

    /// The scope and the order of a record; a tombstone takes an order back. `None` if it is not understood.
    pub(super) fn read(record: &Record) -> Option<(String, Self)> {
        let scope = String::from_utf8(record.key.as_deref()?.to_vec()).ok()?;
        let Some(value) = record.value.as_deref() else { return Some((scope, Self::default())) };
        let set: ControlSet = serde_json::from_slice(value).ok()?;
        (set.scope == scope).then_some((scope, set.order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::orders::tests::appended;

    #[test]
    fn golden_bytes() {
        let order = Order { state: OrderedState::Paused, rate_per_s: NonZeroU32::new(20) };
        let record = order.record("gavel.control", "bidding");
        let golden = br#"{"type":"control_set","v":1,"scope":"bidding","state":"paused","rate_per_s":20}"#;
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&record.value.clone().unwrap()).unwrap(),
            serde_json::from_slice::<serde_json::Value>(golden).unwrap()
        );
        assert_eq!(Order::read(&appended(record, 0)), Some(("bidding".into(), order)));
    }

    #[test]
    fn what_is_not_an_order_is_not_read_as_one() {
        let read = |key: &'static str, value: Option<&'static str>| {
            let record = NewRecord { key: Some(key.into()), value: value.map(Into::into), ..NewRecord::default() };
            Order::read(&appended(record, 0))
        };
        assert_eq!(read("all", None), Some(("all".into(), Order::default())), "a tombstone");
        for other in [
            "",
            "paused",
            r#"{"type":"control_set","v":1,"scope":"notices","state":"paused","rate_per_s":null}"#,
            r#"{"type":"control_set","v":1,"scope":"all","state":"asleep","rate_per_s":null}"#,
            r#"{"type":"control_set","v":1,"scope":"all","state":"running","rate_per_s":0}"#,
        ] {
            assert_eq!(read("all", Some(other)), None, "{other}");
        }
        let later = r#"{"type":"control_set","v":2,"scope":"all","state":"paused","since":7}"#;
        assert_eq!(
            read("all", Some(later)).unwrap().1.state,
            OrderedState::Paused,
            "fields may be added, and left out"
        );
    }
}
