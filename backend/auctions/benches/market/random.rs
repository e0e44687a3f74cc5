//! What the benchmarks draw their markets from.

use uuid::Uuid;

/// A small generator of our own, so that every run decides the same bids.
pub(crate) struct Xorshift(pub(crate) u64);

impl Xorshift {
    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// The id of a thing of this kind and number.
pub(crate) fn id(kind: u128, number: u64) -> Uuid {
    Uuid::from_u128((kind << 96) | u128::from(number))
}
