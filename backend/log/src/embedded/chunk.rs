//! Chunks: the records that one group commit put into one partition, as one row.
//!
//! ```text
//! chunk  = version u8 (1), append_ms i64, span u32, count u32, record × count
//! record = delta u32, key length u32, value length u32, header count u16, header × count, key, value
//! header = name length u16, value length u32, name, value
//! ```
//! Big-endian. A length of `u32::MAX` is a null. `span` is how many offsets the chunk covers from its base on: more
//! than `count` once compaction dropped records. All records of a chunk have one append time. The row's checksum is the
//! store's.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Buf, Bytes};

use crate::port::{Header, LogError, NewRecord, Record, Result};

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 17;
const NULL: u32 = u32::MAX;

/// A record without its offset and time, ready to be copied into a chunk.
pub(super) fn encode_record(record: &NewRecord) -> Result<Bytes> {
    let header_count = u16::try_from(record.headers.len()).map_err(|_| too_many("headers"))?;
    let mut out = Vec::with_capacity(record.size_bytes() + 16);
    out.extend_from_slice(&length(record.key.as_deref()).to_be_bytes());
    out.extend_from_slice(&length(record.value.as_deref()).to_be_bytes());
    out.extend_from_slice(&header_count.to_be_bytes());
    for header in &record.headers {
        let name = u16::try_from(header.name.len()).map_err(|_| too_many("bytes in a header's name"))?;
        out.extend_from_slice(&name.to_be_bytes());
        out.extend_from_slice(&length(Some(&header.value)).to_be_bytes());
        out.extend_from_slice(header.name.as_bytes());
        out.extend_from_slice(&header.value);
    }
    out.extend_from_slice(record.key.as_deref().unwrap_or_default());
    out.extend_from_slice(record.value.as_deref().unwrap_or_default());
    Ok(out.into())
}

fn length(bytes: Option<&[u8]>) -> u32 {
    bytes.map_or(NULL, |bytes| u32::try_from(bytes.len()).expect("the record limit is far below 4 GiB"))
}

fn too_many(what: &str) -> LogError {
    LogError::Misuse(format!("a record has more than 65535 {what}"))
}

/// A chunk being filled.
#[derive(Debug)]
pub(super) struct ChunkBuilder {
    base: u64,
    span: u32,
    count: u32,
    bytes: Vec<u8>,
}

impl ChunkBuilder {
    /// An empty chunk from `base` on.
    pub(super) fn new(base: u64, append_ms: i64) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.push(VERSION);
        bytes.extend_from_slice(&append_ms.to_be_bytes());
        bytes.extend_from_slice(&[0; 8]);
        Self { base, span: 0, count: 0, bytes }
    }

    /// The offset behind the last one covered.
    pub(super) fn end(&self) -> u64 {
        self.base + u64::from(self.span)
    }

    /// Its size so far.
    pub(super) fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Appends a record of [`encode_record`] and returns its offset.
    pub(super) fn push(&mut self, encoded: &[u8]) -> u64 {
        let offset = self.end();
        self.keep(self.span, encoded);
        self.span += 1;
        offset
    }

    fn keep(&mut self, delta: u32, encoded: &[u8]) {
        self.bytes.extend_from_slice(&delta.to_be_bytes());
        self.bytes.extend_from_slice(encoded);
        self.count += 1;
    }

    /// The finished chunk, in no more memory than it fills: the log keeps it.
    pub(super) fn build(mut self) -> Chunk {
        self.bytes[9..13].copy_from_slice(&self.span.to_be_bytes());
        self.bytes[13..17].copy_from_slice(&self.count.to_be_bytes());
        let append_ms = i64::from_be_bytes(self.bytes[1..9].try_into().expect("eight bytes were taken"));
        Chunk {
            base: self.base,
            span: self.span,
            count: self.count,
            append_ms,
            bytes: Bytes::copy_from_slice(&self.bytes),
        }
    }
}

/// A chunk to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The first offset covered.
    pub(super) base: u64,
    /// How many offsets are covered.
    span: u32,
    /// How many records are left.
    pub(super) count: u32,
    /// When it was appended.
    pub(super) append_ms: i64,
    /// The whole row.
    pub(super) bytes: Bytes,
}

impl Chunk {
    /// Reads the head of a row.
    pub(super) fn parse(base: u64, bytes: Bytes) -> Result<Self> {
        let mut head = bytes.get(..HEAD_BYTES).ok_or_else(|| damaged(base))?;
        if head.get_u8() != VERSION {
            return Err(LogError::Corrupt(format!("a chunk at offset {base} is of an unknown version")));
        }
        let append_ms = head.get_i64();
        let span = head.get_u32();
        Ok(Self { base, span, count: head.get_u32(), append_ms, bytes })
    }

