//! What a simulation must have met at least once over all seeds, so that it cannot become a happy path unnoticed.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::random::Random;

/// Declares the marks: faults, each with how often in a thousand occasions it strikes at most; and sights.
macro_rules! marks {
    ($($(#[doc = $text:literal])+ $name:ident = $most:literal,)+) => {
        /// Something that happens to a simulation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Mark { $($(#[doc = $text])+ $name,)+ }

        impl Mark {
            pub(crate) const ALL: [Self; [$($most),+].len()] = [$(Self::$name),+];
            const MOST: [u32; Self::ALL.len()] = [$($most),+];
        }
    };
}

marks! {
    /// A call to the log fails, and has done nothing.
    Unanswered = 60,
    /// A call to the log has its effect, and fails.
    AnswerLost = 40,
    /// A transaction must be aborted.
    Aborted = 20,
    /// What became of a commit is not told, and it was done.
    CommitLost = 60,
    /// A record is appended, or its producer told, later.
    SendDelayed = 300,
    /// A record is appended, and its producer never told.
    SendLost = 80,
    /// A reader gets nothing, though there is something.
    ReaderSlow = 200,
    /// A reader gets fewer records than it would take.
    ReaderInPieces = 500,
    /// The ends of a committed transaction come to its partitions one after the other.
    MarkersDelayed = 700,
    /// One of the brokers is away for a while.
    BrokerAway = 12,
    /// The clock of a broker is set.
    BrokerClockSet = 8,
    /// The clock of a worker is set.
    WorkerClockSet = 10,
    /// A changelog is compacted.
    Compacted = 20,
    /// A process dies between two steps.
    Crashed = 12,
    /// A process dies in the middle of a step, at a call to the log.
    CrashedInCall = 10,
    /// A process dies at a beat of a unit of work.
    CrashedAtBeat = 12,
    /// A process is stopped in order.
    StoppedInOrder = 8,
    /// A process stands still beyond its session, and wakes.
    Frozen = 8,
    /// The same, in the middle of a step, at a call to the log.
    FrozenInCall = 25,
    /// The log is broken for who called it.
    LogBroke = 1,
    /// While a process stands still, another takes its name.
    NameTaken = 300,
    /// A process starts on an empty disk.
    DiskWiped = 150,
    /// A process starts on a disk that has lost its last writes.
    DiskTorn = 600,
    /// A disk refuses some writes.
    DiskRefused = 6,
    /// What is on a disk cannot be read any more.
    DiskDamaged = 3,
    /// A new owner ends what the old one left open.
    TakenOver = 500,
    /// A group that nobody is in loses its offsets.
    OffsetsForgotten = 30,
    /// A process is away for so long that its disk is of no use.
    AwayForDays = 400,
    /// A broker gives up a transaction that takes too long.
    TransactionTimedOut = 0,
    /// A member of a group is given up for silence.
    MemberExpired = 0,
    /// An older owner is fenced.
    Fenced = 0,
    /// A partition goes from one member to another.
    Moved = 0,
    /// The same, while a member has a unit of work in hand.
    MovedInUnit = 0,
    /// A unit of work takes another batch.
    Prolonged = 0,
    /// A group's offsets wait for the end of a transaction.
    OffsetsPending = 0,
    /// A request is sent a second time.
    Repeated = 0,
    /// The clock of a gateway is wrong.
    GatewaySkewed = 0,
    /// A bid comes before its item, and counts or is refused like any other.
    CameEarly = 0,
    /// A bid waits for an item that never comes.
    Orphaned = 0,
    /// A tick ended an auction.
    Ticked = 0,
    /// An end moved.
    Extended = 0,
    /// An item was withdrawn.
    Withdrawn = 0,
    /// An item was sold.
    Sold = 0,
    /// A record went to the dead letters.
    DeadLettered = 0,
}

static COUNTS: [AtomicU64; Mark::ALL.len()] = [const { AtomicU64::new(0) }; Mark::ALL.len()];

impl Mark {
    /// It happened.
    pub(crate) fn hit(self) {
        COUNTS[self as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Those that never happened in this process.
    pub(crate) fn missing() -> Vec<Self> {
        let is_missing = |mark: &Self| COUNTS[*mark as usize].load(Ordering::Relaxed) == 0;
        Self::ALL.into_iter().filter(is_missing).collect()
    }
}

/// How often each fault strikes in one simulation; a third of them not at all.
#[derive(Debug, Clone)]
pub(crate) struct Odds([u32; Mark::ALL.len()]);

impl Odds {
    pub(crate) fn draw(random: &mut Random) -> Self {
        Self(Mark::MOST.map(|most| if random.chance(333) { 0 } else { random.below(most as usize + 1) as u32 }))
    }

    /// No faults any more.
    pub(crate) fn none() -> Self {
        Self([0; Mark::ALL.len()])
    }

    /// Of a thousand occasions.
    pub(crate) fn of(&self, fault: Mark) -> u32 {
        self.0[fault as usize]
    }
}
