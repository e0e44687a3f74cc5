//! All present orders, and what they together ask of one topology.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use gavel_log::Record;
use serde::Serialize;

use super::order::{ALL, Order, OrderedState, is_of_another_type};

/// How long after the append time of its record a drain ends: every worker knows of an order within this time.
pub const DRAIN_LEAD_MS: i64 = 1_000;

/// What a topology is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Mode {
    /// Process what comes.
    #[default]
    Running,
    /// Process what was appended up to this time, and nothing after it.
    Draining {
        /// The append time, inclusive.
        until_ms: i64,
    },
    /// Process nothing.
    Paused,
}

/// What the orders together ask of one topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Regime {
    /// What it is to do.
    #[serde(flatten)]
    pub mode: Mode,
    /// How many records it may process in a second, in all processes together.
    pub rate_per_s: Option<NonZeroU32>,
}

/// The present orders, by scope.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Orders(BTreeMap<String, Given>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Given {
    order: Order,
    append_ms: i64,
}

impl Orders {
    /// Takes a record of the topic; what is of another type is passed over. False if it is not understood: then the scope's
    /// last order stands.
    pub fn read(&mut self, record: &Record) -> bool {
        if is_of_another_type(record) {
            return true;
        }
        let Some((scope, order)) = Order::read(record) else { return false };
        self.0.insert(scope, Given { order, append_ms: record.append_ms });
        true
    }

    /// The order of a scope.
    #[must_use]
    pub fn of(&self, scope: &str) -> Order {
        self.0.get(scope).map(|given| given.order).unwrap_or_default()
    }

    /// The scopes whose order is not simply to run.
    pub fn standing(&self) -> impl Iterator<Item = (&str, Order)> {
        let all = self.0.iter().map(|(scope, given)| (scope.as_str(), given.order));
        all.filter(|(_, order)| *order != Order::default())
    }

    /// What they together ask of a topology: paused if any says so, else drained if any does; the lowest rate.
    #[must_use]
    pub fn regime(&self, topology: &str) -> Regime {
        let given: Vec<Given> = [ALL, topology].iter().filter_map(|scope| self.0.get(*scope).copied()).collect();
        let ends = given.iter().filter(|given| given.order.state == OrderedState::Draining);
        let until_ms = ends.map(|given| given.append_ms.saturating_add(DRAIN_LEAD_MS)).min();
        let mode = if given.iter().any(|given| given.order.state == OrderedState::Paused) {
            Mode::Paused
        } else {
            until_ms.map_or(Mode::Running, |until_ms| Mode::Draining { until_ms })
        };
        Regime { mode, rate_per_s: given.iter().filter_map(|given| given.order.rate_per_s).min() }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use gavel_log::NewRecord;

    use super::*;

    /// A record as it is read.
    pub(in crate::control) fn appended(record: NewRecord, append_ms: i64) -> Record {
        let NewRecord { topic, key, value, headers, .. } = record;
        Record { topic, partition: 0, offset: 0, append_ms, key, value, headers }
    }

    fn given(orders: &mut Orders, scope: &str, state: OrderedState, rate: u32, append_ms: i64) {
        let order = Order { state, rate_per_s: NonZeroU32::new(rate) };
        assert!(orders.read(&appended(order.record("control", scope), append_ms)));
    }

    #[test]
    fn all_and_the_scopes_own_order_combine() {
        use OrderedState::{Draining, Paused, Running};
        let draining = |append_ms: i64| Mode::Draining { until_ms: append_ms + DRAIN_LEAD_MS };
        // For all, appended at 5: state and rate; for bidding, at 7; what bidding does; at which rate.
        let table = [
            ((Running, 0), (Running, 0), Mode::Running, 0),
            ((Paused, 0), (Running, 0), Mode::Paused, 0),
            ((Running, 0), (Paused, 0), Mode::Paused, 0),
            ((Draining, 0), (Paused, 0), Mode::Paused, 0),
            ((Paused, 0), (Draining, 0), Mode::Paused, 0),
            ((Draining, 0), (Running, 0), draining(5), 0),
            ((Running, 0), (Draining, 0), draining(7), 0),
            ((Draining, 0), (Draining, 0), draining(5), 0),
            ((Running, 9), (Running, 0), Mode::Running, 9),
            ((Running, 9), (Running, 3), Mode::Running, 3),
            ((Running, 3), (Paused, 9), Mode::Paused, 3),
        ];
        for ((all, all_rate), (own, own_rate), mode, rate) in table {
            let mut orders = Orders::default();
            given(&mut orders, ALL, all, all_rate, 5);
            given(&mut orders, "bidding", own, own_rate, 7);
            given(&mut orders, "notices", Paused, 1, 8);
            let regime = Regime { mode, rate_per_s: NonZeroU32::new(rate) };
            assert_eq!(orders.regime("bidding"), regime, "{all:?} {all_rate}, {own:?} {own_rate}");
        }
    }

    #[test]
    fn the_last_order_of_a_scope_counts() {
        let mut orders = Orders::default();
        given(&mut orders, "bidding", OrderedState::Paused, 4, 1);
        let strange = NewRecord { key: Some("bidding".into()), value: Some("?".into()), ..NewRecord::default() };
        assert!(!orders.read(&appended(strange, 2)));
        assert_eq!(orders.regime("bidding").mode, Mode::Paused, "what is not understood changes nothing");
        assert_eq!(orders.standing().map(|(scope, _)| scope).collect::<Vec<_>>(), ["bidding"]);
        let other = NewRecord {
            key: Some("bidding".into()),
            value: Some(r#"{"type":"of_the_future","v":1}"#.into()),
            ..NewRecord::default()
        };
        assert!(orders.read(&appended(other, 2)), "it is no order, and is passed over");
        assert_eq!(orders.regime("bidding").mode, Mode::Paused);
        given(&mut orders, "bidding", OrderedState::Running, 0, 3);
        assert_eq!(orders.regime("bidding"), Regime::default());
        assert_eq!(orders.standing().count(), 0);
    }
}
