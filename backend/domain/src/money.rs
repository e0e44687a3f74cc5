//! Amounts of money in a currency's minor unit, and amounts that their owner keeps secret.

use serde::{Deserialize, Serialize};

/// A non-negative amount in the minor unit of a currency that the context knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Minor(i64);

impl Minor {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount: the largest integer that every JSON reader keeps exact, 2^53 - 1.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// An amount of `minor` units.
    ///
    /// # Errors
    /// [`AmountOutOfRange`] below zero or above [`Minor::MAX`].
    pub const fn new(minor: i64) -> Result<Self, AmountOutOfRange> {
        if minor < 0 || minor > Self::MAX.0 { Err(AmountOutOfRange) } else { Ok(Self(minor)) }
    }

    /// The number of minor units.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, or [`Minor::MAX`] if it is larger: a ladder cannot lead out of the range.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        let sum = self.0 + other.0;
        if sum > Self::MAX.0 { Self::MAX } else { Self(sum) }
    }
}

impl TryFrom<i64> for Minor {
    type Error = AmountOutOfRange;

    fn try_from(minor: i64) -> Result<Self, Self::Error> {
        Self::new(minor)
    }
}

impl From<Minor> for i64 {
    fn from(amount: Minor) -> Self {
        amount.0
    }
}

/// The number is no amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount is between 0 and {max} minor units", max = Minor::MAX.0)]
pub struct AmountOutOfRange;

/// An amount that is its owner's secret: a maximum or a reserve. It cannot be printed or serialised by accident;
/// [`SecretMinor::reveal`] marks each place that looks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretMinor(Minor);

impl SecretMinor {
    /// Keeps `amount` secret.
    #[must_use]
    pub const fn new(amount: Minor) -> Self {
        Self(amount)
    }

    /// The amount itself.
    #[must_use]
    pub const fn reveal(self) -> Minor {
        self.0
    }
}

impl std::fmt::Debug for SecretMinor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretMinor(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_neither_negative_nor_beyond_exact_json() {
        assert_eq!(Minor::new(0), Ok(Minor::ZERO));
        assert_eq!(Minor::new(9_007_199_254_740_991), Ok(Minor::MAX));
        assert_eq!(Minor::new(-1), Err(AmountOutOfRange));
        assert_eq!(Minor::new(9_007_199_254_740_992), Err(AmountOutOfRange));
    }

    #[test]
    fn a_sum_stays_in_range() {
        assert_eq!(Minor(5).saturating_add(Minor(7)), Minor(12));
        assert_eq!(Minor::MAX.saturating_add(Minor(1)), Minor::MAX);
        assert_eq!(Minor::MAX.saturating_add(Minor::MAX), Minor::MAX);
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Some(SecretMinor::new(Minor(4711)))), "Some(SecretMinor(…))");
    }
}
