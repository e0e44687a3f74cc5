//! A span of time that is looked at, cut into steps.

use gavel_auctions::wire::analytics::WINDOW_MS;
use serde::Serialize;

/// About so many steps are shown.
const STEPS: i64 = 60;
/// The end of the year 9999: what is asked for beyond it means it.
const LATEST_MS: i64 = 253_402_300_799_999;

/// From when to when, and how finely it is cut: whole windows.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Span {
    /// The start of the first step.
    pub(crate) from_ms: i64,
    /// The end of the last step.
    pub(crate) to_ms: i64,
    /// The length of a step.
    pub(crate) step_ms: i64,
}

impl Span {
    /// The windows that these times touch.
    pub(crate) fn new(from_ms: i64, to_ms: i64) -> Self {
        let (from_ms, to_ms) = (from_ms.clamp(0, LATEST_MS), to_ms.clamp(0, LATEST_MS));
        let step_ms = ((to_ms - from_ms) / STEPS / WINDOW_MS).max(1) * WINDOW_MS;
        let floor = |at_ms: i64, unit_ms: i64| at_ms - at_ms.rem_euclid(unit_ms);
        Self { from_ms: floor(from_ms, step_ms), to_ms: floor(to_ms + WINDOW_MS - 1, WINDOW_MS), step_ms }
    }

    /// The start of each step.
    pub(super) fn steps(self) -> Vec<i64> {
        (0..).map(|step| self.from_ms + step * self.step_ms).take_while(|at_ms| *at_ms < self.to_ms).collect()
    }

    /// Which step a time is in.
    pub(super) fn step_of(self, at_ms: i64) -> usize {
        usize::try_from((at_ms - self.from_ms) / self.step_ms).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_cut_into_whole_windows() {
        let hour = Span::new(90_000, 90_000 + 3_600_000);
        assert_eq!((hour.from_ms, hour.step_ms, hour.to_ms % WINDOW_MS), (60_000, WINDOW_MS, 0));
        let week = Span::new(0, 7 * 24 * 3_600_000);
        assert_eq!((week.step_ms % WINDOW_MS, week.steps().len()), (0, 60));
    }

    #[test]
    fn any_two_times_make_a_span() {
        for (from_ms, to_ms) in [(i64::MIN, i64::MAX), (i64::MAX - 1, i64::MAX), (i64::MIN, i64::MIN + 1), (-5, 3)] {
            let span = Span::new(from_ms, to_ms);
            assert!(span.from_ms <= span.to_ms && span.from_ms >= 0, "{span:?}");
            assert!(span.steps().len() <= 2 + 2 * STEPS as usize, "{span:?}");
        }
    }
}
