//! How often what stopped by itself is begun anew.

use std::collections::VecDeque;
use std::time::Duration;

/// The longest pause before a restart.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often what stopped by itself, such as a thread, is begun anew before it stays down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restarts {
    /// So many times at most
    pub most: usize,
    /// within so long.
    pub within: Duration,
    /// The pause before the first; each further one is twice as long.
    pub first_pause: Duration,
}

impl Default for Restarts {
    fn default() -> Self {
        Self { most: 5, within: Duration::from_secs(600), first_pause: Duration::from_secs(1) }
    }
}

impl Restarts {
    /// None yet.
    #[must_use]
    pub fn begin(self) -> CountedRestarts {
        CountedRestarts { allowed: self, at: VecDeque::new() }
    }
}

/// How often one thread, or whatever else it is, was begun anew.
#[derive(Debug)]
pub struct CountedRestarts {
    allowed: Restarts,
    at: VecDeque<Duration>,
}

impl CountedRestarts {
    /// The pause before the next, at a moment of any clock that only goes forward; `None` if there were too many.
    pub fn next(&mut self, now: Duration) -> Option<Duration> {
        let Restarts { most, within, first_pause } = self.allowed;
        while self.at.front().is_some_and(|at| now.saturating_sub(*at) > within) {
            self.at.pop_front();
        }
        if self.at.len() >= most {
            return None;
        }
        let doublings = u32::try_from(self.at.len()).unwrap_or(u32::MAX).min(16);
        self.at.push_back(now);
        Some(first_pause.saturating_mul(1 << doublings).min(LONGEST_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_long_ago_count_no_more() {
        let seconds = Duration::from_secs;
        let allowed = Restarts { most: 3, within: seconds(100), first_pause: seconds(1) };
        let mut counted = allowed.begin();
        let pauses = [0, 10, 20, 30].map(|now| counted.next(seconds(now)));
        assert_eq!(pauses, [Some(seconds(1)), Some(seconds(2)), Some(seconds(4)), None]);
        assert_eq!(counted.next(seconds(105)), Some(seconds(4)), "the first is forgotten");
        assert_eq!(counted.next(seconds(106)), None);
        assert_eq!(counted.next(seconds(1000)), Some(seconds(1)));
    }
}
