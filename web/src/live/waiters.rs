//! Who waits for the decision on which command.

use std::collections::HashMap;
use std::sync::Weak;
use std::time::Instant;

use gavel_readmodel::Receipt;
use tokio::sync::oneshot;

use super::event::DecisionKey;
use super::hub::Hub;

#[derive(Debug)]
struct Waiting {
    number: u64,
    since: Instant,
    answer: oneshot::Sender<Receipt>,
}

/// All who wait.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    next: u64,
    waiting: HashMap<DecisionKey, Vec<Waiting>>,
}

impl Waiters {
    /// Registers one who waits; the hub is asked to forget it when it is dropped.
    pub(super) fn expect(&mut self, key: DecisionKey, since: Instant, hub: Weak<Hub>) -> DecisionWaiter {
        let number = self.next;
        self.next += 1;
        let (answer, receiver) = oneshot::channel();
        self.waiting.entry(key).or_default().push(Waiting { number, since, answer });
        DecisionWaiter { key, number, answer: receiver, hub }
    }

    /// When the oldest of those who wait for a decision set out.
    pub(super) fn since(&self, key: DecisionKey) -> Option<Instant> {
        self.waiting.get(&key)?.iter().map(|waiting| waiting.since).min()
    }

    /// Answers all who wait for this decision.
    pub(super) fn resolve(&mut self, key: DecisionKey, receipt: &Receipt) {
        for waiting in self.waiting.remove(&key).into_iter().flatten() {
            // Whoever stopped waiting in this very moment needs no answer.
            let _ = waiting.answer.send(receipt.clone());
        }
    }

    fn forget(&mut self, key: DecisionKey, number: u64) {
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.retain(|waiting| waiting.number != number);
            if waiting.is_empty() {
                self.waiting.remove(&key);
            }
        }
    }

    /// For how many commands somebody waits.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

/// Waits for one decision. Registered before the command is produced; dropped, it is forgotten.
#[derive(Debug)]
pub struct DecisionWaiter {
    key: DecisionKey,
    number: u64,
    answer: oneshot::Receiver<Receipt>,
    hub: Weak<Hub>,
}

impl DecisionWaiter {
    /// The decision, whenever it comes: put a timeout around it. A `duplicate` carries the first decision in its `first`.
    pub async fn decided(&mut self) -> Receipt {
        match (&mut self.answer).await {
            Ok(receipt) => receipt,
            // The hub is gone, the house is closing: no answer comes any more, and the timeout says so.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for DecisionWaiter {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.with_waiters(|waiters| waiters.forget(self.key, self.number));
        }
    }
}
