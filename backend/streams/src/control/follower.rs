//! Reads the orders, from the first to the last, and then each as it comes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gavel_log::{Consumer, Log, LogError, Start, TopicPartition};

use super::board::Board;
use super::orders::Orders;

/// Records to read in one step.
const STEP_RECORDS: usize = 1_000;

/// How long one poll may wait, and how long all may take, where only the present orders are asked for.
const PRESENT_POLL: Duration = Duration::from_millis(100);
const PRESENT_WITHIN: Duration = Duration::from_secs(10);

/// The orders as they are now.
///
/// # Errors
/// As the log refuses; `Unavailable` if it takes too long.
pub fn present_orders(log: &Arc<dyn Log>, topic: &str) -> Result<Orders, LogError> {
    let board = Arc::new(Board::default());
    let mut follower = Follower::new(Arc::clone(log), topic, Arc::clone(&board));
    let deadline = Instant::now() + PRESENT_WITHIN;
    loop {
        follower.step(PRESENT_POLL)?;
        if let Some(orders) = board.orders() {
            return Ok(orders);
        }
        if Instant::now() > deadline {
            return Err(LogError::Unavailable(format!("{topic} cannot be read to its end")));
        }
    }
}

/// The reader of one runtime.
pub(crate) struct Follower {
    log: Arc<dyn Log>,
    partition: TopicPartition,
    board: Arc<Board>,
    reading: Option<Reading>,
}

struct Reading {
    consumer: Box<dyn Consumer>,
    /// The end as it was when reading began.
    end: u64,
}

impl Follower {
    /// One that has read nothing yet.
    pub(crate) fn new(log: Arc<dyn Log>, topic: &str, board: Arc<Board>) -> Self {
        Self { log, partition: TopicPartition::new(topic, 0), board, reading: None }
    }

    /// Reads on, and waits so long for more. After an error it begins again: orders are absolute.
    pub(crate) fn step(&mut self, wait: Duration) -> Result<(), LogError> {
        let stepped = self.read(wait);
        if stepped.is_err() {
            self.reading = None;
        }
        stepped
    }

    fn read(&mut self, wait: Duration) -> Result<(), LogError> {
        let reading = match &mut self.reading {
            Some(reading) => reading,
            none => {
                let end = self.log.stable_end(&self.partition)?;
                let mut consumer = self.log.consumer(None)?;
                consumer.assign(&[(self.partition.clone(), Start::Earliest)])?;
                none.insert(Reading { consumer, end })
            }
        };
        let mut records = Vec::new();
        reading.consumer.poll(&mut records, STEP_RECORDS, wait)?;
        let next = reading.consumer.position(&self.partition)?;
        self.board.read(&records, Some(next).filter(|&next| next >= reading.end));
        Ok(())
    }
}
