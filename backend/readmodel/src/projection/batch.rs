//! A batch of records, sorted into what it changes.

use std::collections::BTreeMap;

use gavel_auctions::wire::{CompletionRecord, HistoryRecord, ItemListed, MeasureRecord, NoticeRecord, headers, topics};
use gavel_domain::ItemId;
use gavel_log::{Record, TopicPartition};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::DEAD_LETTERS;
use crate::dead_letters::DeadLetterRow;
use crate::history::CommandPosition;

/// How a partition's offset moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Move {
    /// Where the database must be before.
    pub(super) from: u64,
    /// Where it is after.
    pub(super) to: u64,
}

/// A history record with where it and its command are.
pub(super) struct HistoryEntry {
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) command: Option<CommandPosition>,
    pub(super) record: HistoryRecord,
    pub(super) json: String,
}

/// A record that cannot be understood. It is passed over: it must not hold up the others.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) partition: TopicPartition,
    pub(super) offset: u64,
    pub(super) reason: String,
}

/// What a batch of records changes.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) moves: BTreeMap<TopicPartition, Move>,
    /// With the append time.
    pub(super) items: Vec<(ItemListed, i64)>,
    pub(super) history: Vec<HistoryEntry>,
    /// Of each item, the record with the greatest sequence, as an index into `history`.
    pub(super) standings: BTreeMap<ItemId, usize>,
    /// The first of each item, with its JSON.
    pub(super) completions: BTreeMap<ItemId, (CompletionRecord, String)>,
    /// With the append time.
    pub(super) notices: Vec<(NoticeRecord, i64)>,
    /// The last of each cell, by its key in the database.
    pub(super) measures: BTreeMap<CellKey, MeasureRecord>,
    pub(super) dead_letters: Vec<DeadLetterRow>,
    /// The ids of those that wait no more.
    pub(super) resolved_letters: Vec<String>,
    pub(super) refused: Vec<Refused>,
}

