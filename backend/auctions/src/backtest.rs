//! `gavel backtest`: recorded commands through the very same bidding topology, on a virtual clock.
//!
//! Partitions share nothing, so each is run on its own, from its first record until its last auction has ended; the output
//! has them in order of their number. Within one, the order is that of emission. Files are held in memory whole.

use std::collections::BTreeMap;
use std::io::Write;

use bytes::Bytes;
use gavel_domain::ItemId;
use gavel_log::NewRecord;
use gavel_streams::driver::DriverError;
use gavel_streams::{Topology, TopologyError, TopologyTestDriver};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::bidding;
use crate::wire::topics;

/// How many commands are handed to the driver before its outputs are taken.
const COMMANDS_AT_ONCE: usize = 16_384;

/// Why a backtest failed.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// A line is no record.
    #[error(r#"line {line} of the {file} is not a record such as {{"append_ms":0,"value":{{…}}}}"#)]
    Line {
        /// Which of the two files.
        file: &'static str,
        /// Its line, from 1.
        line: usize,
    },
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
    /// The topology stopped.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The topology cannot be built.
    #[error(transparent)]
    Topology(#[from] TopologyError),
}

/// What a backtest did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records of the items topic read.
    pub items: u64,
    /// Records of the bids topic read, ticks included.
    pub commands: u64,
    /// Commands decided.
    pub decisions: u64,
    /// Auctions ended.
    pub completions: u64,
    /// Records that could not be processed; a live run sends them to the dead letters.
    pub dead_letters: u64,
}

/// One line of an input file.
#[derive(Deserialize)]
struct Line<'a> {
    append_ms: i64,
    #[serde(default)]
    partition: u32,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// One record to replay.
struct Recorded {
    append_ms: i64,
    value: Bytes,
}

/// What was recorded of one partition, each topic in the order of its offsets.
#[derive(Default)]
struct Recording {
    items: Vec<Recorded>,
    commands: Vec<Recorded>,
}

/// Replays the records of two files, one JSON object a line, and writes the history and the completions to `out`.
///
/// The commands of a partition are in the order of their offsets; how partitions interleave does not matter, nor in which
/// order the items are: they are taken by (append time, item).
///
/// # Errors
/// [`BacktestError`]; a record that cannot be processed is none, it is counted.
pub fn backtest(items: &Bytes, commands: &Bytes, out: &mut impl Write) -> Result<Summary, BacktestError> {
    let topology = bidding::topology()?;
    let mut recordings: BTreeMap<u32, Recording> = BTreeMap::new();
    read(items, "items", |partition, record| recordings.entry(partition).or_default().items.push(record))?;
    read(commands, "bids", |partition, record| recordings.entry(partition).or_default().commands.push(record))?;
    let mut replay = Replay { topology, out, summary: Summary::default() };
    for recording in recordings.into_values() {
        replay.partition(recording)?;
    }
    replay.out.flush()?;
    Ok(replay.summary)
}

fn read(file: &Bytes, name: &'static str, mut take: impl FnMut(u32, Recorded)) -> Result<(), BacktestError> {
    for (index, text) in file.split(|byte| *byte == b'\n').enumerate() {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let refused = |_| BacktestError::Line { file: name, line: index + 1 };
        let line: Line<'_> = serde_json::from_slice(text).map_err(refused)?;
        let value = file.slice_ref(line.value.get().as_bytes());
        take(line.partition, Recorded { append_ms: line.append_ms, value });
    }
    Ok(())
}

struct Replay<'a, W> {
    topology: Topology,
    out: &'a mut W,
    summary: Summary,
}

impl<W: Write> Replay<'_, W> {
    fn partition(&mut self, mut recording: Recording) -> Result<(), BacktestError> {
        let mut driver = TopologyTestDriver::bulk(&self.topology, 1);
        recording.items.sort_by_cached_key(|record| (record.append_ms, item_of(&record.value)));
        self.summary.items += recording.items.len() as u64;
        self.summary.commands += recording.commands.len() as u64;
        for record in recording.items {
            driver.enqueue_record(topics::ITEMS, 0, None, Some(record.value), Vec::new(), record.append_ms)?;
        }
        let mut until_ms = i64::MIN;
        let mut commands = recording.commands.into_iter().peekable();
        while commands.peek().is_some() {
            for record in commands.by_ref().take(COMMANDS_AT_ONCE) {
                until_ms = until_ms.max(record.append_ms);
                driver.enqueue_record(topics::BIDS, 0, None, Some(record.value), Vec::new(), record.append_ms)?;
            }
            // Items appended later wait for the commands that come before them.
            driver.run_until(until_ms)?;
            self.write(driver.drain_outputs())?;
        }
        driver.run_until_quiet()?;
        self.write(driver.drain_outputs())
    }

    fn write(&mut self, outputs: Vec<NewRecord>) -> Result<(), BacktestError> {
        for record in outputs {
            match &*record.topic {
                topics::HISTORY => self.summary.decisions += 1,
                topics::COMPLETE => self.summary.completions += 1,
                topics::PRICES | topics::ITEMS => continue,
                _ => {
                    self.summary.dead_letters += 1;
                    continue;
                }
            }
            self.out.write_all(br#"{"topic":""#)?;
            self.out.write_all(record.topic.as_bytes())?;
            self.out.write_all(br#"","key":""#)?;
            self.out.write_all(record.key.as_deref().unwrap_or_default())?;
            self.out.write_all(br#"","value":"#)?;
            self.out.write_all(record.value.as_deref().unwrap_or(b"null"))?;
            self.out.write_all(b"}\n")?;
        }
        Ok(())
    }
}

/// The item that a record is of, to order those of the same millisecond; whether it is one is judged later.
fn item_of(value: &[u8]) -> Option<ItemId> {
    #[derive(Deserialize)]
    struct Of {
        item_id: ItemId,
    }
    serde_json::from_slice::<Of>(value).ok().map(|of| of.item_id)
}
