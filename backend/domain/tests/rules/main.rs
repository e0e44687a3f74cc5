//! The rules of bidding against hand-computed tables, properties and a naive oracle.

mod bidding;
mod closing;
mod ladder;
mod lot;
mod oracle;
mod properties;
mod refusals;
mod terms;
mod withdrawal;
