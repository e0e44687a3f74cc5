//! What a unit of work sends out: forwarded records and dead letters, and the headers they carry.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use gavel_log::{Header, NewRecord};

use crate::dead_letters::{self, Kind};
use crate::processor::{Cause, SourceRecord, Timer};
use crate::topology::Graph;

/// The record that an output came of: `topic/partition/offset`.
pub const CAUSATION: &str = "causation";
/// Headers that pass from a record to what comes of it.
pub const INHERITED: [&str; 2] = ["correlation-id", "traceparent"];
/// How much of it [`Places`] takes at a time.
const PLACES_BYTES: usize = 16 << 10;

/// What an output comes of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The record of this index in the unit of work.
    Record(usize),
    /// A timer that the record of this index made due. It is another matter than the record's own, so it inherits no
    /// correlation.
    Timer(usize),
    /// The unit of work as a whole, while it begins to commit: no record is its cause.
    Unit,
}

/// Why something could not be processed.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) cause: &'static str,
    pub(super) detail: String,
}

/// One record to send, its headers not yet made.
#[derive(Debug)]
pub(super) enum Emission {
    /// A processor forwarded it, on behalf of another record than its origin if one is named.
    Forward { sink: usize, key: Bytes, value: Bytes, origin: Origin, behalf: Option<Arc<Cause>> },
    /// A record that cannot be processed.
    DeadRecord { index: usize, verdict: Verdict },
    /// A timer that cannot be handled: its key goes to the dead letters of the clock.
    DeadTimer { index: usize, timer: Timer, verdict: Verdict },
}

impl Emission {
    /// Why it is a dead letter, if it is one.
    pub(super) fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Forward { .. } => None,
            Self::DeadRecord { verdict, .. } | Self::DeadTimer { verdict, .. } => Some(verdict.cause),
        }
    }

    /// The record as it goes to the log. Without `places` the headers of forwarded records are left out.
    pub(super) fn render(
        &self,
        graph: &Graph,
        partition: u32,
        records: &[SourceRecord],
        places: Option<&mut Places>,
    ) -> NewRecord {
        match self {
            Self::Forward { sink, key, value, origin, behalf } => NewRecord {
                topic: graph.sinks[*sink].topic.clone(),
                partition: None,
                key: Some(key.clone()),
                value: Some(value.clone()),
                headers: match (places, behalf) {
                    (None, _) => Vec::new(),
                    (Some(places), Some(cause)) => headers_of(places.of(cause.source, cause.offset), &cause.headers),
                    (Some(places), None) => causal_headers(places, records, *origin),
                },
            },
            Self::DeadRecord { index, verdict } => {
                let record = &records[*index];
                let mut headers = dead_letter_headers(graph, partition, record, verdict);
                headers.extend(
                    record.headers.iter().filter(|header| !header.name.starts_with(dead_letters::PREFIX)).cloned(),
                );
                NewRecord {
                    topic: graph.sources[record.source].dead_letters.clone(),
                    partition: Some(partition),
                    key: record.key.clone(),
                    value: record.value.clone(),
                    headers,
                }
            }
            Self::DeadTimer { index, timer, verdict } => {
                let record = &records[*index];
                let detail = format!("timer due at {}: {}", timer.due_ms, verdict.detail);
                let verdict = Verdict { cause: verdict.cause, detail };
                let mut headers = dead_letter_headers(graph, partition, record, &verdict);
                headers.push(header(dead_letters::KIND, Kind::TIMER));
                NewRecord {
                    topic: graph.sources[record.source].dead_letters.clone(),
                    partition: Some(partition),
                    key: Some(timer.key.clone()),
                    value: None,
                    headers,
                }
            }
        }
    }
}

/// Writes the places of records, `topic/partition/offset`, many into one piece of memory.
pub(super) struct Places {
    /// For each source: all but the offset.
    sources: Vec<String>,
    text: BytesMut,
}

impl Places {
    pub(super) fn new(graph: &Graph, partition: u32) -> Self {
        let sources = graph.sources.iter().map(|source| format!("{}/{partition}/", source.topic)).collect();
        Self { sources, text: BytesMut::with_capacity(PLACES_BYTES) }
    }

    fn of(&mut self, source: usize, offset: u64) -> Bytes {
        self.text.put_slice(self.sources[source].as_bytes());
        self.text.put_slice(itoa::Buffer::new().format(offset).as_bytes());
        self.text.split().freeze()
    }
}

fn header(name: &'static str, value: impl Into<Bytes>) -> Header {
    Header { name: Cow::Borrowed(name), value: value.into() }
}

/// The headers of a record that pass to what comes of it.
pub(crate) fn inherited(headers: &[Header]) -> impl Iterator<Item = &Header> {
    headers.iter().filter(|header| INHERITED.contains(&&*header.name))
}

fn causal_headers(places: &mut Places, records: &[SourceRecord], origin: Origin) -> Vec<Header> {
    let mut of = |index: usize, passed: &[Header]| {
        let record = &records[index];
        headers_of(places.of(record.source, record.offset), passed)
    };
    match origin {
        Origin::Record(index) => of(index, &records[index].headers),
        Origin::Timer(index) => of(index, &[]),
        Origin::Unit => Vec::new(),
    }
}

/// The place of a cause, and what its headers pass on.
fn headers_of(place: Bytes, passed: &[Header]) -> Vec<Header> {
    std::iter::once(header(CAUSATION, place)).chain(inherited(passed).cloned()).collect()
}

fn dead_letter_headers(graph: &Graph, partition: u32, record: &SourceRecord, verdict: &Verdict) -> Vec<Header> {
    vec![
        header(dead_letters::CAUSE, verdict.cause),
        header(dead_letters::DETAIL, verdict.detail.clone()),
        header(dead_letters::ORIGIN, Places::new(graph, partition).of(record.source, record.offset)),
        header(dead_letters::ATTEMPTS, (earlier_attempts(record) + 1).to_string()),
        header(dead_letters::TOPOLOGY, graph.declared_name.clone()),
    ]
}

/// A record that was sent back from the dead letters says how often it was tried before.
fn earlier_attempts(record: &SourceRecord) -> u32 {
    let told = record.headers.iter().find(|header| header.name == dead_letters::ATTEMPTS);
    told.and_then(|header| std::str::from_utf8(&header.value).ok()?.parse().ok()).unwrap_or(0)
}
