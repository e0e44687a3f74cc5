//! Headers, by which one bid can be followed from the click to the notice.

/// One id for all that one request caused.
pub const CORRELATION_ID: &str = "correlation-id";
/// The record that caused this one: `topic/partition/offset`.
pub const CAUSATION: &str = "causation";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
