//! A member in its process; and how a step of it stands still in the middle.
//!
//! A step that is to stand still is taken in a thread of its own, so that the others can go on while it does. Still only one
//! thread runs at any time: who hands over waits to be handed back.

use std::sync::mpsc::{Receiver, Sender, channel};

use gavel_streams::runtime::{Member, Step, ThreadStatus};

use crate::log::SimulatedLog;

/// What the thread of a step tells.
enum Told {
    StandsStill,
    Done(Box<Member>, Step),
}

/// A step that stands still.
struct Still {
    told: Receiver<Told>,
    go_on: Sender<()>,
}

pub(crate) struct Seat {
    /// `None` while its step stands still.
    member: Option<Box<Member>>,
    still: Option<Still>,
    pub(crate) not_before_ms: i64,
}

impl Seat {
    pub(crate) fn new(member: Member) -> Self {
        Self { member: Some(Box::new(member)), still: None, not_before_ms: i64::MIN }
    }

    /// Takes a step. `None` if it now stands still: at the call to the log after `stall_in`.
    pub(crate) fn step(&mut self, log: &SimulatedLog, stall_in: Option<u32>) -> Option<Step> {
        let Some(calls) = stall_in else { return self.member.as_mut().map(|member| member.step()) };
        let mut member = self.member.take()?;
        let ((tell, told), (go_on, is_to_go_on)) = (channel(), channel::<()>());
        let says = tell.clone();
        log.stall_in(
            calls,
            Box::new(move || {
                // Who does not listen any more has given up the simulation.
                says.send(Told::StandsStill).unwrap_or_default();
                is_to_go_on.recv().unwrap_or_default();
            }),
        );
        std::thread::spawn(move || {
            let step = member.step();
            tell.send(Told::Done(member, step)).unwrap_or_default();
        });
        self.listen(Still { told, go_on }, log)
    }

    /// Has a step that stands still go on to its end.
    pub(crate) fn go_on(&mut self, log: &SimulatedLog) -> Option<Step> {
        let still = self.still.take()?;
        still.go_on.send(()).unwrap_or_default();
        self.listen(still, log)
    }

    fn listen(&mut self, still: Still, log: &SimulatedLog) -> Option<Step> {
        match still.told.recv() {
            Ok(Told::Done(member, step)) => {
                log.forget_stall();
                self.member = Some(member);
                Some(step)
            }
            Ok(Told::StandsStill) => {
                self.still = Some(still);
                None
            }
            Err(_) => panic!("a step that stood still panicked"),
        }
    }

    /// Ends it in order.
    pub(crate) fn stop(self) {
        if let Some(member) = self.member {
            member.stop();
        }
    }

    /// How its member is, unless it stands still.
    pub(crate) fn status(&self) -> Option<ThreadStatus> {
        self.member.as_ref().map(|member| member.status())
    }
}
