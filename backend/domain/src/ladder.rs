//! Ladders of increments: by how much the next bid must exceed the price.

use serde::{Deserialize, Serialize};

use crate::currency::Currency;
use crate::money::Minor;

/// A named ladder of increments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ladder {
    /// The house's own.
    Standard,
}

/// A rung: prices below `below` (in hundredths of a major unit) take `step`.
struct Rung {
    below: i64,
    step: i64,
}

/// 0.99→0.05, 4.99→0.25, 24.99→0.50, 99.99→1, 249.99→2.50, 499.99→5, 999.99→10, 2499.99→25, 4999.99→50.
const STANDARD: [Rung; 9] = [
    Rung { below: 100, step: 5 },
    Rung { below: 500, step: 25 },
    Rung { below: 2_500, step: 50 },
    Rung { below: 10_000, step: 100 },
    Rung { below: 25_000, step: 250 },
    Rung { below: 50_000, step: 500 },
    Rung { below: 100_000, step: 1_000 },
    Rung { below: 250_000, step: 2_500 },
    Rung { below: 500_000, step: 5_000 },
];

/// Above the last rung.
const STANDARD_TOP_STEP: i64 = 10_000;

impl Ladder {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
        }
    }

    /// The increment at `price`.
    ///
    /// The table is in hundredths of a major unit. A currency with three decimals has it multiplied by ten, so that
    /// the rungs stay at the same major amounts (below 1.000 → 0.050). One with fewer than two takes it in its minor
    /// unit as it is: one yen stands where one cent stands, for a hundredth of a yen cannot be bid.
    #[must_use]
    pub fn step(self, currency: Currency, price: Minor) -> Minor {
        let scale = 10_i64.pow(currency.decimals().saturating_sub(2));
        let Self::Standard = self;
        let step =
            STANDARD.iter().find(|rung| price.get() < rung.below * scale).map_or(STANDARD_TOP_STEP, |rung| rung.step);
        Minor::new(step * scale).expect("every step of the table is within the range of amounts")
    }
}

impl std::str::FromStr for Ladder {
    type Err = UnknownLadder;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "standard" => Ok(Self::Standard),
            _ => Err(UnknownLadder),
        }
    }
}

/// No ladder has that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown ladder; use standard")]
pub struct UnknownLadder;
