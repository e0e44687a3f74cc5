//! One process of workers: its members, its disk, its clock, and how it dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::Result;
use gavel_log::Log;
use gavel_streams::runtime::{LocalState, Member, RuntimeOptions, Step, TaskStatus};
use gavel_streams::{Beat, Runtime, Topology};

use crate::clock::{SkewedClock, Time};
use crate::disk::SimulatedDisk;
use crate::log::SimulatedLog;
use crate::mark::Mark;
use crate::random::Random;

/// No beat is armed.
const UNARMED: u8 = u8::MAX;

/// What all processes of a simulation have in common.
pub(crate) struct Setting {
    pub(crate) log: SimulatedLog,
    pub(crate) topologies: Vec<Topology>,
    pub(crate) session_timeout: Duration,
    pub(crate) max_batch_records: usize,
    pub(crate) unwritten_rows_max: usize,
    pub(crate) threads: usize,
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Without a word.
    Crash,
    /// It finishes what it has in hand, and leaves.
    Stop,
}

struct Seat {
    member: Member,
    not_before_ms: i64,
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
            unwritten_rows_max: setting.unwritten_rows_max,
            threads: setting.threads,
            clock: Arc::new(self.clock.clone()),
            failpoint: Some(Arc::new(failpoint)),
            ..RuntimeOptions::new("", &self.instance)
        };
        let port: Arc<dyn Log> = Arc::new(log.clone());
        let members = Runtime::members(&port, &setting.topologies, &options)?;
        let seats = members.into_iter().map(|member| Seat { member, not_before_ms: i64::MIN }).collect();
        self.running = Some(Running { log, seats, beat });
        Ok(())
    }

    /// Steps those of its members that are due and that `random` picks. False if it is dead after that.
    pub(crate) fn step(&mut self, now_ms: i64, random: &mut Random, per_mille: u32) -> bool {
        let Some(Running { log, seats, .. }) = &mut self.running else { return true };
        for seat in seats.iter_mut().filter(|seat| seat.not_before_ms <= now_ms) {
            if !random.chance(per_mille) {
                continue;
            }
            match seat.member.step() {
                Step::Wait(pause) => seat.not_before_ms = now_ms + pause.as_millis() as i64,
                Step::Stopped => seat.not_before_ms = i64::MAX,
            }
            if log.is_dead() {
                return false;
            }
        }
        true
    }

    pub(crate) fn end(&mut self, end: End) {
        let Some(running) = self.running.take() else { return };
        if end == End::Stop {
            running.seats.into_iter().for_each(|seat| seat.member.stop());
        } else {
            running.log.kill();
            self.disk.cut_off();
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
        let troubles = seats.flat_map(|seat| {
            let status = seat.member.status();
            let tasks = status.tasks.into_iter().filter_map(|task| task.error);
            status.error.into_iter().chain(tasks).collect::<Vec<_>>()
        });
        troubles.collect()
    }

    /// The tasks of a topology that it has.
    pub(crate) fn tasks(&self, topology: &Topology) -> Vec<TaskStatus> {
        let seats = self.running.iter().flat_map(|running| &running.seats);
        seats.flat_map(|seat| seat.member.status().tasks).filter(|task| task.topology == topology.name()).collect()
    }

    /// Whether each of its members is in its group, with all of its tasks running.
    pub(crate) fn is_ready(&self) -> bool {
        self.running.iter().flat_map(|running| &running.seats).all(|seat| seat.member.status().ready)
    }
}
