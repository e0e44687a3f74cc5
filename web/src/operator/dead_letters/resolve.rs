//! `gavel dead-letters replay`, `discard`, and the end of `edit`.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use gavel_log::Log;
use gavel_streams::dead_letters::{DeadLetterError, Place, Resolver, TOPIC_SUFFIX};

use super::{Resolve, Selection, topics};
use crate::operator::OperatorError;

impl Resolve {
    pub(super) fn run(self, log: &Arc<dyn Log>, out: &mut dyn Write) -> Result<(), OperatorError> {
        let (mut done, mut refused) = (0, Vec::new());
        for (topic, named) in self.selection.by_topic(&**log)? {
            let mut resolver = Resolver::begin(log, &topic, &self.by, &mut || out.flush().is_ok())?;
            let places = named.unwrap_or_else(|| self.selection.waiting(&resolver));
            for place in places {
                out.flush()?;
                match self.resolve(&mut resolver, &place) {
                    Ok(said) => {
                        done += 1;
                        writeln!(out, "{said}")?;
                    }
                    Err(error) if is_of_one(&error) => refused.push(error),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        match refused.len() {
            0 if done == 0 => Ok(writeln!(out, "no dead letter waits that is as said")?),
            0 => Ok(()),
            1 if done == 0 => Err(refused.remove(0).into()),
            count => {
                refused.iter().try_for_each(|error| writeln!(out, "{error}"))?;
                Err(OperatorError::Unresolved { refused: count, done })
            }
        }
    }

    fn resolve(&self, resolver: &mut Resolver, place: &Place) -> Result<String, DeadLetterError> {
        if self.is_replay {
            let origin = resolver.replay(place)?;
            return Ok(format!("{place} was sent back to {}", origin.partition));
        }
        resolver.discard(place)?;
        Ok(format!("{place} was discarded"))
    }
}

/// Whether another letter may fare better.
fn is_of_one(error: &DeadLetterError) -> bool {
    !matches!(error, DeadLetterError::Log(_) | DeadLetterError::Overtaken(_) | DeadLetterError::Unknown(..))
}

impl Selection {
    /// The topics, each with the letters that are named of it, or with none where they are to be found.
    fn by_topic(&self, log: &dyn Log) -> Result<BTreeMap<String, Option<Vec<Place>>>, OperatorError> {
        if self.places.is_empty() {
            return Ok(topics(log, self.topic.as_deref())?.into_iter().map(|topic| (topic, None)).collect());
        }
        let mut named = BTreeMap::new();
        for text in &self.places {
            let place: Place = text.parse()?;
            let topic = place.partition.topic.to_string();
            if !topic.ends_with(TOPIC_SUFFIX) {
                return Err(DeadLetterError::NoLetter(place).into());
            }
            let places: &mut Vec<Place> =
                named.entry(topic).or_insert_with(|| Some(Vec::new())).get_or_insert_default();
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Ok(named)
    }

    fn waiting(&self, resolver: &Resolver) -> Vec<Place> {
        let is_meant = |cause: &String| self.cause.as_ref().is_none_or(|meant| meant == cause);
        resolver.waiting().filter(|letter| is_meant(&letter.cause)).map(|letter| letter.place.clone()).collect()
    }
}

/// Keeps what an editor made of a value.
pub(super) fn correct(
    log: &Arc<dyn Log>,
    place: &Place,
    value: String,
    by: &str,
    out: &mut dyn Write,
) -> Result<(), OperatorError> {
    if !place.partition.topic.ends_with(TOPIC_SUFFIX) {
        return Err(DeadLetterError::NoLetter(place.clone()).into());
    }
    let mut resolver = Resolver::begin(log, &place.partition.topic, by, &mut || out.flush().is_ok())?;
    resolver.correct(place, value.into())?;
    Ok(writeln!(out, "{place} is corrected; send it back with gavel dead-letters replay {place}")?)
}
