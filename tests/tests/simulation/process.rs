//! One process of workers: its members, its disk, its clock, and how it dies.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::Result;
use gavel_log::Log;
use gavel_streams::runtime::{LocalState, RuntimeOptions, Step, TaskStatus};
use gavel_streams::{Beat, Runtime, Topology};

use crate::clock::{SkewedClock, Time};
use crate::disk::SimulatedDisk;
use crate::log::SimulatedLog;
use crate::mark::Mark;
use crate::random::Random;
use crate::seat::Seat;

/// No beat is armed.
const UNARMED: u8 = u8::MAX;

/// What all processes of a simulation have in common.
pub(crate) struct Setting {
    pub(crate) log: SimulatedLog,
    pub(crate) topologies: Vec<Topology>,
    pub(crate) session_timeout: Duration,
    pub(crate) max_batch_records: usize,
    pub(crate) max_unit_records: usize,
    pub(crate) unwritten_rows_max: usize,
    pub(crate) threads: usize,
}

/// How a process is after its members' steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Well,
    Dead,
    /// In the middle of a step.
    StandsStill,
    /// A member has stopped for good.
    Broken,
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Without a word.
    Crash,
    /// It finishes what it has in hand, and leaves.
    Stop,
}

/// A process, running or not.
pub(crate) struct Process {
    pub(crate) instance: String,
    pub(crate) disk: SimulatedDisk,
    pub(crate) clock: SkewedClock,
    running: Option<Running>,
    /// Till when it is down, or stands still.
    pub(crate) away_until_ms: i64,
}

struct Running {
    log: SimulatedLog,
    seats: Vec<Seat>,
    /// The beat at which it dies.
    beat: Arc<AtomicU8>,
    /// It stands still in its next step, at the call after so many.
    stall_in: Cell<Option<u32>>,
}

impl Process {
    pub(crate) fn new(instance: String, time: &Time, skew_ms: i64) -> Self {
        Self {
            instance,
            disk: SimulatedDisk::default(),
            clock: SkewedClock::new(time, skew_ms),
            running: None,
            away_until_ms: i64::MIN,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub(crate) fn start(&mut self, setting: &Setting) -> Result<()> {
        let log = setting.log.connect();
        let beat = Arc::new(AtomicU8::new(UNARMED));
        let (armed, its_log, its_disk) = (Arc::clone(&beat), log.clone(), self.disk.clone());
        let failpoint = move |beat: Beat| {
            let dies = armed.load(Ordering::Relaxed) == beat as u8;
            if dies {
                Mark::CrashedAtBeat.hit();
                its_log.kill();
                its_disk.cut_off();
            }
            dies
        };
        let options = RuntimeOptions {
            local_state: LocalState::Disk(Arc::new(self.disk.clone())),
            session_timeout: setting.session_timeout,
            max_batch_records: setting.max_batch_records,
            max_unit_records: setting.max_unit_records,
            unwritten_rows_max: setting.unwritten_rows_max,
            threads: setting.threads,
            clock: Arc::new(self.clock.clone()),
            failpoint: Some(Arc::new(failpoint)),
            ..RuntimeOptions::new("", &self.instance)
        };
        let port: Arc<dyn Log> = Arc::new(log.clone());
        let members = Runtime::members(&port, &setting.topologies, &options)?;
        let seats = members.into_iter().map(Seat::new).collect();
        self.running = Some(Running { log, seats, beat, stall_in: Cell::new(None) });
        Ok(())
    }

    /// Steps those of its members that are due and that `random` picks; one that stands still goes on first.
    pub(crate) fn step(&mut self, now_ms: i64, random: &mut Random, per_mille: u32) -> Health {
        let Some(Running { log, seats, stall_in, .. }) = &mut self.running else { return Health::Well };
        for seat in seats {
            let step = match seat.go_on(log) {
                Some(step) => step,
                None if seat.not_before_ms > now_ms || !random.chance(per_mille) => continue,
                None => match seat.step(log, stall_in.take()) {
                    Some(step) => step,
                    None => return Health::StandsStill,
                },
            };
            match step {
                _ if log.is_dead() => return Health::Dead,
                Step::Wait(pause) => seat.not_before_ms = now_ms + pause.as_millis() as i64,
                Step::Stopped => return Health::Broken,
            }
        }
        Health::Well
    }

    pub(crate) fn end(&mut self, end: End) {
        let Some(mut running) = self.running.take() else { return };
        if end == End::Crash {
            running.log.kill();
            self.disk.cut_off();
        }
        for mut seat in running.seats.drain(..) {
            seat.go_on(&running.log);
            if end == End::Stop {
                seat.stop();
            }
        }
    }

    /// Has it stand still in its next step, at the call to the log after so many.
    pub(crate) fn stall_in_calls(&self, calls: Option<u32>) {
        if let Some(running) = &self.running {
            running.stall_in.set(calls);
        }
    }

    /// Has it die at the call to the log after so many.
    pub(crate) fn die_in_calls(&self, calls: u32) {
        if let Some(running) = &self.running {
            running.log.kill_in(calls);
        }
    }

    /// Has it die at the next such beat; at none with `None`.
    pub(crate) fn die_at(&self, beat: Option<Beat>) {
        if let Some(running) = &self.running {
            running.beat.store(beat.map_or(UNARMED, |beat| beat as u8), Ordering::Relaxed);
        }
    }

    /// What is wrong with its members.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let seats = self.running.iter().flat_map(|running| &running.seats);
        let troubles = seats.filter_map(Seat::status).flat_map(|status| {
            let tasks = status.tasks.into_iter().filter_map(|task| task.error);
            status.error.into_iter().chain(tasks).collect::<Vec<_>>()
        });
        troubles.collect()
    }

    /// The tasks of a topology that it has.
    pub(crate) fn tasks(&self, topology: &Topology) -> Vec<TaskStatus> {
        let seats = self.running.iter().flat_map(|running| &running.seats);
        seats
            .filter_map(Seat::status)
            .flat_map(|status| status.tasks)
            .filter(|task| task.topology == topology.name())
            .collect()
    }

    /// Whether each of its members is in its group, with all of its tasks running.
    pub(crate) fn is_ready(&self) -> bool {
        self.running
            .iter()
            .flat_map(|running| &running.seats)
            .all(|seat| seat.status().is_some_and(|status| status.ready))
    }
}