type CellKey = (&'static str, i64, String, String, u32);

impl Batch {
    /// Adds a record.
    pub(super) fn add(&mut self, record: &Record) {
        let added = match &*record.topic {
            topics::ITEMS => self.add_item(record),
            topics::HISTORY | topics::COMPLETE if headers::is_sent_back(record) => Ok(()),
            topics::HISTORY => self.add_history(record),
            topics::COMPLETE => parse(record).map(|completion: CompletionRecord| {
                let json = json(record);
                self.completions.entry(completion.item_id).or_insert((completion, json));
            }),
            topics::NOTICES => parse(record).map(|notice| self.notices.push((notice, record.append_ms))),
            topics::ANALYTICS => parse(record).map(|cell: MeasureRecord| {
                let texts = (cell.dimension.clone(), cell.currency.clone());
                let key = (cell.measure.as_str(), cell.window_start_ms, texts.0, texts.1, cell.partition);
                self.measures.insert(key, cell);
            }),
            _ => {
                self.add_dead_letter(record);
                Ok(())
            }
        };
        if let Err(reason) = added {
            let partition = TopicPartition::new(record.topic.clone(), record.partition);
            self.refused.push(Refused { partition, offset: record.offset, reason });
        }
    }

    /// Of the items topic only listings are projected; completions have a topic of their own. What bidding does not take
    /// for a listing is none here either: it must not shadow a later one that is.
    fn add_item(&mut self, record: &Record) -> Result<(), String> {
        if parse::<Kind>(record)?.kind == "item_listed" {
            let listed: ItemListed = parse(record)?;
            listed.terms().map_err(|error| error.to_string())?;
            self.items.push((listed, record.append_ms));
        }
        Ok(())
    }

    fn add_history(&mut self, record: &Record) -> Result<(), String> {
        let entry = HistoryEntry {
            partition: record.partition,
            offset: record.offset,
            command: record.header(headers::CAUSATION).and_then(|causation| CommandPosition::of_causation(causation)),
            record: parse(record)?,
            json: json(record),
        };
        if let Some(sequence) = entry.record.sequence {
            let last = self.standings.entry(entry.record.item_id).or_insert(self.history.len());
            if self.history.get(*last).is_none_or(|known| known.record.sequence < Some(sequence)) {
                *last = self.history.len();
            }
        }
        self.history.push(entry);
        Ok(())
    }

    /// What is said of a letter later comes behind it, in the same partition.
    fn add_dead_letter(&mut self, record: &Record) {
        if let Some(offset) = record.header(headers::DEAD_LETTER_RESOLVES) {
            let place = format!("{}/{}/{}", record.topic, record.partition, String::from_utf8_lossy(offset));
            self.resolved_letters.push(place);
        } else if record.header(headers::DEAD_LETTER_CORRECTS).is_none() {
            self.dead_letters.push(dead_letter(record));
        }
    }
}

/// The type of a record.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

fn parse<T: DeserializeOwned>(record: &Record) -> Result<T, String> {
    let value = record.value.as_deref().ok_or("it has no value")?;
    // A derived reader would take the elements of an array as the fields.
    if value.trim_ascii_start().first() != Some(&b'{') {
        return Err("it is no JSON object".into());
    }
    // The position alone: the text of an error can quote the record, which may hold a secret.
    serde_json::from_slice(value).map_err(|error| format!("not understood at column {}", error.column()))
}

/// The value of a record that was parsed, and so is UTF-8.
fn json(record: &Record) -> String {
    String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned()
}

fn dead_letter(record: &Record) -> DeadLetterRow {
    let header = |name| record.header(name).map(|value| String::from_utf8_lossy(value).into_owned());
    DeadLetterRow {
        dead_letter_id: format!("{}/{}/{}", record.topic, record.partition, record.offset),
        topic: record.topic.strip_suffix(DEAD_LETTERS).unwrap_or(&record.topic).to_owned(),
        cause: header(headers::DEAD_LETTER_CAUSE).unwrap_or_else(|| "unknown".into()),
        detail: header(headers::DEAD_LETTER_DETAIL).unwrap_or_default(),
        origin: header(headers::DEAD_LETTER_ORIGIN).unwrap_or_default(),
        at_ms: record.append_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_place_in_the_bids_topic_is_a_commands() {
        let place = |text: &str| CommandPosition::of_causation(text.as_bytes());
        assert_eq!(place("auctions.bids/3/42"), Some(CommandPosition { partition: 3, offset: 42 }));
        for text in ["auctions.items/3/42", "auctions.bids.history/3/42", "auctions.bids/3", "auctions.bids/3/x", ""] {
            assert_eq!(place(text), None, "{text}");
        }
    }

    fn items_record(value: impl Into<Vec<u8>>) -> Record {
        Record {
            topic: topics::ITEMS.into(),
            partition: 1,
            offset: 5,
            append_ms: 0,
            key: None,
            value: Some(value.into().into()),
            headers: Vec::new(),
        }
    }

    #[test]
    fn the_reason_of_a_refusal_quotes_nothing_of_the_record() {
        let value = br#"{"type":"item_listed","v":1,"item_id":"777001","reserve_minor":"777001"}"#;
        let mut batch = Batch::default();

        batch.add(&items_record(*value));

        let refused = batch.refused.first().map(|refused| (refused.offset, refused.reason.as_str()));
        assert_eq!(refused.map(|(offset, reason)| (offset, reason.contains("777001"))), Some((5, false)));
        assert!(batch.items.is_empty());
    }

    #[test]
    fn only_what_bidding_takes_for_a_listing_is_one() {
        let listing = |currency: &str, ends_at_ms: i64| {
            let id = "0195e7a0-0000-7000-8000-000000000001";
            format!(
                r#"{{"type":"item_listed","item_id":"{id}","seller_id":"{id}","title":"Vase","currency":"{currency}","starting_minor":1,"starts_at_ms":0,"ends_at_ms":{ends_at_ms}}}"#
            )
        };
        let mut batch = Batch::default();

        for value in [listing("XXX", 1), listing("USD", i64::MAX), r#"["item_completed"]"#.into(), listing("EUR", 1)] {
            batch.add(&items_record(value));
        }

        assert_eq!(batch.refused.len(), 3);
        assert_eq!(batch.items.iter().map(|(item, _)| item.currency.as_str()).collect::<Vec<_>>(), ["EUR"]);
    }
}
