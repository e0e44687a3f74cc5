//! Where in a unit of work a test has a thread die, or stand still.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gavel_streams::Beat;
use gavel_streams::runtime::Failpoint;

use crate::harness::eventually;

/// A failpoint that hits once, at the nth time a unit of work comes to that beat.
pub(crate) fn at(beat: Beat, nth: u64) -> Failpoint {
    let seen = AtomicU64::new(0);
    Arc::new(move |at| at == beat && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth)
}

/// A failpoint that says when a unit of work first comes to that beat, and holds it there until it is let go.
pub(crate) fn hold_at(beat: Beat) -> (Failpoint, Arc<Held>) {
    let held = Arc::new(Held::default());
    let holder = Arc::clone(&held);
    let failpoint = move |at: Beat| {
        if at == beat && !holder.reached.swap(true, Ordering::SeqCst) {
            eventually("it is let go", || holder.let_go.load(Ordering::SeqCst));
        }
        false
    };
    (Arc::new(failpoint), held)
}

/// See [`hold_at`].
#[derive(Default)]
pub(crate) struct Held {
    reached: AtomicBool,
    let_go: AtomicBool,
}

impl Held {
    pub(crate) fn wait(&self) {
        eventually("a unit of work comes to the beat", || self.reached.load(Ordering::SeqCst));
    }

    pub(crate) fn let_go(&self) {
        self.let_go.store(true, Ordering::SeqCst);
    }
}
