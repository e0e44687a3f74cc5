//! Clients: who calls the log, how their calls fail, and how they die of them.

use gavel_log::{LogError, Result};

use super::Broker;
use crate::mark::Mark;

/// A client: a process of workers, or a gateway.
pub(crate) type ClientId = usize;

/// Lets a long time pass.
pub(crate) type Stall = Box<dyn FnOnce() + Send>;

/// How a client is.
#[derive(Default)]
pub(super) struct Client {
    is_dead: bool,
    /// Dies at the call after so many.
    dies_in_calls: Option<u32>,
    /// Stands still at the call after so many.
    stalls_in_calls: Option<(u32, Stall)>,
}

impl Client {
    /// Lives on.
    pub(super) fn mend(&mut self) {
        self.dies_in_calls = None;
    }
}

impl Broker {
    pub(in crate::log) fn new_client(&mut self) -> ClientId {
        self.clients.push(Client::default());
        self.clients.len() - 1
    }

    /// A call begins: it may not reach the log, and who makes it may die of it.
    pub(in crate::log) fn enter(&mut self, client: ClientId) -> Result<()> {
        let state = &mut self.clients[client];
        if let Some(calls) = &mut state.dies_in_calls {
            if *calls == 0 && !state.is_dead {
                Mark::CrashedInCall.hit();
            }
            state.is_dead |= *calls == 0;
            *calls = calls.saturating_sub(1);
        }
        if state.is_dead {
            return Err(LogError::Unavailable("the process is dead".into()));
        }
        if self.random.chance(100) {
            self.time.pass(self.random.between(1, 5));
        }
        if self.strikes(Mark::LogBroke) {
            return Err(LogError::Storage("no space left".into()));
        }
        if self.strikes(Mark::Unanswered) { Err(LogError::Unavailable("no answer".into())) } else { Ok(()) }
    }

    /// A call that was done ends: its answer may not come.
    pub(in crate::log) fn leave<T>(&mut self, client: ClientId, outcome: Result<T>) -> Result<T> {
        let outcome = outcome?;
        if self.is_dead(client) || self.strikes(Mark::AnswerLost) {
            return Err(LogError::Unavailable("the answer is lost".into()));
        }
        Ok(outcome)
    }

    pub(in crate::log) fn is_dead(&self, client: ClientId) -> bool {
        self.clients[client].is_dead
    }

    pub(in crate::log) fn kill(&mut self, client: ClientId) {
        self.clients[client].is_dead = true;
    }

    pub(in crate::log) fn kill_in(&mut self, client: ClientId, calls: u32) {
        self.clients[client].dies_in_calls = Some(calls);
    }

    pub(in crate::log) fn stall_in(&mut self, client: ClientId, calls: u32, stall: Stall) {
        self.clients[client].stalls_in_calls = Some((calls, stall));
    }

    /// What a client is to do before its call, if that is the one, or any.
    pub(in crate::log) fn take_stall(&mut self, client: ClientId, is_any: bool) -> Option<Stall> {
        let stalls = &mut self.clients[client].stalls_in_calls;
        if let Some((calls, _)) = stalls.as_mut().filter(|(calls, _)| *calls > 0 && !is_any) {
            *calls -= 1;
            return None;
        }
        stalls.take().map(|(_, stall)| stall)
    }
}
