//! How an item stands by what is newer than the database.

use std::sync::Arc;

use gavel_auctions::wire::{CompletionRecord, HistoryRecord, Outcome, ReserveStatus};
use gavel_readmodel::ItemRow;

use super::event::{Fact, LiveEvent};

/// The newest public events of an item that the database may not have: laid over its row, they make it current.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    decided: Option<Arc<LiveEvent>>,
    completed: Option<Arc<LiveEvent>>,
}

impl Standing {
    /// Of the item's public events in order; `None` of none.
    pub(super) fn of(events: &[Arc<LiveEvent>]) -> Option<Self> {
        let last = |wanted: fn(&Fact) -> bool| events.iter().rev().find(|event| wanted(&event.fact)).cloned();
        let standing = Self {
            decided: last(|fact| matches!(fact, Fact::Decided(..))),
            completed: last(|fact| matches!(fact, Fact::Completed(_))),
        };
        (!events.is_empty()).then_some(standing)
    }

    /// The newest decision with a sequence.
    #[must_use]
    pub fn decided(&self) -> Option<&HistoryRecord> {
        self.decided.as_ref().and_then(|event| event.receipt()).map(|receipt| &receipt.record)
    }

    /// The completion.
    #[must_use]
    pub fn completed(&self) -> Option<&CompletionRecord> {
        match &self.completed.as_ref()?.fact {
            Fact::Completed(completion) => Some(completion),
            Fact::Decided(..) => None,
        }
    }

    /// The newest sequence.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        let decided = self.decided().and_then(|record| record.sequence);
        self.completed().map(|record| record.sequence).max(decided).unwrap_or(0)
    }

    /// Brings a row up to date. What the row has already is left alone.
    pub fn lay_over(&self, row: &mut ItemRow) {
        if let Some(record) = self.decided()
            && let Some(sequence) = record.sequence
            && sequence > row.sequence
        {
            decide(row, record, sequence);
        }
        if let Some(completion) = self.completed()
            && completion.sequence > row.sequence
        {
            complete(row, completion);
        }
    }
}

fn decide(row: &mut ItemRow, record: &HistoryRecord, sequence: u64) {
    row.sequence = sequence;
    row.price_minor = record.price_minor.unwrap_or(row.price_minor);
    row.minimum_minor = record.minimum_minor;
    row.leader_id = record.leader_id;
    row.leader_alias.clone_from(&record.leader_alias);
    row.bid_count = record.bid_count;
    row.ends_at_ms = record.ends_at_ms.unwrap_or(row.ends_at_ms);
    if row.reserve != ReserveStatus::None {
        row.reserve = if record.reserve_met { ReserveStatus::Met } else { ReserveStatus::NotMet };
    }
}

fn complete(row: &mut ItemRow, completion: &CompletionRecord) {
    row.sequence = completion.sequence;
    row.price_minor = completion.price_minor;
    row.minimum_minor = None;
    row.bid_count = completion.bid_count;
    row.ends_at_ms = completion.ended_at_ms;
    row.outcome = Some(completion.outcome);
    row.winner_id = completion.winner_id;
    row.winner_alias.clone_from(&completion.winner_alias);
    if row.reserve != ReserveStatus::None && completion.outcome == Outcome::Sold {
        row.reserve = ReserveStatus::Met;
    }
}
