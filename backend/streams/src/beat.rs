//! The beats of a unit of work at which a test may have the process die.

/// Where in a unit of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Beat {
    /// All is processed, and nothing of it has left the process.
    Processed,
    /// All is sent; the transaction is open.
    BeforeCommit,
    /// The transaction is committed; the local store is behind.
    AfterCommit,
    /// The local store reflects the unit of work.
    Applied,
}

impl Beat {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Processed, Self::BeforeCommit, Self::AfterCommit, Self::Applied];
}
