//! Headers, by which one bid can be followed from the click to the notice, and a record that could not be processed from
//! its topic to the dead letters and back.

use gavel_log::Record;
pub use gavel_streams::dead_letters::{
    CAUSE as DEAD_LETTER_CAUSE, CORRECTS as DEAD_LETTER_CORRECTS, DETAIL as DEAD_LETTER_DETAIL,
    ORIGIN as DEAD_LETTER_ORIGIN, RESOLVES as DEAD_LETTER_RESOLVES, TOPOLOGY as DEAD_LETTER_TOPOLOGY,
};

/// One id for all that one request caused.
pub const CORRELATION_ID: &str = "correlation-id";
/// The record that caused this one: `topic/partition/offset`.
pub const CAUSATION: &str = "causation";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

/// Whether a record is a copy that was sent back from the dead letters to one topology. In a topic that a topology writes, it
/// tells nobody else anything: the record itself is where it was.
#[must_use]
pub fn is_sent_back(record: &Record) -> bool {
    record.header(DEAD_LETTER_TOPOLOGY).is_some()
}
