//! What goes wrong with processes, and how it is mended.

use anyhow::Result;
use gavel_streams::Beat;

use super::{DAY_MS, PROCESSES_MAX, Simulation};
use crate::mark::Mark;
use crate::process::{End, Process};

impl Simulation {
    /// What goes wrong with processes.
    pub(super) fn trouble(&mut self) -> Result<()> {
        for index in 0..self.processes.len() {
            let now_ms = self.time.now_ms();
            if now_ms < self.processes[index].away_until_ms {
                continue;
            }
            if !self.processes[index].is_running() {
                self.start(index)?;
            }
            let process = &self.processes[index];
            if self.random.chance(30) {
                process.disk.sync();
            }
            if self.strikes(Mark::DiskRefused) {
                process.disk.refuse(self.random.between(1, 4) as u32);
            }
            if self.strikes(Mark::DiskDamaged) {
                process.disk.damage();
            }
            if self.strikes(Mark::WorkerClockSet) {
                process.clock.set(self.random.between(-2000, 2000));
            }
            if self.log.broker().draws(Mark::FrozenInCall) {
                process.stall_in_calls(Some(self.random.below(30) as u32));
            }
            if self.log.broker().draws(Mark::CrashedInCall) {
                process.die_in_calls(self.random.below(40) as u32);
            }
            if self.log.broker().draws(Mark::CrashedAtBeat) {
                process.die_at(Some(*self.random.pick(&Beat::ALL)));
            }
            if self.strikes(Mark::Crashed) {
                self.end(index, End::Crash);
            } else if self.strikes(Mark::StoppedInOrder) {
                self.end(index, End::Stop);
            } else if self.strikes(Mark::Frozen) {
                self.freeze(index);
            }
        }
        Ok(())
    }

    /// Ends a process; it comes back after a while, with what its disk has kept.
    pub(super) fn end(&mut self, index: usize, end: End) {
        let now_ms = self.time.now_ms();
        let longest_ms = *self.random.pick(&[100, 1000, 8000]);
        self.tell(index, if end == End::Crash { "dies" } else { "stops" });
        let process = &mut self.processes[index];
        process.end(end);
        process.away_until_ms = now_ms + self.random.between(0, longest_ms);
        if self.strikes(Mark::DiskWiped) {
            self.processes[index].disk.wipe();
        } else if end == End::Crash && self.strikes(Mark::DiskTorn) {
            self.processes[index].disk.tear(&mut self.random);
        }
    }

    /// It stands still for longer than its group waits.
    pub(super) fn freeze(&mut self, index: usize) {
        self.tell(index, "stands still");
        let session_ms = self.setting.session_timeout.as_millis() as i64;
        self.processes[index].away_until_ms = self.time.now_ms() + session_ms + self.random.between(1, 3000);
        if self.processes.len() < PROCESSES_MAX && self.strikes(Mark::NameTaken) {
            let instance = self.processes[index].instance.clone();
            self.processes.push(Process::new(instance, &self.time, 0));
        }
    }

    /// No faults any more, and one process of each name.
    pub(super) fn heal(&mut self) {
        self.log.broker().heal();
        for index in (0..self.processes.len()).rev() {
            let (before, rest) = self.processes.split_at_mut(index);
            let process = &mut rest[0];
            process.away_until_ms = i64::MIN;
            process.die_at(None);
            process.stall_in_calls(None);
            process.disk.mend();
            if before.iter().any(|other| other.instance == process.instance) {
                process.end(End::Crash);
                self.processes.remove(index);
            }
        }
    }

    /// A process is away while what it knows is removed, and forgotten by the changelog.
    pub(super) fn days_pass(&mut self) -> Result<()> {
        let index = self.random.below(self.processes.len());
        self.tell(index, "stops, for days");
        self.processes[index].end(End::Stop);
        self.processes[index].away_until_ms = i64::MAX;
        for _ in 0..2 {
            self.time.pass(2 * DAY_MS);
            (0..200).try_for_each(|_| self.turn(100, 1000))?;
            self.log.broker().compact();
        }
        self.processes[index].away_until_ms = i64::MIN;
        Ok(())
    }
}
