//! The writing side: records of the log become rows, with the offsets they reflect, in one database transaction.
//!
//! [`batch`] sorts records into what they change; [`write`] writes it. [`reader`] carries batches from the log to the
//! database; the [`projector`] drives it for as long as the process lives, [`rebuild`](mod@rebuild) once from the log's start.

mod batch;
mod offsets;
mod pace;
mod projector;
mod reader;
mod rebuild;
mod write;

use gavel_auctions::wire::topics;

pub use pace::{ProjectionReport, ProjectionTag};
pub use projector::{Projector, ProjectorConfig, ProjectorStatus};
pub use reader::{PartitionLag, lag};
pub use rebuild::{RebuildProgress, rebuild};

/// What is appended to a topic's name for its dead letters.
const DEAD_LETTERS: &str = ".dead-letters";

/// The sources of the topologies: their dead letters are shown.
const PROCESSED: [&str; 4] = [topics::ITEMS, topics::BIDS, topics::HISTORY, topics::COMPLETE];

/// The topics that are projected. All must exist.
#[must_use]
pub fn projected_topics() -> Vec<String> {
    let records = [topics::ITEMS, topics::HISTORY, topics::COMPLETE, topics::NOTICES, topics::ANALYTICS];
    let dead_letters = PROCESSED.map(|topic| format!("{topic}{DEAD_LETTERS}"));
    records.into_iter().map(str::to_owned).chain(dead_letters).collect()
}