    /// The offset behind the last one covered.
    pub(super) fn end(&self) -> u64 {
        self.base + u64::from(self.span)
    }

    /// Appends the records from offset `from` on to `records`, until that has `limit`; returns where to read on.
    pub(super) fn read(
        &self,
        topic: &Arc<str>,
        partition: u32,
        from: u64,
        records: &mut Vec<Record>,
        limit: usize,
    ) -> Result<u64> {
        for entry in self.entries() {
            let entry = entry?;
            if entry.offset < from {
                continue;
            }
            if records.len() >= limit {
                return Ok(entry.offset);
            }
            records.push(entry.record(topic, partition, self.append_ms)?);
        }
        Ok(self.end())
    }

    /// The chunk with only the entries that `keep` wants; `None` when it wants all.
    pub(super) fn compacted(&self, mut keep: impl FnMut(&Entry) -> bool) -> Result<Option<Self>> {
        let mut kept = ChunkBuilder::new(self.base, self.append_ms);
        for entry in self.entries() {
            let entry = entry?;
            if keep(&entry) {
                let delta = u32::try_from(entry.offset - self.base).expect("deltas are read from u32");
                kept.keep(delta, &entry.encoded);
            }
        }
        kept.span = self.span;
        Ok((kept.count < self.count).then(|| kept.build()))
    }

    /// Walks over the records without taking them apart.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<Entry>> {
        let mut rest = self.bytes.slice(HEAD_BYTES..);
        let base = self.base;
        (0..self.count).map(move |_| Entry::split(&mut rest, base).ok_or_else(|| damaged(base)))
    }
}

/// One record of a chunk, its parts found but not taken out.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its offset.
    pub(super) offset: u64,
    encoded: Bytes,
    key_at: usize,
    value_at: usize,
    key_null: bool,
    value_null: bool,
}

impl Entry {
    /// Cuts the next record off; `None` when the bytes do not hold one.
    fn split(rest: &mut Bytes, base: u64) -> Option<Self> {
        let mut head = rest.get(..14)?;
        let offset = base + u64::from(head.get_u32());
        let (key, value, headers) = (head.get_u32(), head.get_u32(), head.get_u16());
        rest.advance(4);
        let mut at = 10;
        for _ in 0..headers {
            let mut lengths = rest.get(at..at + 6)?;
            at += 6 + usize::from(lengths.get_u16()) + lengths.get_u32() as usize;
        }
        let value_at = at + present(key);
        let end = value_at + present(value);
        (end <= rest.len()).then(|| Self {
            offset,
            encoded: rest.split_to(end),
            key_at: at,
            value_at,
            key_null: key == NULL,
            value_null: value == NULL,
        })
    }

    /// Its key.
    pub(super) fn key(&self) -> Option<&[u8]> {
        (!self.key_null).then(|| &self.encoded[self.key_at..self.value_at])
    }

    /// Whether its value is null.
    pub(super) fn is_tombstone(&self) -> bool {
        self.value_null
    }

    /// The record, sharing the chunk's memory.
    fn record(&self, topic: &Arc<str>, partition: u32, append_ms: i64) -> Result<Record> {
        Ok(Record {
            topic: Arc::clone(topic),
            partition,
            offset: self.offset,
            append_ms,
            key: (!self.key_null).then(|| self.encoded.slice(self.key_at..self.value_at)),
            value: (!self.value_null).then(|| self.encoded.slice(self.value_at..)),
            headers: self.headers()?,
        })
    }

    fn headers(&self) -> Result<Vec<Header>> {
        let mut headers = Vec::new();
        let mut at = 10;
        while at < self.key_at {
            let mut lengths = &self.encoded[at..at + 6];
            let name_end = at + 6 + usize::from(lengths.get_u16());
            let value_end = name_end + lengths.get_u32() as usize;
            let name = std::str::from_utf8(&self.encoded[at + 6..name_end]).map_err(|_| damaged(self.offset))?;
            headers.push(Header { name: Cow::Owned(name.to_owned()), value: self.encoded.slice(name_end..value_end) });
            at = value_end;
        }
        Ok(headers)
    }
}

fn present(length: u32) -> usize {
    if length == NULL { 0 } else { length as usize }
}

fn damaged(offset: u64) -> LogError {
    LogError::Corrupt(format!("the chunk at offset {offset} cannot be read"))
}

#[cfg(test)]
mod tests;
