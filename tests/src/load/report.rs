//! The figures of a benchmark as tables: medians with their bounds, and the ratios that they are taken for.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde_json::Value;
use time::OffsetDateTime;

/// One measurement, as the driver told it.
pub struct Run {
    /// Of what.
    pub label: String,
    /// By name.
    pub figures: Value,
}

/// A column: its head, the figure's name, by what it is multiplied, digits behind the point.
type Column = (&'static str, &'static str, f64, usize);

const BULK: [Column; 6] = [
    ("k bids/s", "steady_per_s", 1e-3, 1),
    ("k bids/s, second half", "second_half_per_s", 1e-3, 1),
    ("app CPU s", "app_cpu_s", 1.0, 1),
    ("app peak RSS MiB", "app_peak_rss_mib", 1.0, 0),
    ("broker CPU s", "broker_cpu_s", 1.0, 1),
    ("others' CPU s", "others_cpu_s", 1.0, 1),
];
const LATENCY: [Column; 6] = [
    ("p50 ms", "p50_ms", 1.0, 1),
    ("p99 ms", "p99_ms", 1.0, 1),
    ("p99.9 ms", "p999_ms", 1.0, 1),
    ("app CPU %", "app_cpu_pct", 1.0, 1),
    ("app peak RSS MiB", "app_peak_rss_mib", 1.0, 0),
    ("others' CPU %", "others_cpu_pct", 1.0, 1),
];
const RECOVERY: [Column; 3] = [
    ("start to the new bid s", "start_to_new_bid_s", 1.0, 2),
    ("app CPU s", "app_cpu_s", 1.0, 2),
    ("app peak RSS MiB", "app_peak_rss_mib", 1.0, 0),
];

/// A ratio: what it is, one measurement over another, which figure, and what it should come to.
struct Ratio {
    of: &'static str,
    one: &'static str,
    other: &'static str,
    figure: &'static str,
    goal: &'static str,
}

const RATIOS: [Ratio; 10] = [
    ratio("bids/s over Kafka Streams', one thread each", GAVEL, STREAMS, "steady_per_s", "≥ 3"),
    ratio("the same in its warm second half", GAVEL, STREAMS, "second_half_per_s", ""),
    ratio(
        "bids/s over Kafka Streams', two threads each",
        "bulk, gavel, threads 2",
        "bulk, Kafka Streams, threads 2",
        "steady_per_s",
        "",
    ),
    ratio("bids/s over an rdkafka pass-through's", GAVEL, "bulk, pass-through, rdkafka", "steady_per_s", "≥ 0.5"),
    ratio("CPU over Kafka Streams'", GAVEL, STREAMS, "app_cpu_s", "≤ 0.33"),
    ratio("peak memory over Kafka Streams'", GAVEL, STREAMS, "app_peak_rss_mib", "≤ 0.2"),
    ratio("p50 at 1,000 bids/s over Kafka Streams'", "latency, gavel", LATE_STREAMS, "p50_ms", ""),
    ratio("p99 at 1,000 bids/s over Kafka Streams'", "latency, gavel", LATE_STREAMS, "p99_ms", "≤ 0.4"),
    ratio(
        "recovery, state kept, over Kafka Streams'",
        "recovery, gavel, state kept",
        "recovery, Kafka Streams, static membership, state kept",
        "start_to_new_bid_s",
        "≤ 0.2",
    ),
    ratio(
        "recovery, state lost, over Kafka Streams'",
        "recovery, gavel, state wiped",
        "recovery, Kafka Streams, static membership, state wiped",
        "start_to_new_bid_s",
        "≤ 0.4",
    ),
];
const GAVEL: &str = "bulk, gavel, threads 1";
const STREAMS: &str = "bulk, Kafka Streams, threads 1";
const LATE_STREAMS: &str = "latency, Kafka Streams, 20 ms commits";

const fn ratio(
    of: &'static str,
    one: &'static str,
    other: &'static str,
    figure: &'static str,
    goal: &'static str,
) -> Ratio {
    Ratio { of, one, other, figure, goal }
}

