//! `gavel verify`: recomputes what was decided from what was asked, and compares it with what was recorded.
//!
//! Each partition is replayed from its beginning, and the history and the completions of each item are compared with those
//! in the log, one by one in their order. What the processor had committed before the outputs were read must be
//! there; what it may have decided since may be; nothing else may. Older records may lack fields that were added since.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use gavel_log::NewRecord;
use gavel_streams::TopologyError;
use gavel_streams::driver::DriverError;
use serde_json::Value;

use crate::bidding;
pub use crate::replay::Recorded;
use crate::replay::Replay;
use crate::wire::topics;

/// The topics whose records are compared.
pub const COMPARED: [&str; 2] = [topics::HISTORY, topics::COMPLETE];

/// Why nothing could be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The topology stopped.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The topology cannot be built.
    #[error(transparent)]
    Topology(#[from] TopologyError),
}

/// What was asked of one partition, each topic in the order of its offsets.
#[derive(Debug, Default)]
pub struct Asked {
    /// Records of the items topic.
    pub items: Vec<Recorded>,
    /// Records of the bids topic.
    pub commands: Vec<Recorded>,
}

/// A record of the history or of the completions, as it is in the log.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// One of [`COMPARED`].
    pub topic: &'static str,
    /// Where in its partition.
    pub offset: u64,
    /// Its key.
    pub key: Bytes,
    /// Its value.
    pub value: Bytes,
}

/// The log says one thing, its replay another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// One of [`COMPARED`].
    pub topic: &'static str,
    /// The item.
    pub key: String,
    /// The offset and the value that are in the log; `None` where one is missing.
    pub recorded: Option<(u64, String)>,
    /// What the replay gives in its place; `None` where it gives no more.
    pub replayed: Option<String>,
}

/// What was found in one partition.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records that are as they must be.
    pub agreed: u64,
    /// All others.
    pub differences: Vec<Difference>,
}

/// Records of one topic and key that are still to be compared.
type Expected = BTreeMap<(&'static str, Bytes), VecDeque<(u64, Bytes)>>;

/// Compares one partition. `committed` is what the processor had committed before `recorded` was read, `since` what it may
/// have processed by then besides.
///
/// # Errors
/// [`VerifyError`]: the replay itself failed.
pub fn verify(committed: Asked, since: Asked, recorded: Vec<Outcome>) -> Result<Report, VerifyError> {
    let mut waiting = Expected::new();
    for Outcome { topic, offset, key, value } in recorded {
        waiting.entry((topic, key)).or_default().push_back((offset, value));
    }
    let mut comparison = Comparison { waiting, report: Report::default() };
    let mut replay = Replay::new(&bidding::topology()?);
    replay.run(committed.items, committed.commands, |outputs| {
        outputs.into_iter().for_each(|output| comparison.compare(output, true));
        Ok::<(), VerifyError>(())
    })?;
    replay.run(since.items, since.commands, |outputs| {
        outputs.into_iter().for_each(|output| comparison.compare(output, false));
        Ok::<(), VerifyError>(())
    })?;
    Ok(comparison.finish())
}

struct Comparison {
    waiting: Expected,
    report: Report,
}

impl Comparison {
    /// Compares one record of the replay with the next that the log has of its topic and key.
    fn compare(&mut self, replayed: NewRecord, is_due: bool) {
        let Some(topic) = COMPARED.into_iter().find(|topic| *topic == &*replayed.topic) else { return };
        let (key, value) = (replayed.key.unwrap_or_default(), replayed.value.unwrap_or_default());
        let recorded = self.waiting.get_mut(&(topic, key.clone())).and_then(VecDeque::pop_front);
        match recorded {
            Some((_, recorded)) if agrees(&recorded, &value) => self.report.agreed += 1,
            None if !is_due => {}
            recorded => self.report.differences.push(Difference {
                topic,
                key: text(&key),
                recorded: recorded.map(|(offset, recorded)| (offset, text(&recorded))),
                replayed: Some(text(&value)),
            }),
        }
    }

    /// What is left in the log was asked by nobody.
    fn finish(mut self) -> Report {
        for ((topic, key), left) in self.waiting {
            self.report.differences.extend(left.into_iter().map(|(offset, value)| Difference {
                topic,
                key: text(&key),
                recorded: Some((offset, text(&value))),
                replayed: None,
            }));
        }
        self.report
    }
}

/// Whether all that is recorded is as the replay has it.
fn agrees(recorded: &[u8], replayed: &[u8]) -> bool {
    let fields = |bytes: &[u8]| match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    };
    recorded == replayed
        || fields(recorded)
            .zip(fields(replayed))
            .is_some_and(|(recorded, replayed)| recorded.iter().all(|(name, value)| replayed.get(name) == Some(value)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
