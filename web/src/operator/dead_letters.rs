//! `gavel dead-letters`: what could not be processed, and what is to become of it.
//!
//! `list` tells no values: bids hold maxima, listings reserves. `show` does, and what an editor is given.

mod json;
mod list;
mod resolve;
mod show;

use std::io::Write;
use std::sync::Arc;

use gavel_log::Log;
use gavel_streams::dead_letters::{self, DeadLetter, DeadLetterError, Place, State, TOPIC_SUFFIX};
use serde::{Deserialize, Serialize};

use super::OperatorError;

pub(crate) use list::List;

/// What an operator can ask of dead letters. Places are `topic/partition/offset`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetters {
    /// Which there are.
    List(List),
    /// All of one.
    Show {
        /// Which.
        place: String,
    },
    /// The value that would be sent back, for an editor.
    Value {
        /// Which.
        place: String,
    },
    /// Have another value be sent back.
    Correct {
        /// Which.
        place: String,
        /// The value.
        value: String,
        /// Who says so.
        by: String,
    },
    /// Resolve some.
    Resolve(Resolve),
}

/// Some dead letters, and what is to become of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Resolve {
    /// Whether they are sent back, not discarded.
    pub is_replay: bool,
    /// Which.
    pub selection: Selection,
    /// Who says so.
    pub by: String,
}

/// Dead letters: named, or all that wait and are of this kind.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
#[group(required = true, multiple = true)]
pub struct Selection {
    /// Where they are, as list shows it: TOPIC/PARTITION/OFFSET
    #[arg(value_name = "PLACE", conflicts_with_all = ["topic", "cause", "all"])]
    pub places: Vec<String>,
    /// All that wait of this topic
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// All that wait for this cause
    #[arg(long, value_name = "CAUSE")]
    pub cause: Option<String>,
    /// All that wait
    #[arg(long)]
    pub all: bool,
}

impl DeadLetters {
    pub(super) fn run(self, log: &Arc<dyn Log>, out: &mut dyn Write) -> Result<(), OperatorError> {
        match self {
            Self::List(list) => list.run(&**log, out),
            Self::Show { place } => show::run(&**log, &place.parse()?, out),
            Self::Value { place } => show::value(&**log, &place.parse()?, out),
            Self::Correct { place, value, by } => resolve::correct(log, &place.parse()?, value, &by, out),
            Self::Resolve(resolve) => resolve.run(log, out),
        }
    }
}

/// The topics of dead letters: all, or that of one source, which may be named by either.
fn topics(log: &dyn Log, of: Option<&str>) -> Result<Vec<String>, OperatorError> {
    let mut topics = dead_letters::topics(log)?;
    if let Some(of) = of {
        let all = topics.join(", ");
        topics.retain(|topic| topic == of || topic.strip_suffix(TOPIC_SUFFIX) == Some(of));
        if topics.is_empty() {
            return Err(OperatorError::NoDeadLetterTopic { topic: of.into(), all });
        }
    }
    Ok(topics)
}

/// One dead letter.
fn find(log: &dyn Log, place: &Place, out: &mut dyn Write) -> Result<DeadLetter, OperatorError> {
    let topic = &place.partition.topic;
    if !topic.ends_with(TOPIC_SUFFIX) {
        return Err(DeadLetterError::NoLetter(place.clone()).into());
    }
    let letters = dead_letters::read(log, topic, &mut || out.flush().is_ok())?;
    let found = letters.into_iter().find(|letter| letter.place == *place);
    found.ok_or_else(|| DeadLetterError::NoLetter(place.clone()).into())
}

/// Where it stands, in a word.
fn state(letter: &DeadLetter) -> &'static str {
    match &letter.state {
        State::Waiting if letter.correction.is_some() => "corrected",
        State::Waiting => "waiting",
        State::Resolved { resolution, .. } => resolution.as_str(),
    }
}

/// Text of a record, with nothing in it that a terminal would obey.
fn plain(text: &str) -> String {
    let escape = |sign: char| if sign.is_control() { sign.escape_default().to_string() } else { sign.to_string() };
    text.chars().map(escape).collect()
}