/// All tables.
#[must_use]
pub fn render(runs: &[Run]) -> String {
    let mut by_label: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for Run { label, figures } in runs {
        let label = figures["state"].as_str().map_or_else(|| label.clone(), |state| format!("{label}, state {state}"));
        by_label.entry(label).or_default().push(figures);
    }
    let mut text = ratios(&by_label);
    for (kind, columns) in [("bulk", &BULK[..]), ("latency", &LATENCY), ("recovery", &RECOVERY)] {
        text.push_str(&table(kind, columns, &by_label));
    }
    text
}

fn ratios(by_label: &BTreeMap<String, Vec<&Value>>) -> String {
    let mut text = "| ratio | measured | to reach |\n|---|---|---|\n".to_owned();
    for Ratio { of, one, other, figure, goal } in RATIOS {
        let of_label = |label: &str| by_label.get(label).and_then(|runs| median(&values(runs, figure, 1.0)));
        if let (Some(one), Some(other)) = (of_label(one), of_label(other)) {
            let _ = writeln!(text, "| {of} | {:.2} | {goal} |", one / other);
        }
    }
    text
}

fn table(kind: &str, columns: &[Column], by_label: &BTreeMap<String, Vec<&Value>>) -> String {
    let heads: Vec<&str> = columns.iter().map(|(head, ..)| *head).collect();
    let mut text = format!("\n| {kind} | n | {} |\n|{}\n", heads.join(" | "), "---|".repeat(columns.len() + 2));
    for (label, runs) in by_label.iter().filter(|(label, _)| label.starts_with(kind)) {
        let cells: Vec<String> = columns.iter().map(|column| cell(runs, column)).collect();
        let _ = writeln!(text, "| {label} | {} | {} |", runs.len(), cells.join(" | "));
    }
    text
}

/// The median, and the least and the most.
fn cell(runs: &[&Value], &(_, figure, factor, digits): &Column) -> String {
    let values = values(runs, figure, factor);
    match (median(&values), values.first(), values.last()) {
        (Some(median), Some(least), Some(most)) if values.len() > 1 => {
            format!("{median:.digits$} ({least:.digits$}-{most:.digits$})")
        }
        (Some(median), ..) => format!("{median:.digits$}"),
        (None, ..) => "-".to_owned(),
    }
}

fn values(runs: &[&Value], figure: &str, factor: f64) -> Vec<f64> {
    let mut values: Vec<f64> = runs.iter().filter_map(|run| Some(run[figure].as_f64()? * factor)).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The tables with what they were measured on and when, to be kept.
///
/// # Errors
/// The machine does not say what it is.
pub fn page(tables: &str) -> Result<String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).context("a model")?;
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism()?;
    let date = OffsetDateTime::now_utc().date();
    Ok(format!(
        "{cores} cores ({model}), shared by the application, the broker and the driver; {date}. Medians (least-most).\n\n{tables}"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_have_medians_and_ratios() {
        let run = |label: &str, per_s: u32| Run {
            label: label.into(),
            figures: json!({"steady_per_s": per_s, "app_cpu_s": 2}),
        };
        let text = render(&[run(GAVEL, 300_000), run(GAVEL, 200_000), run(GAVEL, 900_000), run(STREAMS, 100_000)]);
        assert!(text.contains("| bids/s over Kafka Streams', one thread each | 3.00 | ≥ 3 |"), "{text}");
        assert!(text.contains("| bulk, gavel, threads 1 | 3 | 300.0 (200.0-900.0) | - | 2.0 (2.0-2.0) |"), "{text}");
        let recover = |state: &str| Run {
            label: "recovery, gavel".into(),
            figures: json!({"state": state, "start_to_new_bid_s": 0.5}),
        };
        assert!(render(&[recover("kept")]).contains("| recovery, gavel, state kept | 1 | 0.50 | - | - |"));
    }
}
