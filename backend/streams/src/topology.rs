//! What is declared: sources, processors, state stores and sinks, checked when built.
//!
//! ```text
//! Topology::builder("bidding")
//!     .source("items", "auctions.items")
//!     .source("bids", "auctions.bids")
//!     .clock("bids", r#"{"type":"tick","v":1}"#)       // whose append times are partition time; ticks go to it
//!     .processor("auctioneer", Auctioneer::new, &["items", "bids"])
//!     .store("auctions", &["auctioneer"])             // in the changelog bidding.changelog
//!     .sink("history", "auctions.bids.history", &["auctioneer"])
//!     .build()?
//! ```
//!
//! The order of sources matters: a record waits until every source declared before its own has been read past the
//! record's append time, or to that source's end as it was when the record was seen. So a topology reads a table
//! before the stream that joins it, however the two interleave.

mod builder;
mod relocation;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gavel_log::{Cleanup, TopicSpec};

pub use builder::{TopologyBuilder, TopologyError};

use crate::processor::Processor;

/// Index of the built-in store that holds partition time and the timers; declared stores follow it.
pub(crate) const TASK_STORE: usize = 0;

/// The name of a topology's changelog.
fn changelog_of(topology: &str) -> Arc<str> {
    format!("{topology}.changelog").into()
}

/// Makes one processor for each task.
type Supplier = Arc<dyn Fn() -> Box<dyn Processor> + Send + Sync>;

/// A checked graph of sources, processors, stores and sinks. Cheap to clone.
#[derive(Clone)]
pub struct Topology(pub(crate) Arc<Graph>);

pub(crate) struct Graph {
    pub(crate) name: String,
    /// The same wherever it runs: by it a record is sent back to it.
    pub(crate) declared_name: String,
    pub(crate) sources: Vec<SourceNode>,
    pub(crate) clock: Option<ClockNode>,
    pub(crate) processors: Vec<ProcessorNode>,
    pub(crate) changelog: Arc<str>,
    /// The task store first.
    pub(crate) stores: Vec<StoreNode>,
    pub(crate) sinks: Vec<SinkNode>,
    /// From one unit of work to the next, at least.
    pub(crate) unit_interval: Duration,
}

pub(crate) struct SourceNode {
    pub(crate) name: String,
    pub(crate) topic: Arc<str>,
    pub(crate) dead_letters: Arc<str>,
    pub(crate) readers: Vec<usize>,
}

pub(crate) struct ClockNode {
    pub(crate) source: usize,
    /// `None` where it is not for this topology to append any.
    pub(crate) tick: Option<Bytes>,
}

pub(crate) struct ProcessorNode {
    pub(crate) name: String,
    pub(crate) supplier: Supplier,
    pub(crate) sources: Vec<usize>,
    /// In the order of declaration: position here is the index the processor uses.
    pub(crate) stores: Vec<usize>,
    /// Likewise.
    pub(crate) sinks: Vec<usize>,
}

#[derive(Clone)]
pub(crate) struct StoreNode {
    pub(crate) name: String,
    pub(crate) is_append_only: bool,
}

pub(crate) struct SinkNode {
    pub(crate) name: String,
    pub(crate) topic: Arc<str>,
}

impl Topology {
    /// Begins a topology. Its name is part of its group's id (`gavel.<name>`) and of its changelog's name.
    #[must_use]
    pub fn builder(name: &str) -> TopologyBuilder {
        TopologyBuilder::new(name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The id of the consumer group that runs it.
    #[must_use]
    pub fn group(&self) -> String {
        format!("gavel.{}", self.0.name)
    }

    /// The topics it reads, in the order of declaration.
    pub fn source_topics(&self) -> impl Iterator<Item = &str> {
        self.0.sources.iter().map(|source| &*source.topic)
    }

    /// The topics it writes to, its own internal ones left out.
    pub fn sink_topics(&self) -> impl Iterator<Item = &str> {
        self.0.sinks.iter().map(|sink| &*sink.topic)
    }

    /// The internal topics, to be created with as many partitions as its sources have: a compacted
    /// changelog of all its stores, and dead letters for each source, kept for ever.
    #[must_use]
    pub fn topics(&self, partitions: u32) -> Vec<TopicSpec> {
        let changelog = (&self.0.changelog, Cleanup::Compact);
        let dead_letters = self.0.sources.iter().map(|source| (&source.dead_letters, Cleanup::Keep));
        std::iter::once(changelog)
            .chain(dead_letters)
            .map(|(name, cleanup)| TopicSpec { name: Arc::clone(name), partitions, cleanup })
            .collect()
    }
}

impl std::fmt::Debug for Topology {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Topology").field(&self.0.name).finish()
    }
}

#[cfg(test)]
mod tests;
