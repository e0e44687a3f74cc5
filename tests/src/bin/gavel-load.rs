//! Gavel beside Kafka Streams on the same job: the same broker, topics, driver and run, in turns. Prints a table and writes it down.
//!
//! `gavel-load --peer DIR [--rounds N] [--out FILE]`; `tests/load` builds what it needs. The driver and the other implementation are in
//! DIR, built: `peer.sh` starts them.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use gavel_tests::kafka::Kafka;
use gavel_tests::load::report::{self, Run};
use serde_json::Value;

const BIDS: &str = "1000000";
const ITEMS: &str = "10000";
const OPEN_AUCTIONS: &str = "100000";
const RATE: &str = "1000";

/// What is to be measured, and where.
struct Bench {
    peer: PathBuf,
    subject: PathBuf,
    bootstrap: String,
    broker_pid: PathBuf,
    runs: Vec<Run>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1));
    let peer = PathBuf::from(option("--peer").context("gavel-load --peer DIR [--rounds N] [--out FILE]")?);
    let rounds: usize = option("--rounds").map_or(Ok(3), |rounds| rounds.parse())?;
    let kafka = Kafka::start()?;
    let folder = tempfile::tempdir()?;
    let broker_pid = folder.path().join("broker.pid");
    std::fs::write(&broker_pid, kafka.id()?.to_string())?;
    let subject = std::env::current_exe()?.with_file_name("gavel-load-subject");
    let mut bench = Bench { peer, subject, bootstrap: kafka.bootstrap(), broker_pid, runs: Vec::new() };
    bench.driver("load", &["--in", "in.", "--items", ITEMS, "--bids", BIDS, "--seed", "1", "--partitions", "2"])?;
    // A broker that has just begun compiles itself at the cost of who comes first.
    bench.bulk(rounds)?;
    bench.runs.clear();
    for round in 0..rounds {
        bench.bulk(round)?;
        bench.latency(round)?;
    }
    bench.recovery(rounds)?;
    let table = report::render(&bench.runs);
    println!("{table}");
    if let Some(out) = option("--out") {
        std::fs::write(out, report::page(&table)?)?;
    }
    Ok(())
}

impl Bench {
    fn ours(&self, threads: usize) -> String {
        format!("{} bidding {{bootstrap}} {{in}} {{out}} {{state-dir}} {threads}", self.subject.display())
    }

    fn bulk(&mut self, round: usize) -> Result<()> {
        let common = ["--in", "in.", "--bids", BIDS];
        for threads in [1, 2] {
            let (ours, words) = (self.ours(threads), threads.to_string());
            let out = format!("g{threads}{round}.");
            self.measure(
                &format!("bulk, gavel, threads {threads}"),
                "bulk",
                &out,
                &[&common[..], &["--app-cmd", &ours]].concat(),
            )?;
            let out = format!("k{threads}{round}.");
            self.measure(
                &format!("bulk, Kafka Streams, threads {threads}"),
                "bulk",
                &out,
                &[&common[..], &["--threads", &words]].concat(),
            )?;
        }
        let copy = format!("{} pass-through {{bootstrap}} {{in}} {{out}}", self.subject.display());
        self.measure(
            "bulk, pass-through, rdkafka",
            "passthrough",
            &format!("c{round}."),
            &[&common[..], &["--app-cmd", &copy]].concat(),
        )?;
        self.measure("bulk, pass-through, Java", "passthrough", &format!("j{round}."), &common)
    }

    fn latency(&mut self, round: usize) -> Result<()> {
        let common =
            ["--rate", RATE, "--seconds", "30", "--warm-seconds", "10", "--partitions", "2", "--commit-ms", "20"];
        let ours = self.ours(1);
        self.measure_in(
            "latency, gavel",
            "latency",
            &format!("lg{round}."),
            &[&common[..], &["--app-cmd", &ours]].concat(),
        )?;
        self.measure_in("latency, Kafka Streams, 20 ms commits", "latency", &format!("lk{round}."), &common)
    }

    fn recovery(&mut self, rounds: usize) -> Result<()> {
        let rounds = rounds.to_string();
        let common = ["--items", OPEN_AUCTIONS, "--partitions", "2", "--runs", &rounds];
        let ours = self.ours(1);
        self.measure_in("recovery, gavel", "recover", "rg.", &[&common[..], &["--app-cmd", &ours]].concat())?;
        let fixed = ["--app-args=--instance-id one"];
        self.measure_in("recovery, Kafka Streams, static membership", "recover", "rk.", &[&common[..], &fixed].concat())
    }

    /// One whose output has topics of its own.
    fn measure(&mut self, label: &str, what: &str, out: &str, arguments: &[&str]) -> Result<()> {
        self.run(label, what, out, &[arguments, &["--out", out]].concat())
    }

    /// One that has topics of its own for all.
    fn measure_in(&mut self, label: &str, what: &str, topics: &str, arguments: &[&str]) -> Result<()> {
        self.run(label, what, topics, &[arguments, &["--in", topics]].concat())
    }

    fn run(&mut self, label: &str, what: &str, topics: &str, arguments: &[&str]) -> Result<()> {
        let figures = self.driver(what, arguments)?;
        for figures in
            figures.into_iter().filter(|figures| figures["event"] != "loaded" && figures["event"] != "recover_ready")
        {
            println!("{label}: {figures}");
            self.runs.push(Run { label: label.into(), figures });
        }
        // Only its disk is missed.
        drop(self.driver("delete-topics", &["--prefix", topics]));
        Ok(())
    }

    /// What the driver says, a JSON object a line.
    fn driver(&self, what: &str, arguments: &[&str]) -> Result<Vec<Value>> {
        let mut command = Command::new(Path::new("./peer.sh"));
        command
            .current_dir(&self.peer)
            .arg(what)
            .args(["--bootstrap", &self.bootstrap, "--quiet-s", "20"])
            .args(arguments);
        command.env("KAFKA_PID_FILE", &self.broker_pid).stdin(Stdio::null()).stderr(Stdio::inherit());
        let done = command.output().context("peer.sh, the driver, does not start")?;
        ensure!(done.status.success(), "{what} {arguments:?} failed");
        let text = String::from_utf8(done.stdout)?;
        // What was not measured, it writes as no JSON has it.
        let lines = text.lines().filter(|line| line.starts_with('{')).map(|line| line.replace(":NaN", ":null"));
        let figures: Vec<Value> = lines.map(|line| serde_json::from_str(&line)).collect::<Result<_, _>>()?;
        if figures.is_empty() && what != "delete-topics" {
            bail!("{what} {arguments:?} said nothing: {text}");
        }
        Ok(figures)
    }
}
