//! Tells damage in fjall's journal from a torn tail, before fjall opens it.
//!
//! At the first batch it cannot read, fjall takes the rest of the journal for the tail that a crash tore, and cuts it
//! off. A crash tears nothing but the last batch: where a whole batch lies behind, bytes went bad, and to cut them off
//! would lose what was acknowledged.
//!
//! ```text
//! batch = 1 u8, count u32, sequence u64, entry × count, 3 u8, checksum u64, "FJL" 3 u8
//! entry = 2 u8, type u8, compression u8, keyspace u64, key length u16, length u32, stored length u32, key, stored
//!       | 4 u8, keyspace u64
//! ```
//! Little-endian. The checksums stay fjall's to check, and it tells of a wrong one.

use std::path::Path;

use bytes::Buf;

use super::folder::unwritable;
use crate::port::{LogError, Result};

const MAGIC: &[u8] = b"FJL\x03";
const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const COMPRESSED_BYTES_MIN: u32 = 4096;
/// From a batch's beginning to its first entry.
const HEAD_BYTES: usize = 13;

/// Looks through every journal in the folder.
pub(super) fn check(folder: &Path) -> Result<()> {
    let failed = |error| unwritable(folder, &error);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            let bytes = std::fs::read(&path).map_err(failed)?;
            if let Some(at) = damage(&bytes) {
                return Err(LogError::Corrupt(format!("{} is damaged at byte {at}", path.display())));
            }
        }
    }
    Ok(())
}

/// Where the first batch is that cannot be read though a whole one follows.
fn damage(journal: &[u8]) -> Option<usize> {
    let mut rest = journal;
    while let Some(next) = batch(rest) {
        rest = next;
    }
    let at = journal.len() - rest.len();
    let written = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let is_whole =
        |from: usize| rest[from] == START && is_entry(rest.get(from + HEAD_BYTES)) && batch(&rest[from..]).is_some();
    (1..written).any(is_whole).then_some(at)
}

fn is_entry(tag: Option<&u8>) -> bool {
    matches!(tag, Some(&(ITEM | CLEAR)))
}

/// What follows the batch at the beginning of these bytes, if they begin with a whole one.
fn batch(mut bytes: &[u8]) -> Option<&[u8]> {
    if bytes.try_get_u8().ok()? != START {
        return None;
    }
    let count = bytes.try_get_u32_le().ok()?;
    skip(&mut bytes, 8)?;
    for _ in 0..count {
        entry(&mut bytes)?;
    }
    if bytes.try_get_u8().ok()? != END {
        return None;
    }
    skip(&mut bytes, 8)?;
    bytes.strip_prefix(MAGIC)
}

fn entry(bytes: &mut &[u8]) -> Option<()> {
    match bytes.try_get_u8().ok()? {
        ITEM => {
            let (kind, compression) = (bytes.try_get_u8().ok()?, bytes.try_get_u8().ok()?);
            skip(bytes, 8)?;
            let key = bytes.try_get_u16_le().ok()?;
            let (length, stored) = (bytes.try_get_u32_le().ok()?, bytes.try_get_u32_le().ok()?);
            let is_sized = match compression {
                0 => length == stored,
                // Of older journals: large values alone, and never to the same size.
                1 => length >= COMPRESSED_BYTES_MIN && length != stored,
                _ => false,
            };
            let is_known = is_sized && matches!(kind, 0 | 1 | 2 | 4);
            is_known.then_some(())?;
            skip(bytes, usize::from(key) + stored as usize)
        }
        CLEAR => skip(bytes, 8),
        _ => None,
    }
}

fn skip(bytes: &mut &[u8], count: usize) -> Option<()> {
    *bytes = bytes.get(count..)?;
    Some(())
}
