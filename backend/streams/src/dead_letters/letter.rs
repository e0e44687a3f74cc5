//! A dead letter as it is told: its headers, and what became of it.

use std::fmt::Display;

use bytes::Bytes;
use gavel_log::Record;

use super::{ATTEMPTS, BY, CAUSE, DETAIL, KIND, ORIGIN, Place, RESOLUTION, TOPOLOGY};

/// What of a record a dead letter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All.
    Record,
    /// Only its key, and where it is: it would have been too large with what is said of it.
    Cut,
    /// None: its key is that of a timer, its origin the record that made it due.
    Timer,
}

impl Kind {
    /// As the header names those that are not the usual.
    pub(crate) const CUT: &'static str = "cut";
    pub(crate) const TIMER: &'static str = "timer";
}

/// What can become of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// It was sent back.
    Replayed,
    /// It is of no more use.
    Discarded,
}

impl Resolution {
    /// As the header has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
        }
    }
}

impl Display for Resolution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a dead letter stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nobody has resolved it.
    Waiting,
    /// It is resolved.
    Resolved {
        /// How.
        resolution: Resolution,
        /// By whom.
        by: String,
        /// When the log took that.
        at_ms: i64,
    },
}

/// A record that could not be processed, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where it is among the dead letters.
    pub place: Place,
    /// The record's key.
    pub key: Option<Bytes>,
    /// Why, as a short stable word.
    pub cause: String,
    /// Why, for people.
    pub detail: String,
    /// Where the record is.
    pub origin: Option<Place>,
    /// Which topology put it aside; `None` of old ones.
    pub topology: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// What is here of the record.
    pub kind: Kind,
    /// When it was put aside.
    pub at_ms: i64,
    /// Where it stands.
    pub state: State,
    /// The offset of the correction that counts: the last.
    pub correction: Option<u64>,
}

impl DeadLetter {
    pub(super) fn of(record: &Record) -> Self {
        let text = |name| text(record, name);
        Self {
            place: Place::of(record),
            key: record.key.clone(),
            cause: text(CAUSE).unwrap_or_default(),
            detail: text(DETAIL).unwrap_or_default(),
            origin: text(ORIGIN).and_then(|origin| origin.parse().ok()),
            topology: text(TOPOLOGY),
            attempts: text(ATTEMPTS).and_then(|attempts| attempts.parse().ok()).unwrap_or(1),
            kind: match text(KIND).as_deref() {
                Some(Kind::CUT) => Kind::Cut,
                Some(Kind::TIMER) => Kind::Timer,
                _ => Kind::Record,
            },
            at_ms: record.append_ms,
            state: State::Waiting,
            correction: None,
        }
    }

    /// The first resolution counts; there is no other, unless by hand.
    pub(super) fn resolve(&mut self, record: &Record) {
        if self.state == State::Waiting {
            let is_discarded = text(record, RESOLUTION).as_deref() == Some(Resolution::Discarded.as_str());
            let resolution = if is_discarded { Resolution::Discarded } else { Resolution::Replayed };
            let by = text(record, BY).unwrap_or_else(|| "somebody".into());
            self.state = State::Resolved { resolution, by, at_ms: record.append_ms };
        }
    }

    /// Where the correction that counts is.
    #[must_use]
    pub fn correction(&self) -> Option<Place> {
        Some(Place { partition: self.place.partition.clone(), offset: self.correction? })
    }
}

/// A header as text.
pub(super) fn text(record: &Record, name: &str) -> Option<String> {
    record.header(name).map(|value| String::from_utf8_lossy(value).into_owned())
}
