//! `gavel dead-letters list`.

use std::io::Write;

use gavel_log::Log;
use gavel_streams::dead_letters::{self, DeadLetter, Kind, State};
use gavel_streams::runtime::{Clock, SystemClock};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{plain, state, topics};
use crate::operator::OperatorError;

/// Which dead letters are listed, and how.
#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
pub struct List {
    /// Only those of this topic
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Only those put aside for this cause
    #[arg(long, value_name = "CAUSE")]
    cause: Option<String>,
    /// Those, too, that were replayed or discarded
    #[arg(long)]
    all: bool,
    /// How many at most, the latest first
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(self, log: &dyn Log, out: &mut dyn Write) -> Result<(), OperatorError> {
        let mut letters = Vec::new();
        for topic in topics(log, self.topic.as_deref())? {
            letters.extend(dead_letters::read(log, &topic, &mut || out.flush().is_ok())?);
        }
        letters.retain(|letter| self.cause.as_ref().is_none_or(|cause| *cause == letter.cause));
        let resolved = letters.iter().filter(|letter| letter.state != State::Waiting).count();
        let waiting = letters.len() - resolved;
        letters.retain(|letter| self.all || letter.state == State::Waiting);
        letters.sort_by(|one, other| (other.at_ms, &other.place).cmp(&(one.at_ms, &one.place)));
        letters.truncate(self.limit);
        if self.json {
            let letters: Vec<Value> = letters.iter().map(object).collect();
            let object = json!({"waiting": waiting, "resolved": resolved, "dead_letters": letters});
            return Ok(writeln!(out, "{object}")?);
        }
        table(&letters, out)?;
        Ok(writeln!(out, "{}", summary(waiting, resolved, letters.len()))?)
    }
}

/// How many there are, in words.
fn summary(waiting: usize, resolved: usize, shown: usize) -> String {
    let count =
        |count: usize| if count == 1 { "1 dead letter waits".into() } else { format!("{count} dead letters wait") };
    let waiting = if waiting == 0 { "no dead letter waits".into() } else { count(waiting) };
    let resolved = if resolved == 0 { String::new() } else { format!(", {resolved} were replayed or discarded") };
    let shown = if shown == 0 { String::new() } else { format!("; {shown} shown") };
    format!("{waiting}{resolved}{shown}")
}

fn object(letter: &DeadLetter) -> Value {
    let mut object = json!({
        "place": letter.place.to_string(),
        "state": state(letter),
        "cause": letter.cause,
        "detail": letter.detail,
        "topology": letter.topology,
        "origin": letter.origin.as_ref().map(ToString::to_string),
        "attempts": letter.attempts,
        "kind": kind(letter),
        "at_ms": letter.at_ms,
    });
    if let State::Resolved { by, at_ms, .. } = &letter.state {
        object["resolved_by"] = by.as_str().into();
        object["resolved_ms"] = (*at_ms).into();
    }
    object
}

/// What of the record is there.
pub(super) fn kind(letter: &DeadLetter) -> &'static str {
    match letter.kind {
        Kind::Record => "record",
        Kind::Cut => "cut",
        Kind::Timer => "timer",
    }
}

const HEAD: [&str; 8] = ["PLACE", "STATE", "CAUSE", "TOPOLOGY", "TRIED", "AGE", "ORIGIN", "DETAIL"];

fn table(letters: &[DeadLetter], out: &mut dyn Write) -> Result<(), OperatorError> {
    if letters.is_empty() {
        return Ok(());
    }
    let now_ms = SystemClock.now_ms();
    let rows = std::iter::once(HEAD.map(str::to_owned)).chain(letters.iter().map(|letter| row(letter, now_ms)));
    let rows: Vec<[String; 8]> = rows.collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

fn row(letter: &DeadLetter, now_ms: i64) -> [String; 8] {
    let origin = letter.origin.as_ref().map_or_else(|| "unknown".into(), ToString::to_string);
    let cells = [
        letter.place.to_string(),
        state(letter).into(),
        letter.cause.clone(),
        letter.topology.clone().unwrap_or_else(|| "unknown".into()),
        letter.attempts.to_string(),
        age(now_ms.saturating_sub(letter.at_ms)),
        origin,
        letter.detail.clone(),
    ];
    cells.map(|cell| plain(&cell))
}

/// How long ago, roughly.
fn age(age_ms: i64) -> String {
    let seconds = age_ms.max(0) / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_is_said_in_words() {
        assert_eq!(summary(0, 0, 0), "no dead letter waits");
        assert_eq!(summary(0, 3, 0), "no dead letter waits, 3 were replayed or discarded");
        assert_eq!(summary(1, 0, 1), "1 dead letter waits; 1 shown");
        assert_eq!(summary(70, 2, 50), "70 dead letters wait, 2 were replayed or discarded; 50 shown");
    }

    #[test]
    fn ages_are_rough() {
        let ages = [-5, 999, 119_000, 120_000, 7_200_000, 172_800_000].map(age);
        assert_eq!(ages, ["0 s", "0 s", "119 s", "2 min", "2 h", "2 d"]);
    }
}
