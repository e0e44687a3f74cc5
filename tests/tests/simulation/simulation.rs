//! One simulation: a house on a log of its own, in one thread, in an order that the seed draws. First all goes wrong that
//! the seed has in store, and nothing may be lost; then all is mended, and everything must come to its end.

mod trouble;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use gavel_auctions::bidding::PARKING_LIMIT_MS;
use gavel_auctions::wire::topics;
use gavel_auctions::{analytics, bidding, notices};
use gavel_log::{Log, TopicPartition};
use gavel_streams::runtime::TaskStatus;

use crate::clock::{START_MS, Time};
use crate::gateway::Gateways;
use crate::log::SimulatedLog;
use crate::mark::{Mark, Odds};
use crate::process::{End, Health, Process, Setting};
use crate::random::Random;
use crate::trace::Trace;
use crate::verdict::Verdict;
use crate::watch::Watch;
use crate::workload;

/// For how long things go wrong.
const TROUBLE_MS: i64 = 27_000;
/// Turns within which a house without faults must come to its end.
const TURNS_TO_END: u32 = 3_000;
/// A day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Processes at most, twins included.
const PROCESSES_MAX: usize = 5;

pub(crate) struct Simulation {
    random: Random,
    time: Time,
    log: SimulatedLog,
    setting: Setting,
    partitions: u32,
    processes: Vec<Process>,
    gateways: Gateways,
    watch: Watch,
}

impl Simulation {
    /// `in_words` keeps the trace to be read.
    pub(crate) fn of(seed: u64, in_words: bool) -> Result<Self> {
        let mut random = Random::of(seed);
        let time = Time::start();
        let odds = Odds::draw(&mut random);
        let log = SimulatedLog::new(time.clone(), odds, Trace::new(in_words), random.fork());
        let partitions = random.between(1, 4) as u32;
        let mut topologies = vec![bidding::topology()?];
        if random.chance(250) {
            topologies.extend([notices::topology()?, analytics::topology()?]);
        }
        for spec in topics::specs(partitions).into_iter().chain(topologies.iter().flat_map(|it| it.topics(partitions)))
        {
            log.create_topic(&spec)?;
        }
        let setting = Setting {
            log: log.clone(),
            topologies,
            session_timeout: Duration::from_millis(random.between(1500, 6000).unsigned_abs()),
            max_batch_records: *random.pick(&[1, 3, 10, 100]),
            max_unit_records: *random.pick(&[1, 10, 100, 32_768]),
            unwritten_rows_max: *random.pick(&[1, 10, 100, 50_000]),
            threads: if random.chance(300) { 2 } else { 1 },
        };
        let skew_ms = *random.pick(&[0, 30, 3000]);
        let mut process =
            |number: i64| Process::new(format!("worker-{number}"), &time, random.between(-skew_ms, skew_ms));
        let mut processes = vec![process(0), process(1), process(2)];
        processes.truncate(1 + random.below(3));
        let gateways = Gateways::new(&log, workload::draw(&mut random), random.fork());
        let watch = Watch::new(partitions);
        Ok(Self { random, time, log, setting, partitions, processes, gateways, watch })
    }

    /// Plays it, and answers the hash of all that happened.
    pub(crate) fn play(&mut self) -> Result<u64> {
        let pace_ms = *self.random.pick(&[30, 60, 120]);
        while self.time.now_ms() < START_MS + TROUBLE_MS {
            self.trouble()?;
            let pass_ms = if self.random.chance(300) { 0 } else { self.random.between(1, 2 * pace_ms) };
            self.turn(pass_ms, 700).context("in trouble")?;
        }
        let days = self.strikes(Mark::AwayForDays);
        self.heal();
        self.come_to_rest(false).context("all was mended")?;
        if days {
            self.days_pass()?;
        }
        self.time.pass(PARKING_LIMIT_MS + 1000);
        self.come_to_rest(true).context("nothing may be parked any more")?;
        self.judge()?;
        Ok(self.log.broker().trace.hash())
    }

    /// What happened last, in words.
    pub(crate) fn words(&self) -> String {
        self.log.broker().trace.words()
    }

    fn turn(&mut self, pass_ms: i64, per_mille: u32) -> Result<()> {
        self.time.pass(pass_ms);
        self.log.broker().turn();
        self.gateways.turn(self.time.now_ms())?;
        let first = self.random.below(self.processes.len());
        for index in 0..self.processes.len() {
            let index = (first + index) % self.processes.len();
            let now_ms = self.time.now_ms();
            let process = &mut self.processes[index];
            if now_ms < process.away_until_ms {
                continue;
            }
            match process.step(now_ms, &mut self.random, per_mille) {
                Health::Well => {}
                Health::Dead => self.end(index, End::Crash),
                Health::Broken => self.end(index, End::Stop),
                Health::StandsStill => {
                    Mark::FrozenInCall.hit();
                    self.freeze(index);
                }
            }
        }
        self.watch.look(&self.log.broker())
    }

