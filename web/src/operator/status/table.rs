//! The status as people read it.

use std::io::{Result, Write};

use gavel_streams::presence::Heard;
use gavel_streams::runtime::TaskState;

use super::{Holder, Partition, Standby, Status};
use crate::operator::control::{order_in_words, regime_in_words};
use crate::pages::format::duration;

/// What stands where there is nothing to say.
const NOTHING: &str = "-";

pub(super) fn write(status: &Status, out: &mut dyn Write) -> Result<()> {
    let mut workers = vec![["WORKER", "ADDRESS", "VERSION", "UP", "HEARD"].map(String::from)];
    workers.extend(status.workers.iter().map(|heard| worker(heard, status.now_ms)));
    align(&workers, out)?;
    for heard in status.workers.iter().filter(|heard| heard.is_live(status.now_ms)) {
        for error in heard.report.status.errors() {
            writeln!(out, "{}: {error}", heard.report.instance)?;
        }
    }
    writeln!(out)?;
    for (scope, order) in status.orders.standing() {
        writeln!(out, "ordered for {scope}: {}", order_in_words(order))?;
    }
    let mut topologies: Vec<&str> = status.partitions.iter().map(|partition| partition.topology.as_str()).collect();
    topologies.dedup();
    for topology in topologies {
        writeln!(out, "{topology}: {}", regime_in_words(status.orders.regime(topology)))?;
    }
    writeln!(out)?;
    let mut tasks = vec![
        ["TOPOLOGY", "PARTITION", "WORKER", "STATE", "WAITING", "TIME", "NEXT TIMER", "STANDBY"].map(String::from),
    ];
    tasks.extend(status.partitions.iter().flat_map(|partition| rows(partition, status.now_ms)));
    align(&tasks, out)
}

fn worker(heard: &Heard, now_ms: i64) -> [String; 5] {
    let Heard { report, append_ms } = heard;
    let (ago, up) = (duration(now_ms - append_ms), duration(now_ms - report.started_ms));
    let (up, heard) = match (heard.is_live(now_ms), report.stopped) {
        (true, _) => (up, format!("{ago} ago")),
        (false, true) => (NOTHING.into(), format!("stopped {ago} ago")),
        (false, false) => (NOTHING.into(), format!("silent for {ago}")),
    };
    [report.instance.clone(), report.address.clone(), report.version.clone(), up, heard]
}

/// One for each who holds it, or one that says that nobody does.
fn rows(partition: &Partition, now_ms: i64) -> Vec<[String; 8]> {
    let Partition { topology, partition, holders, standbys } = partition;
    let warm = |standby: &Standby| match standby.lag_records {
        0 => standby.instance.clone(),
        lag => format!("{} ({lag} behind)", standby.instance),
    };
    let warm: Vec<String> = standbys.iter().map(warm).collect();
    let warm = if warm.is_empty() { NOTHING.to_owned() } else { warm.join(", ") };
    let row = |rest: [String; 5]| {
        let [instance, state, waiting, time, timer] = rest;
        [topology.clone(), partition.to_string(), instance, state, waiting, time, timer, warm.clone()]
    };
    if holders.is_empty() {
        return vec![row([NOTHING, "nobody runs it", NOTHING, NOTHING, NOTHING].map(String::from))];
    }
    let holder = |Holder { instance, task }: &Holder| {
        let ago = |time_ms: i64| format!("{} ago", duration(now_ms - time_ms));
        let ahead = |due_ms: i64| match due_ms - now_ms {
            overdue @ ..0 => format!("{} overdue", duration(-overdue)),
            ahead => format!("in {}", duration(ahead)),
        };
        let state = match &task.error {
            Some(error) => format!("{}: {error}", state(task.state)),
            None => state(task.state),
        };
        row([
            instance.clone(),
            state,
            task.lag_records.to_string(),
            task.partition_time_ms.map_or_else(|| NOTHING.into(), ago),
            task.earliest_due_ms.map_or_else(|| NOTHING.into(), ahead),
        ])
    };
    holders.iter().map(holder).collect()
}

fn state(state: TaskState) -> String {
    match state {
        TaskState::Assigned => "assigned".into(),
        TaskState::Restoring { restored, total } => format!("restoring {restored} of {total}"),
        TaskState::Running => "running".into(),
        TaskState::Paused => "paused".into(),
        TaskState::Draining => "draining".into(),
        TaskState::Drained => "drained".into(),
        TaskState::Failed => "failed".into(),
    }
}

/// Columns as wide as what stands in them.
fn align<const COLUMNS: usize>(rows: &[[String; COLUMNS]], out: &mut dyn Write) -> Result<()> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}
