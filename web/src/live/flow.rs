//! How long bids take on their way through this process: POST → decision, POST → watcher. The projector measures their
//! way into the database by itself.
//!
//! Only what was posted here counts, each bid once: decided when its request has the answer, pushed when its frame has
//! been written to the first watcher that this process sends it to.

use std::time::{Duration, Instant};

use gavel_readmodel::{Meter, Percentiles};
use serde::{Deserialize, Serialize};

/// The stages of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlowSnapshot {
    /// POST to decision.
    pub decided: Percentiles,
    /// POST to watcher.
    pub pushed: Percentiles,
}

/// What a process measures.
#[derive(Debug)]
pub struct Flow {
    decided: Meter,
    pushed: Meter,
}

impl Default for Flow {
    /// Nothing measured yet. The recorder of `metrics` must be installed before.
    fn default() -> Self {
        Self { decided: Meter::new("decided"), pushed: Meter::new("pushed") }
    }
}

impl Flow {
    /// A request that came in at `posted_at` has its decision.
    pub fn record_decided(&self, posted_at: Instant) {
        self.decided.record(posted_at.elapsed());
    }

    /// The first watcher has been sent what came of a request, so long after it came in.
    pub(super) fn record_pushed(&self, took: Duration) {
        self.pushed.record(took);
    }

    /// How it went.
    #[must_use]
    pub fn snapshot(&self) -> FlowSnapshot {
        FlowSnapshot { decided: self.decided.percentiles(), pushed: self.pushed.percentiles() }
    }
}
