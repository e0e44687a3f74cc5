//! `gavel backtest`: recorded commands through the very same bidding topology, on a virtual clock.
//!
//! Partitions share nothing, so each is run on its own, from its first record until its last auction has ended; the output
//! has them in order of their number. Within one, the order is that of emission. Files are held in memory whole,
//! and are known to be sound before the first byte is written.

use std::collections::BTreeMap;
use std::io::Write;

use bytes::Bytes;
use gavel_domain::{EpochMs, TimeOutOfRange};
use gavel_log::NewRecord;
use gavel_streams::driver::DriverError;
use gavel_streams::{Topology, TopologyError};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::bidding;
use crate::decode::object;
use crate::replay::{Recorded, Replay};
use crate::wire::topics;

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
    /// A line's append time is none.
    #[error("line {line} of the {file}: append_ms: {reason}")]
    Time {
        /// Which of the two files.
        file: &'static str,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: TimeOutOfRange,
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
    partition: Option<u32>,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// What was recorded of one partition, each topic in the order of its offsets.
#[derive(Default)]
struct Partition {
    items: Vec<Recorded>,
    commands: Vec<Recorded>,
}

/// The records of two files, each line known to be one.
#[derive(Default)]
pub struct Recording(BTreeMap<u32, Partition>);

impl Recording {
    /// Reads two files, one JSON object a line.
    ///
    /// The commands of a partition are in the order of their offsets; how partitions interleave does not matter, nor in
    /// which order the items are: they are taken by (append time, item).
    ///
    /// # Errors
    /// `Line`, `Time`: the first line that is no record.
    pub fn read(items: &Bytes, commands: &Bytes) -> Result<Self, BacktestError> {
        let mut partitions: BTreeMap<u32, Partition> = BTreeMap::new();
        read(items, "items", |partition, record| partitions.entry(partition).or_default().items.push(record))?;
        read(commands, "bids", |partition, record| partitions.entry(partition).or_default().commands.push(record))?;
        Ok(Self(partitions))
    }

    /// Replays it, and writes the history and the completions to `out`.
    ///
    /// # Errors
    /// [`BacktestError`]; a record that cannot be processed is none, it is counted.
    pub fn replay(self, out: &mut impl Write) -> Result<Summary, BacktestError> {
        let mut report = Report { topology: bidding::topology()?, out, summary: Summary::default() };
        for partition in self.0.into_values() {
            report.partition(partition)?;
        }
        report.out.flush()?;
        Ok(report.summary)
    }
}

fn read(file: &Bytes, name: &'static str, mut take: impl FnMut(u32, Recorded)) -> Result<(), BacktestError> {
    for (index, text) in file.split(|byte| *byte == b'\n').enumerate() {
        let text = text.trim_ascii();
        if text.is_empty() {
            continue;
        }
        let line = index + 1;
        let refused = || BacktestError::Line { file: name, line };
        let parsed: Line<'_> = object(text).ok_or_else(refused)?;
        let append = EpochMs::given(parsed.append_ms);
        let append = append.map_err(|reason| BacktestError::Time { file: name, line, reason })?;
        let value = file.slice_ref(parsed.value.get().as_bytes());
        take(parsed.partition.unwrap_or(0), Recorded { append_ms: append.get(), value: Some(value) });
    }
    Ok(())
}

struct Report<'a, W> {
    topology: Topology,
    out: &'a mut W,
    summary: Summary,
}

impl<W: Write> Report<'_, W> {
    fn partition(&mut self, recorded: Partition) -> Result<(), BacktestError> {
        self.summary.items += recorded.items.len() as u64;
        self.summary.commands += recorded.commands.len() as u64;
        let mut replay = Replay::new(&self.topology);
        replay.run(recorded.items, recorded.commands, |outputs| self.write(outputs))?;
        self.write(replay.run_out()?)
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
