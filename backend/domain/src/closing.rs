//! How an auction closes: at its listed end, or later when somebody bids late.

use serde::{Deserialize, Serialize};

use crate::time::EpochMs;

/// A closing kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Closing {
    /// At the listed end.
    Hard,
    /// A late bid moves the end.
    Soft {
        /// A bid this close to the effective end, or closer, moves it.
        window_s: u32,
        /// To this long after the bid.
        extend_s: u32,
        /// Never later than this after the listed end.
        cap_s: u32,
    },
}

impl Closing {
    /// The effective end after a bid at `t` that counted against a leader or took the lead; `t` is not after `effective`.
    #[must_use]
    pub fn end_after_bid(self, listed: EpochMs, effective: EpochMs, t: EpochMs) -> EpochMs {
        match self {
            Self::Hard => effective,
            Self::Soft { window_s, .. } if effective.since_ms(t) > i64::from(window_s) * 1000 => effective,
            Self::Soft { extend_s, cap_s, .. } => effective.max(t.plus_s(extend_s).min(listed.plus_s(cap_s))),
        }
    }
}
