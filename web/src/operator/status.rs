//! `gavel status`: who lives, what is ordered, and who runs each partition; by what the workers say.

mod table;

use std::io::Write;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use gavel_auctions::wire::topics;
use gavel_log::Log;
use gavel_streams::control::{Orders, present_orders};
use gavel_streams::presence::{Heard, Listener, Report};
use gavel_streams::runtime::{StandbyStatus, TaskState, TaskStatus};
use serde::Serialize;
use serde_json::json;

use super::OperatorError;
use crate::house::topics::topologies;

/// All there is to say.
struct Status {
    now_ms: i64,
    workers: Vec<Heard>,
    orders: Orders,
    partitions: Vec<Partition>,
}

/// One partition of one topology, and who runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Partition {
    topology: String,
    partition: u32,
    /// Those who say that they have it: one, but for a moment while it moves.
    holders: Vec<Holder>,
    /// Those who keep it warm.
    standbys: Vec<Standby>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Holder {
    instance: String,
    #[serde(flatten)]
    task: TaskStatus,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Standby {
    instance: String,
    lag_records: u64,
}

impl Partition {
    /// Whether somebody's state of it is whole.
    fn is_run(&self) -> bool {
        self.holders.iter().any(|holder| holder.task.state.is_whole())
    }

    fn has_failed(&self) -> bool {
        self.holders.iter().any(|holder| holder.task.state == TaskState::Failed)
    }
}

/// Says who runs what. It fails unless each partition is run.
pub(super) fn run(log: &Arc<dyn Log>, json: bool, out: &mut dyn Write) -> Result<(), OperatorError> {
    let status = Status::ask(log)?;
    if json {
        writeln!(out, "{}", status.json())?;
    } else {
        table::write(&status, out)?;
    }
    let problems = status.problems();
    if problems.is_empty() { Ok(()) } else { Err(OperatorError::Unwell(problems)) }
}

impl Status {
    fn ask(log: &Arc<dyn Log>) -> Result<Self, OperatorError> {
        let listener = Listener::open(&**log, topics::METRICS)?;
        let workers: Vec<Heard> = listener.presence.heard().cloned().collect();
        let mut partitions = Vec::new();
        for topology in topologies()? {
            for source in topology.source_topics().take(1) {
                let count = log.describe_topic(source)?.partitions;
                partitions.extend((0..count).map(|partition| (topology.name().to_owned(), partition)));
            }
        }
        let orders = present_orders(log, topics::CONTROL)?;
        Ok(Self::new(now_ms(), workers, orders, partitions))
    }

    fn new(now_ms: i64, workers: Vec<Heard>, orders: Orders, partitions: Vec<(String, u32)>) -> Self {
        let live: Vec<&Report> =
            workers.iter().filter(|heard| heard.is_live(now_ms)).map(|heard| &heard.report).collect();
        let partition = |(topology, partition): (String, u32)| {
            let is_it = |named: (&String, u32)| named == (&topology, partition);
            let held = live.iter().flat_map(|report| report.status.tasks().map(|task| (&report.instance, task)));
            let held = held.filter(|(_, task)| is_it((&task.topology, task.partition)));
            let holders =
                held.map(|(instance, task)| Holder { instance: instance.clone(), task: task.clone() }).collect();
            let warm =
                live.iter().flat_map(|report| report.status.standbys.iter().map(|warm| (&report.instance, warm)));
            let warm = warm.filter(|(_, warm)| is_it((&warm.topology, warm.partition)));
            let standby = |(instance, warm): (&String, &StandbyStatus)| Standby {
                instance: instance.clone(),
                lag_records: warm.lag_records,
            };
            let standbys = warm.map(standby).collect();
            Partition { topology, partition, holders, standbys }
        };
        let partitions = partitions.into_iter().map(partition).collect();
        Self { now_ms, workers, orders, partitions }
    }

    /// What is not as it should be, in words.
    fn problems(&self) -> Vec<String> {
        let name = |partition: &Partition| format!("{} {}", partition.topology, partition.partition);
        let failed: Vec<_> = self.partitions.iter().filter(|partition| partition.has_failed()).map(name).collect();
        let is_idle = |partition: &&Partition| !partition.is_run() && !partition.has_failed();
        let idle: Vec<_> = self.partitions.iter().filter(is_idle).map(name).collect();
        let said =
            |what: &str, where_: Vec<String>| (!where_.is_empty()).then(|| format!("{what}: {}", where_.join(", ")));
        [said("failed", failed), said("not run by anybody now", idle)].into_iter().flatten().collect()
    }

    fn json(&self) -> serde_json::Value {
        let worker = |heard: &Heard| json!({"live": heard.is_live(self.now_ms), "heard_ms": heard.append_ms, "report": heard.report});
        let workers: Vec<_> = self.workers.iter().map(worker).collect();
        let orders: serde_json::Map<_, _> =
            self.orders.standing().map(|(scope, order)| (scope.to_owned(), json!(order))).collect();
        let problems = self.problems();
        json!({
            "well": problems.is_empty(), "problems": problems, "at_ms": self.now_ms,
            "workers": workers, "orders": orders, "partitions": self.partitions,
        })
    }
}

/// The present, by this machine's clock: for ages only.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 100_000;

    fn heard(instance: &str, append_ms: i64, tasks: &serde_json::Value) -> Heard {
        let report = json!({
            "type": "worker_status", "v": 1, "instance": instance, "version": "0", "address": "a", "started_ms": 0,
            "at_ms": append_ms, "threads": [{"topology": "bidding", "running": true, "ready": true, "tasks": tasks}],
        });
        Heard { report: serde_json::from_value(report).unwrap(), append_ms }
    }

    fn task(partition: u32, state: &str) -> serde_json::Value {
        json!({"topology": "bidding", "partition": partition, "state": state, "restored": 1, "total": 9, "lag_records": 0})
    }

    fn problems(workers: Vec<Heard>) -> Vec<String> {
        let partitions = (0..2).map(|partition| ("bidding".to_owned(), partition)).collect();
        Status::new(NOW_MS, workers, Orders::default(), partitions).problems()
    }

    #[test]
    fn each_partition_is_to_be_run_by_somebody_who_lives() {
        let both = |state: &str| json!([task(0, "running"), task(1, state)]);
        for state in ["running", "paused", "draining", "drained"] {
            assert_eq!(problems(vec![heard("one", NOW_MS, &both(state))]), [""; 0], "{state}");
        }
        for state in ["assigned", "restoring"] {
            assert_eq!(
                problems(vec![heard("one", NOW_MS, &both(state))]),
                ["not run by anybody now: bidding 1"],
                "{state}"
            );
        }
        assert_eq!(problems(vec![heard("one", NOW_MS, &both("failed"))]), ["failed: bidding 1"]);
        let (one, silent) = (json!([task(0, "running")]), json!([task(1, "running")]));
        let two = |append_ms: i64| vec![heard("one", NOW_MS, &one), heard("two", append_ms, &silent)];
        assert_eq!(problems(two(NOW_MS - 5_000)), [""; 0]);
        assert_eq!(problems(two(NOW_MS - 50_000)), ["not run by anybody now: bidding 1"]);
        assert_eq!(problems(Vec::new()), ["not run by anybody now: bidding 0, bidding 1"]);
    }
}
