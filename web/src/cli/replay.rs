//! `gavel replay`, as people type it.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::operator::{Command, From as ReplayFrom, Replay};

/// The longest prefix: topics' names have 249 characters at most.
const PREFIX_CHARACTERS_MAX: usize = 100;

/// Topologies over what was recorded, into topics of their own.
#[derive(Debug, clap::Args)]
pub(super) struct Replayed {
    /// Where to begin: beginning, a time such as 2026-11-26T09:00:00Z, or offsets such as auctions.bids/0=120,auctions.bids/1=0
    #[arg(long, value_name = "beginning|TIME|OFFSETS", default_value = "beginning", value_parser = from)]
    from: ReplayFrom,
    /// What the names of all topics that it writes begin with, such as replay1.
    #[arg(long, value_name = "TOPIC-PREFIX", value_parser = prefix)]
    to: String,
    /// What to replay: all, a topology or a processor
    #[arg(value_name = "SCOPE", default_value = "bidding")]
    scope: String,
}

impl From<Replayed> for Command {
    fn from(Replayed { from, to, scope }: Replayed) -> Self {
        Self::Replay(Replay { from, to, scope })
    }
}

fn prefix(text: &str) -> Result<String, String> {
    let is_legal = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    match text.chars().count() {
        1..=PREFIX_CHARACTERS_MAX if text.chars().all(is_legal) => Ok(text.to_owned()),
        _ => Err(format!("at most {PREFIX_CHARACTERS_MAX} letters, digits, '.', '_' and '-', and at least one")),
    }
}

fn from(text: &str) -> Result<ReplayFrom, String> {
    if text == "beginning" {
        return Ok(ReplayFrom::Beginning);
    }
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        let time_ms = i64::try_from(time.unix_timestamp_nanos() / 1_000_000);
        return time_ms.map(ReplayFrom::TimeMs).map_err(|error| error.to_string());
    }
    let offset = |part: &str| {
        let (partition, offset) = part.split_once('=')?;
        let (topic, number) = partition.rsplit_once('/')?;
        let number: u32 = number.parse().ok().filter(|_| !topic.is_empty())?;
        Some((format!("{topic}/{number}"), offset.parse().ok()?))
    };
    let offsets: Option<BTreeMap<String, u64>> = text.split(',').map(offset).collect();
    let otherwise =
        || "neither beginning, nor a time such as 2026-11-26T09:00:00Z, nor offsets such as auctions.bids/0=120".into();
    offsets.map(ReplayFrom::Offsets).ok_or_else(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_begins_is_a_word_a_time_or_offsets() {
        assert_eq!(from("beginning"), Ok(ReplayFrom::Beginning));
        assert_eq!(from("1970-01-01T00:00:01.5Z"), Ok(ReplayFrom::TimeMs(1500)));
        let offsets = [("auctions.bids/0".to_owned(), 120), ("auctions.bids/1".to_owned(), 7)];
        assert_eq!(from("auctions.bids/0=120,auctions.bids/1=7"), Ok(ReplayFrom::Offsets(offsets.into())));
        for wrong in ["", "yesterday", "auctions.bids=1", "auctions.bids/0=-1", "/0=1", "auctions.bids/0=1,"] {
            assert!(from(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_prefix_can_begin_the_name_of_a_topic() {
        assert_eq!(prefix("replay-1."), Ok("replay-1.".to_owned()));
        for wrong in ["", "a b", "ü", &"x".repeat(101)] {
            assert!(prefix(wrong).is_err(), "{wrong}");
        }
    }
}
