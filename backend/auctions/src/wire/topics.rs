//! The names of the topics, and how each is kept.

use gavel_log::{Cleanup, TopicSpec};

/// Items listed, and what breaks their join (`item_completed`). Internal: holds reserves.
pub const ITEMS: &str = "auctions.items";
/// Commands: bids, withdrawals, ticks. Internal: holds maxima.
pub const BIDS: &str = "auctions.bids";
/// The audit: one record per command with its decision. Public.
pub const HISTORY: &str = "auctions.bids.history";
/// One record per ended auction. Public.
pub const COMPLETE: &str = "auctions.items-complete";
/// The present public state of each item, compacted. Public.
pub const PRICES: &str = "auctions.prices";
/// Windowed measures.
pub const ANALYTICS: &str = "auctions.analytics";
/// Notices to accounts.
pub const NOTICES: &str = "notices";
/// Durable, group-wide control of processors.
pub const CONTROL: &str = "gavel.control";
/// Flow and business measures of the running processes.
pub const METRICS: &str = "gavel.metrics";

/// How long [`METRICS`] are kept.
const METRICS_RETENTION_MS: i64 = 24 * 60 * 60 * 1000;

/// Every topic of the product with `partitions` partitions each; the runtime's own (changelogs, dead letters) come from
/// the topologies.
#[must_use]
pub fn specs(partitions: u32) -> Vec<TopicSpec> {
    let spec = |name: &str, partitions, cleanup| TopicSpec { name: name.into(), partitions, cleanup };
    vec![
        spec(ITEMS, partitions, Cleanup::Keep),
        spec(BIDS, partitions, Cleanup::Keep),
        spec(HISTORY, partitions, Cleanup::Keep),
        spec(COMPLETE, partitions, Cleanup::Keep),
        spec(PRICES, partitions, Cleanup::Compact),
        spec(ANALYTICS, partitions, Cleanup::Keep),
        spec(NOTICES, partitions, Cleanup::Keep),
        spec(CONTROL, 1, Cleanup::Compact),
        spec(METRICS, 1, Cleanup::Delete { retention_ms: METRICS_RETENTION_MS }),
    ]
}
