//! Ticks that are answered by hand, by a log whose clock is not ours.

use std::cell::RefCell;

use gavel_log::LogError;

use super::*;

/// A log whose clock says ours less the skew. It answers what it was told to, or appends.
struct Desk {
    ticker: Ticker,
    now_ms: i64,
    monotonic: Duration,
    skew_ms: i64,
    /// The append time of each tick.
    ticks: RefCell<Vec<i64>>,
    refusal: Option<fn(String) -> LogError>,
    processed: u64,
    was_sound: bool,
}

impl Desk {
    fn at(now_ms: i64, skew_ms: i64) -> Self {
        let ticker = Ticker::new(TopicPartition::new("bids", 0), "tick".into());
        Self {
            ticker,
            now_ms,
            monotonic: Duration::ZERO,
            skew_ms,
            ticks: RefCell::default(),
            refusal: None,
            processed: 0,
            was_sound: true,
        }
    }

    /// One turn; how many ticks were sent so far.
    fn step(&mut self, due_ms: Option<i64>) -> usize {
        let (now_ms, append_ms, refusal) = (self.now_ms, self.now_ms - self.skew_ms, self.refusal);
        let ticks = &self.ticks;
        let send = |_: NewRecord| -> Answer {
            ticks.borrow_mut().push(append_ms);
            let appended = Appended { partition: 0, offset: ticks.borrow().len() as u64, append_ms };
            Box::pin(std::future::ready(refusal.map_or(Ok(appended), |refusal| Err(refusal("no".into())))))
        };
        let now = Now { wall_ms: now_ms, monotonic: self.monotonic };
        self.was_sound = self.ticker.step(&send, due_ms, now, self.processed);
        self.ticks.borrow().len()
    }

    /// All ticks are processed.
    fn process(&mut self) {
        self.processed = self.ticks.borrow().len() as u64 + 1;
    }

    /// Lets the clock go on, a millisecond at a time, until the log's is past `due_ms`; how many ticks were sent.
    fn run_until_fired(&mut self, due_ms: i64) -> usize {
        let before = self.ticks.borrow().len();
        for _ in 0..100_000 {
            self.step(Some(due_ms));
            self.process();
            if self.ticks.borrow().last().is_some_and(|&append_ms| append_ms > due_ms) {
                self.step(None);
                return self.ticks.borrow().len() - before;
            }
            self.now_ms += 1;
        }
        panic!("no tick fires {due_ms}");
    }
}

#[test]
fn a_tick_goes_out_once_the_time_is_past_and_one_at_a_time() {
    let mut desk = Desk::at(100, 0);
    assert_eq!(desk.step(Some(100)), 0, "not past yet");
    assert_eq!(desk.ticker.next_ms(Some(100)), Some(101));
    desk.now_ms = 101;
    assert_eq!(desk.step(Some(100)), 1);
    assert_eq!((desk.step(Some(100)), desk.ticker.next_ms(Some(100))), (1, None), "the first is not processed yet");
    desk.process();
    assert_eq!(desk.step(None), 1);
    assert_eq!(desk.step(Some(100)), 2, "a timer that is due again");
}

/// A lot ends; the next ends in a week; then one is listed that ends soon.
#[test]
fn a_timer_far_away_does_not_hold_up_a_nearer_one() {
    let week_ms = 7 * 86_400_000;
    let mut desk = Desk::at(101, 0);
    assert_eq!(desk.step(Some(100)), 1);
    // Answered only when the week's timer is the earliest.
    assert_eq!(desk.step(Some(week_ms)), 1);
    desk.process();
    assert_eq!(desk.step(Some(week_ms)), 1);
    assert_eq!(desk.ticker.next_ms(Some(300)), Some(301));
    desk.now_ms = 301;
    assert_eq!(desk.step(Some(300)), 2);
}

#[test]
fn a_log_whose_clock_is_behind_is_waited_for_without_a_storm() {
    let mut desk = Desk::at(101, 5000);
    assert_eq!(desk.run_until_fired(100), 2, "one comes too early, and teaches the difference");
    assert_eq!(desk.now_ms, 5102);
    assert_eq!(desk.run_until_fired(6000), 1, "the difference is known");
    assert_eq!(desk.now_ms, 11_001);
}

#[test]
fn a_log_whose_clock_is_ahead_is_not_held_up_by_ours() {
    let mut desk = Desk::at(0, -5000);
    desk.ticker.saw(4000, 0);
    desk.ticker.saw(5000, 0);
    assert_eq!(desk.run_until_fired(6000), 1);
    assert_eq!(desk.now_ms, 1001);
}

#[test]
fn old_records_teach_nothing_wrong() {
    let mut desk = Desk::at(1_000_000, 0);
    desk.ticker.saw(5, 1_000_000);
    assert_eq!(desk.run_until_fired(1_000_500), 1);
    assert_eq!(desk.now_ms, 1_000_501);
}

#[test]
fn a_clock_that_was_set_right_is_followed() {
    let mut desk = Desk::at(1000, 5000);
    desk.run_until_fired(100);
    desk.skew_ms = 0;
    desk.ticker.saw(desk.now_ms, desk.now_ms);
    let due_ms = desk.now_ms + 10;
    assert_eq!(desk.run_until_fired(due_ms), 1);
    assert_eq!(desk.now_ms, due_ms + 1);
}

#[test]
fn a_slow_answer_is_no_difference() {
    let mut desk = Desk::at(101, 0);
    assert_eq!(desk.step(Some(100)), 1);
    desk.now_ms += 3000;
    desk.step(Some(100));
    desk.process();
    desk.step(None);
    assert_eq!(desk.ticker.next_ms(Some(9000)), Some(9001));
}

#[test]
fn a_refused_tick_is_sent_again_after_a_while() {
    let mut desk = Desk::at(101, 0);
    desk.refusal = Some(LogError::Unavailable);
    assert_eq!(desk.step(Some(100)), 1);
    desk.refusal = None;
    assert_eq!((desk.step(Some(100)), desk.ticker.next_ms(Some(100))), (1, None));
    assert!(desk.was_sound);
    desk.monotonic += RETRY_AFTER;
    assert_eq!(desk.step(Some(100)), 2);
    desk.process();
    assert_eq!(desk.step(None), 2);
    assert_eq!(desk.ticker.next_ms(Some(200)), Some(201));
}

/// The tick was appended, but its acknowledgement lost: it has fired the timer when the pause is over.
#[test]
fn an_acknowledgement_may_be_lost() {
    let mut desk = Desk::at(101, 0);
    desk.refusal = Some(LogError::Unavailable);
    desk.step(Some(100));
    desk.step(Some(100));
    (desk.refusal, desk.processed) = (None, 2);
    desk.ticker.saw(101, 102);
    desk.monotonic += RETRY_AFTER;
    assert_eq!(desk.step(Some(500)), 1, "nothing is due any more");
    desk.now_ms = 501;
    assert_eq!(desk.step(Some(500)), 2);
}

#[test]
fn a_producer_that_was_fenced_or_refuses_on_and_on_is_of_no_use() {
    let mut desk = Desk::at(101, 0);
    desk.refusal = Some(LogError::Fenced);
    desk.step(Some(100));
    desk.step(Some(100));
    assert!(!desk.was_sound);
    desk.refusal = Some(LogError::Unavailable);
    let mut verdicts = Vec::new();
    for _ in 1..REFUSALS {
        desk.ticker.retry_at = None;
        desk.step(Some(100));
        desk.step(Some(100));
        verdicts.push(desk.was_sound);
    }
    assert_eq!(verdicts, [true, true, true, false]);
}
