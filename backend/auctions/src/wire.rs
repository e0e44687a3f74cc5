//! Records on the wire: JSON objects with `type` and `v`. Fields are only ever added; unknown ones are ignored.
//!
//! Amounts are integers in the currency's minor unit (`_minor`), times epoch milliseconds (`_ms`), ids UUIDs. One file
//! per topic; [`topics`] has their names and how they are kept.

pub mod analytics;
pub mod command;
pub mod completion;
pub mod headers;
pub mod history;
pub mod item;
pub mod notice;
pub mod price;
pub mod topics;

mod json;

pub use analytics::{Measure, MeasureRecord};
pub use command::{BidPlaced, Withdrawal};
pub use completion::CompletionRecord;
pub use gavel_domain::{Closing as ClosingTerms, Decision, Outcome, ReserveStatus};
pub use history::{FirstDecision, HistoryKind, HistoryRecord};
pub use item::{ItemError, ItemListed};
pub use notice::{NoticeKind, NoticeRecord};
pub use price::PriceRecord;

/// The schema version that this build writes.
pub const SCHEMA_VERSION: u16 = 1;