    fn strikes(&self, fault: Mark) -> bool {
        self.log.broker().strikes(fault)
    }

    fn tell(&self, index: usize, what: &str) {
        let instance = &self.processes[index].instance;
        self.log.broker().tell(&(index, what), || format!("{instance} ({index}) {what}"));
    }

    fn start(&mut self, index: usize) -> Result<()> {
        self.tell(index, "starts");
        self.processes[index].start(&self.setting)
    }

    /// Lets time pass until there is nothing left to do.
    fn come_to_rest(&mut self, is_all_decided: bool) -> Result<()> {
        for _ in 0..TURNS_TO_END {
            for index in 0..self.processes.len() {
                if !self.processes[index].is_running() {
                    self.start(index)?;
                }
            }
            let pass_ms = self.random.between(1, 200);
            self.turn(pass_ms, 1000)?;
            if self.is_at_rest()? && (!is_all_decided || self.open_commands()? == 0) {
                return Ok(());
            }
        }
        let troubles: Vec<String> = self.processes.iter().flat_map(Process::troubles).collect();
        let open = self.open_commands()?;
        bail!("it does not come to its end; {open} commands are open, lag {:?}, troubles: {troubles:?}", self.lag()?)
    }

    fn is_at_rest(&self) -> Result<bool> {
        let is_quiet = self.gateways.is_done() && self.log.broker().is_quiet();
        let is_ready = self.processes.iter().all(Process::is_ready);
        Ok(is_quiet && is_ready && self.lag()?.is_empty() && self.watch.check_ends().is_ok())
    }

    /// Partitions that are not processed to their end, or not by one process alone.
    fn lag(&self) -> Result<Vec<String>> {
        let broker = self.log.broker();
        let mut lag = Vec::new();
        for topology in &self.setting.topologies {
            let tasks: Vec<TaskStatus> = self.processes.iter().flat_map(|process| process.tasks(topology)).collect();
            for number in 0..self.partitions {
                let mut owners = tasks.iter().filter(|task| task.partition == number);
                let (Some(owner), None) = (owners.next(), owners.next()) else {
                    lag.push(format!("{}, partition {number}: no owner, or two", topology.name()));
                    continue;
                };
                for (topic, next) in &owner.positions {
                    let partition = broker.partition(&TopicPartition::new(topic.as_str(), number))?;
                    if partition.next(*next).is_ok() || partition.stable_end() < partition.end() {
                        lag.push(format!("{}: {topic}/{number} from {next}", topology.name()));
                    }
                }
            }
        }
        Ok(lag)
    }

    /// Commands without a decision.
    fn open_commands(&self) -> Result<usize> {
        let broker = self.log.broker();
        let mut commands = 0;
        for number in 0..self.partitions {
            let bids = broker.partition(&TopicPartition::new(topics::BIDS, number))?;
            let has_item = |value: &[u8]| value.windows(9).any(|window| window == b"\"item_id\"");
            commands += bids.committed(0).filter(|record| record.value.as_deref().is_some_and(has_item)).count();
        }
        Ok(commands.saturating_sub(self.watch.decided.len()))
    }

    fn judge(&mut self) -> Result<()> {
        self.watch.check_ends()?;
        self.check_states().context("what was kept on the disks")?;
        self.processes.iter().for_each(|process| process.disk.wipe());
        self.come_to_rest(true).context("all disks were wiped")?;
        self.check_states().context("what the changelog gives back")?;
        let broker = self.log.broker();
        let verdict = Verdict::replay(&broker, self.partitions)?;
        verdict.check_outputs()?;
        // Those of other topologies may come before their items where brokers' clocks differ.
        if self.setting.topologies.len() > 1 && broker.has_one_clock {
            verdict.check_derived()?;
        }
        verdict.check_verify()?;
        verdict.check_acknowledged(&self.gateways.acknowledged)?;
        verdict.check_decisions(&self.watch)
    }

    /// Stops all in order, and compares what they leave behind with a replay.
    fn check_states(&mut self) -> Result<()> {
        let bidding = &self.setting.topologies[0];
        let tasks: Vec<Vec<TaskStatus>> = self.processes.iter().map(|process| process.tasks(bidding)).collect();
        self.processes.iter_mut().for_each(|process| process.end(End::Stop));
        let broker = self.log.broker();
        let verdict = Verdict::replay(&broker, self.partitions)?;
        for (process, tasks) in self.processes.iter().zip(tasks) {
            tasks.iter().try_for_each(|task| verdict.check_disk(&process.disk, task.partition))?;
        }
        Ok(())
    }
}
