//! `gavel dead-letters show`, and what an editor is given. The only ones that tell values.

use std::io::Write;

use bytes::Bytes;
use gavel_log::{Log, Record};
use gavel_streams::dead_letters::{self, DeadLetter, Kind, Place, State};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{find, json, list, plain, state};
use crate::operator::OperatorError;

/// All of one dead letter.
pub(super) fn run(log: &dyn Log, place: &Place, out: &mut dyn Write) -> Result<(), OperatorError> {
    let letter = find(log, place, out)?;
    writeln!(out, "place:    {place}")?;
    writeln!(out, "state:    {}", standing(&letter))?;
    writeln!(out, "cause:    {}", plain(&letter.cause))?;
    writeln!(out, "detail:   {}", plain(&letter.detail))?;
    let origin = letter.origin.as_ref().map_or_else(|| "unknown".into(), ToString::to_string);
    writeln!(out, "origin:   {}", plain(&origin))?;
    writeln!(out, "topology: {}", plain(letter.topology.as_deref().unwrap_or("unknown")))?;
    writeln!(out, "attempts: {}", letter.attempts)?;
    writeln!(out, "kind:     {}", list::kind(&letter))?;
    writeln!(out, "aside at: {}", moment(letter.at_ms))?;
    let Some(record) = whole(log, &letter)? else {
        return Ok(writeln!(out, "the record was too large to be kept here, and is not at its origin any more")?);
    };
    writeln!(out, "key:      {}", shown(record.key.as_ref()))?;
    writeln!(out, "headers:")?;
    for header in &record.headers {
        writeln!(out, "  {}: {}", plain(&header.name), shown(Some(&header.value)))?;
    }
    writeln!(out, "value:\n{}", shown(record.value.as_ref()))?;
    if let Some(correction) = corrected(log, &letter)? {
        writeln!(out, "value that is sent back in its place:\n{}", shown(correction.value.as_ref()))?;
    }
    Ok(())
}

/// The value that would be sent back, as an editor can take it.
pub(super) fn value(log: &dyn Log, place: &Place, out: &mut dyn Write) -> Result<(), OperatorError> {
    let letter = find(log, place, out)?;
    let record = match corrected(log, &letter)? {
        Some(correction) => Some(correction),
        None => whole(log, &letter)?,
    };
    let value = record.and_then(|record| record.value).unwrap_or_default();
    let text = std::str::from_utf8(&value).map_err(|_| OperatorError::NoText(place.to_string()))?;
    let text = json::indented(text).unwrap_or_else(|| text.to_owned());
    Ok(writeln!(out, "{text}")?)
}

/// The record as it was: the letter itself, or, if it was cut, what is at its origin.
fn whole(log: &dyn Log, letter: &DeadLetter) -> Result<Option<Record>, OperatorError> {
    Ok(match (letter.kind, &letter.origin) {
        (Kind::Cut, Some(origin)) => dead_letters::fetch(log, origin)?,
        _ => dead_letters::fetch(log, &letter.place)?,
    })
}

fn corrected(log: &dyn Log, letter: &DeadLetter) -> Result<Option<Record>, OperatorError> {
    let place = letter.correction();
    Ok(place.map(|place| dead_letters::fetch(log, &place)).transpose()?.flatten())
}

fn standing(letter: &DeadLetter) -> String {
    match &letter.state {
        State::Waiting => state(letter).into(),
        State::Resolved { by, at_ms, .. } => format!("{} by {} at {}", state(letter), plain(by), moment(*at_ms)),
    }
}

fn moment(epoch_ms: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(epoch_ms.div_euclid(1000)).ok();
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| format!("{epoch_ms} ms"))
}

/// Bytes for people: JSON indented, other text as it is, anything else escaped.
fn shown(bytes: Option<&Bytes>) -> String {
    match bytes.map(|bytes| std::str::from_utf8(bytes).map_err(|_| bytes)) {
        None => "none".into(),
        Some(Ok(text)) if text.starts_with(['{', '[']) => json::indented(text).unwrap_or_else(|| plain(text)),
        Some(Ok(text)) => plain(text),
        Some(Err(bytes)) => bytes.escape_ascii().to_string(),
    }
}
