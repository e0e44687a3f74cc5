//! When a listing begins and ends, as its seller asks.
//!
//! The seller's clock, this process's and the broker's differ. An absolute time is taken as it is meant, with some slack.

use crate::error::FieldErrors;

/// How far in the past a start may be: clocks differ, and forms take time to fill in.
const START_SLACK_MS: i64 = 60_000;
/// How far apart the clocks of the parts of one house may be. A listing that begins at once begins so much earlier, lest a
/// bid be told that it has not begun.
const CLOCK_SLACK_MS: i64 = 2_000;

/// What a seller asks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    /// When bidding opens; at once if absent.
    pub(super) starts_at_ms: Option<i64>,
    /// When it ends.
    pub(super) ends_at_ms: Option<i64>,
    /// How long it runs.
    pub(super) duration_s: Option<u32>,
}

impl Times {
    /// Start and end as they are written, where they can be told; what is wrong with them goes to `errors`. An auction
    /// runs from the first of the bounds to the second.
    pub(super) fn check(self, now_ms: i64, (min_s, max_s): (u32, u32), errors: &mut FieldErrors) -> Option<(i64, i64)> {
        if self.starts_at_ms.is_some_and(|starts_at_ms| starts_at_ms < now_ms - START_SLACK_MS) {
            errors.add("starts_at_ms", "past", "Choose a start that is not in the past");
        }
        let from_ms = self.starts_at_ms.unwrap_or(now_ms);
        let (field, ends_at_ms) = match (self.ends_at_ms, self.duration_s) {
            (Some(ends_at_ms), None) => ("ends_at_ms", ends_at_ms),
            (None, Some(duration_s)) => ("duration_s", from_ms.saturating_add(i64::from(duration_s) * 1000)),
            (None, None) => {
                errors.add("ends_at_ms", "required", "Say when it ends: ends_at_ms or duration_s");
                return None;
            }
            (Some(_), Some(_)) => {
                errors.add("ends_at_ms", "ambiguous", "Say when it ends once: ends_at_ms or duration_s");
                return None;
            }
        };
        let is_counted_here = self.starts_at_ms.is_none() && self.ends_at_ms.is_some();
        let slack_ms = if is_counted_here { CLOCK_SLACK_MS } else { 0 };
        let duration_ms = ends_at_ms.saturating_sub(from_ms);
        if ends_at_ms <= now_ms {
            errors.add(field, "past", "Choose an end that is in the future");
        } else if duration_ms.saturating_add(slack_ms) < i64::from(min_s) * 1000 {
            errors.add(field, "too_short", format!("An auction runs for at least {min_s} seconds"));
        } else if duration_ms.saturating_sub(slack_ms) > i64::from(max_s) * 1000 {
            errors.add(field, "too_long", format!("An auction runs for at most {max_s} seconds"));
        }
        Some((self.starts_at_ms.unwrap_or(now_ms - CLOCK_SLACK_MS), ends_at_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_000_000;
    const BOUNDS_S: (u32, u32) = (5, 100);

    fn check(times: Times) -> Result<(i64, i64), Vec<(&'static str, &'static str)>> {
        let mut errors = FieldErrors::default();
        match times.check(NOW_MS, BOUNDS_S, &mut errors) {
            Some(checked) if errors.is_empty() => Ok(checked),
            _ => Err(errors.iter().map(|(field, errors)| (field, errors[0].code)).collect()),
        }
    }

    fn from_to(starts_at_ms: Option<i64>, ends_at_ms: i64) -> Times {
        Times { starts_at_ms, ends_at_ms: Some(ends_at_ms), duration_s: None }
    }

    fn lasting(starts_at_ms: Option<i64>, duration_s: u32) -> Times {
        Times { starts_at_ms, ends_at_ms: None, duration_s: Some(duration_s) }
    }

    #[test]
    fn a_duration_counts_from_the_start_and_at_once_begins_a_little_earlier() {
        assert_eq!(check(lasting(None, 5)), Ok((NOW_MS - CLOCK_SLACK_MS, NOW_MS + 5_000)));
        assert_eq!(check(lasting(Some(NOW_MS + 7), 5)), Ok((NOW_MS + 7, NOW_MS + 5_007)));
        assert_eq!(check(lasting(None, 4)), Err(vec![("duration_s", "too_short")]));
        assert_eq!(check(lasting(None, 101)), Err(vec![("duration_s", "too_long")]));
    }

    #[test]
    fn with_a_start_the_time_from_it_to_the_end_is_measured() {
        let late_ms = NOW_MS - 3_000;
        assert_eq!(check(from_to(Some(late_ms), late_ms + 5_000)), Ok((late_ms, late_ms + 5_000)));
        assert_eq!(check(from_to(Some(late_ms), late_ms + 4_999)), Err(vec![("ends_at_ms", "too_short")]));
        let old_ms = NOW_MS - START_SLACK_MS;
        assert_eq!(check(from_to(Some(old_ms), NOW_MS)), Err(vec![("ends_at_ms", "past")]));
        assert_eq!(check(from_to(Some(old_ms - 1), NOW_MS + 1)), Err(vec![("starts_at_ms", "past")]));
    }

    #[test]
    fn an_end_by_another_clock_may_be_a_little_off() {
        assert!(check(from_to(None, NOW_MS + 3_000)).is_ok());
        assert_eq!(check(from_to(None, NOW_MS + 2_999)), Err(vec![("ends_at_ms", "too_short")]));
        assert!(check(from_to(None, NOW_MS + 102_000)).is_ok());
        assert_eq!(check(from_to(None, NOW_MS + 102_001)), Err(vec![("ends_at_ms", "too_long")]));
        assert_eq!(check(from_to(None, i64::MIN)), Err(vec![("ends_at_ms", "past")]));
    }

    #[test]
    fn an_end_is_told_once() {
        assert_eq!(check(Times::default()), Err(vec![("ends_at_ms", "required")]));
        let twice = Times { duration_s: Some(5), ..from_to(None, NOW_MS + 5_000) };
        assert_eq!(check(twice), Err(vec![("ends_at_ms", "ambiguous")]));
    }
}
