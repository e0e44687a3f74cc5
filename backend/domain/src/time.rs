//! Points in time, as the log stamps them.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EpochMs(i64);

/// How far from the epoch a given time may be: the largest integer that every JSON reader keeps exact.
const GIVEN_MAX_MS: i64 = (1 << 53) - 1;

impl EpochMs {
    /// A time as somebody gave it: within 2^53 - 1 milliseconds of the epoch, so that no extension and no limit leads out
    /// of the range.
    ///
    /// # Errors
    /// [`TimeOutOfRange`] beyond it.
    pub const fn given(ms: i64) -> Result<Self, TimeOutOfRange> {
        if ms < -GIVEN_MAX_MS || ms > GIVEN_MAX_MS { Err(TimeOutOfRange) } else { Ok(Self(ms)) }
    }

    /// The point `ms` milliseconds after the epoch.
    #[must_use]
    pub const fn new(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// So many seconds later; the last representable point if that is later still.
    #[must_use]
    pub const fn plus_s(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds as i64 * 1000))
    }

    /// Milliseconds from `earlier` to here, negative if it is later.
    #[must_use]
    pub const fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The number is no time that can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is within {GIVEN_MAX_MS} milliseconds of 1970")]
pub struct TimeOutOfRange;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_time_is_exact_in_json() {
        for ms in [0, 9_007_199_254_740_991, -9_007_199_254_740_991] {
            assert_eq!(EpochMs::given(ms), Ok(EpochMs::new(ms)));
        }
        for ms in [9_007_199_254_740_992, -9_007_199_254_740_992, i64::MAX, i64::MIN] {
            assert_eq!(EpochMs::given(ms), Err(TimeOutOfRange));
        }
    }
}
