//! Reads what processes say of themselves.

use std::time::{Duration, Instant};

use gavel_log::{Consumer, Log, LogError, Start, TopicPartition};

use super::Presence;

/// How many of the last records tell what is so now, and who fell silent not long ago.
const LOOK_BACK_RECORDS: u64 = 5_000;
/// Records to read in one step.
const STEP_RECORDS: usize = 1_000;
/// How long one poll may wait while the past is read, and how long all of it may take.
const CATCH_UP_POLL: Duration = Duration::from_millis(100);
const CATCH_UP_WITHIN: Duration = Duration::from_secs(10);

/// A reader of the topic.
pub struct Listener {
    consumer: Box<dyn Consumer>,
    partition: TopicPartition,
    /// What was heard.
    pub presence: Presence,
}

impl Listener {
    /// One that has heard what was said lately.
    ///
    /// # Errors
    /// As the log refuses; `Unavailable` if it takes too long.
    pub fn open(log: &dyn Log, topic: &str) -> Result<Self, LogError> {
        let partition = TopicPartition::new(topic, 0);
        let marks = log.watermarks(&partition)?;
        let start = marks.stable_end.saturating_sub(LOOK_BACK_RECORDS).max(marks.low);
        let mut consumer = log.consumer(None)?;
        consumer.assign(&[(partition.clone(), Start::Offset(start))])?;
        let mut listener = Self { consumer, partition, presence: Presence::default() };
        let deadline = Instant::now() + CATCH_UP_WITHIN;
        while listener.consumer.position(&listener.partition)? < marks.stable_end {
            if Instant::now() > deadline {
                return Err(LogError::Unavailable(format!("{topic} cannot be read to its end")));
            }
            listener.step(CATCH_UP_POLL)?;
        }
        Ok(listener)
    }

    /// Listens on, for so long if nobody says anything.
    ///
    /// # Errors
    /// As the log refuses.
    pub fn step(&mut self, wait: Duration) -> Result<(), LogError> {
        let mut records = Vec::new();
        self.consumer.poll(&mut records, STEP_RECORDS, wait)?;
        records.iter().for_each(|record| self.presence.read(record));
        Ok(())
    }
}
