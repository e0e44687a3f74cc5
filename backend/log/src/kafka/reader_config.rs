//! Settings of every consumer that reads.

use rdkafka::config::ClientConfig;

use super::client::base_config;
use crate::port::GroupConfig;

/// What librdkafka may hold for one consumer ahead of its reader.
const PREFETCH_KIB: &str = "2048";
/// What brokers send at once, of all partitions together; one batch that is larger comes all the same.
const FETCH_BYTES_MAX: &str = "2097152";
/// How late, at most, a member hears that its group moves partitions.
const HEARTBEAT_MS_MAX: u128 = 200;

/// When a question is put again that has no answer yet: first, and at last.
pub(super) const RETRY_MS: &str = "10";
pub(super) const RETRY_MS_MAX: &str = "100";

/// Of committed records, in a group or by hand.
pub(super) fn reader_config(bootstrap: &str, group: Option<&GroupConfig>) -> ClientConfig {
    let mut config = base_config(bootstrap);
    config
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        // An end that is reached wakes the reader, whose position may have passed transaction markers.
        .set("enable.partition.eof", "true")
        // A partition that is newly read, or sought, waits for the fetch under way.
        .set("fetch.wait.max.ms", "100")
        .set("fetch.min.bytes", "1")
        .set("fetch.max.bytes", FETCH_BYTES_MAX)
        .set("fetch.error.backoff.ms", "50")
        .set("fetch.queue.backoff.ms", "10")
        // Offsets that a transaction keeps undecided are asked for again soon.
        .set("retry.backoff.ms", RETRY_MS)
        .set("retry.backoff.max.ms", RETRY_MS_MAX)
        .set("queued.max.messages.kbytes", PREFETCH_KIB)
        .set("group.id", group.map_or("gavel.unassigned", |group| &group.group));
    if let Some(group) = group {
        let session_ms = group.session_timeout.as_millis();
        config
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "range")
            .set("session.timeout.ms", session_ms.to_string())
            .set("heartbeat.interval.ms", (session_ms / 3).clamp(1, HEARTBEAT_MS_MAX).to_string())
            .set("max.poll.interval.ms", session_ms.max(300_000).to_string());
        if let Some(instance) = &group.instance {
            config.set("group.instance.id", instance);
        }
    }
    config
}
