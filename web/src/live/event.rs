//! An event of an item as the tail reads it: parsed for the house, serialised once for all who watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use gavel_auctions::wire::{CompletionRecord, headers, topics};
use gavel_domain::{BidId, CommandId, ItemId};
use gavel_log::{Record, TopicPartition};
use gavel_readmodel::{CommandPosition, Receipt};
use newtype_uuid::GenericUuid;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::security::aliases::Aliases;

/// What a decision answers: the id that its command came with, a bid's or another command's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionKey(Uuid);

impl From<BidId> for DecisionKey {
    fn from(id: BidId) -> Self {
        Self(id.into_untyped_uuid())
    }
}

impl From<CommandId> for DecisionKey {
    fn from(id: CommandId) -> Self {
        Self(id.into_untyped_uuid())
    }
}

/// When the request behind an event came in at this process.
#[derive(Debug)]
pub(super) struct Departure {
    at: Instant,
    has_arrived: AtomicBool,
}

impl Departure {
    pub(super) fn at(at: Instant) -> Self {
        Self { at, has_arrived: AtomicBool::new(false) }
    }

    /// How long ago that is, for the first who asks.
    pub(super) fn first_arrival(&self) -> Option<Duration> {
        (!self.has_arrived.swap(true, Ordering::Relaxed)).then(|| self.at.elapsed())
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A command was decided.
    Decided(Box<Receipt>),
    /// The auction ended.
    Completed(CompletionRecord),
}

/// One record of the history or of the completions.
#[derive(Debug, Clone)]
pub struct LiveEvent {
    /// Where it is in the log.
    pub partition: TopicPartition,
    /// Its offset there.
    pub offset: u64,
    /// What happened.
    pub fact: Fact,
    /// The record as it is in the topic: a JSON object.
    pub record: Utf8Bytes,
    /// The frame that watchers get; `None` for what is the commander's alone.
    pub(super) frame: Option<Utf8Bytes>,
    /// When its command came in, if somebody here waits for its decision.
    pub(super) departure: Option<Arc<Departure>>,
}

impl LiveEvent {
    /// Reads a record of the history or of the completions. A copy that was sent back to a topology is no news, nor is a
    /// record of another topic: `Ok(None)`.
    ///
    /// # Errors
    /// Where the record is not understood, without quoting it.
    pub(super) fn parse(record: &Record, aliases: &Aliases) -> Result<Option<Self>, String> {
        let fact = match &*record.topic {
            _ if headers::is_sent_back(record) => return Ok(None),
            topics::HISTORY => Fact::Decided(Box::new(Receipt {
                record: parse(record)?,
                command: record.header(headers::CAUSATION).and_then(|place| CommandPosition::of_causation(place)),
            })),
            topics::COMPLETE => Fact::Completed(parse(record)?),
            _ => return Ok(None),
        };
        let json = Utf8Bytes::try_from(record.value.clone().unwrap_or_default()).map_err(|_| "not UTF-8")?;
        let mut event = Self {
            partition: TopicPartition::new(record.topic.clone(), record.partition),
            offset: record.offset,
            departure: None,
            fact,
            frame: None,
            record: json,
        };
        event.frame = event.sequence().map(|sequence| frame(aliases, event.item_id(), sequence, &event.record));
        Ok(Some(event))
    }

    /// The item.
    #[must_use]
    pub fn item_id(&self) -> ItemId {
        match &self.fact {
            Fact::Decided(receipt) => receipt.record.item_id,
            Fact::Completed(completion) => completion.item_id,
        }
    }

    /// Its place among what the public may know; `None` for what is the commander's alone.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        match &self.fact {
            Fact::Decided(receipt) => receipt.record.sequence,
            Fact::Completed(completion) => Some(completion.sequence),
        }
    }

    /// The decision with its place, if it is one.
    pub(super) fn receipt(&self) -> Option<&Receipt> {
        match &self.fact {
            Fact::Decided(receipt) => Some(receipt),
            Fact::Completed(_) => None,
        }
    }

    /// Whose decision it is.
    pub(super) fn key(&self) -> Option<DecisionKey> {
        let record = &self.receipt()?.record;
        record.bid_id.map(DecisionKey::from).or_else(|| record.command_id.map(DecisionKey::from))
    }
}

/// The frame of an event: `record` is its JSON, as the log has it.
pub(super) fn frame(aliases: &Aliases, item_id: ItemId, sequence: u64, record: &str) -> Utf8Bytes {
    let record = aliases.public(item_id, record);
    format!(r#"{{"item_id":"{item_id}","sequence":{sequence},"event":{record}}}"#).into()
}

fn parse<T: DeserializeOwned>(record: &Record) -> Result<T, String> {
    let value = record.value.as_deref().ok_or("it has no value")?;
    serde_json::from_slice(value).map_err(|error| format!("not understood at column {}", error.column()))
}
