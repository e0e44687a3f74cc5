//! Measures for Prometheus. Names begin with `gavel_`; labels are topics, partitions, routes: never an account, never an amount.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use gavel_readmodel::ProjectorStatus;
use gavel_streams::runtime::{RuntimeStatus, TaskState, TaskStatus};
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper ends of the buckets of durations, in seconds.
const SECONDS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

/// Upper ends of the buckets of counts of records.
const RECORDS: &[f64] = &[1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16_384.0];

fn buckets() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets(SECONDS)?.set_buckets_for_metric(Matcher::Suffix("_records".into()), RECORDS)
}

/// One for the process: measures are made from everywhere in it.
static RECORDER: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    let builder = || buckets().unwrap_or_else(|_| PrometheusBuilder::new());
    builder().install_recorder().unwrap_or_else(|error| {
        tracing::warn!(%error, "measures are not recorded");
        builder().build_recorder().handle()
    })
});

/// Begins to record. What is measured before is lost.
pub fn start() {
    LazyLock::force(&RECORDER);
}

/// All measures, as Prometheus reads them.
#[must_use]
pub fn render() -> String {
    RECORDER.run_upkeep();
    RECORDER.render()
}

/// Measures how long requests take, by route.
pub async fn measure(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = method_label(request.method()).to_owned();
    let response = next.run(request).await;
    let labels = [("method", method), ("route", route), ("status", response.status().as_u16().to_string())];
    histogram!("gavel_http_request_seconds", &labels).record(began.elapsed().as_secs_f64());
    response
}

/// The method, if the house knows it: clients may invent others, and each label is kept for ever.
fn method_label(method: &Method) -> &str {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS];
    if known.contains(method) { method.as_str() } else { "other" }
}

/// The tasks of this process that were ever measured, for one that has moved on must not seem to be here still.
#[derive(Debug, Default)]
pub struct SeenTasks(BTreeSet<(String, u32)>);

/// Notes how the workers are.
pub fn note_workers(streams: &RuntimeStatus, projector: &ProjectorStatus, seen: &mut SeenTasks) {
    for (topology, partition) in &seen.0 {
        let labels = task_labels(topology, *partition);
        for name in [
            "gavel_streams_running",
            "gavel_streams_paused",
            "gavel_streams_restoring_records",
            "gavel_streams_lag_records",
            "gavel_streams_standby_lag_records",
        ] {
            gauge!(name, &labels).set(0.0);
        }
    }
    for task in streams.tasks() {
        seen.0.insert((task.topology.clone(), task.partition));
        note_task(task);
    }
    for standby in &streams.standbys {
        seen.0.insert((standby.topology.clone(), standby.partition));
        let labels = task_labels(&standby.topology, standby.partition);
        gauge!("gavel_streams_standby_lag_records", &labels).set(float(standby.lag_records));
    }
    counter!("gavel_projected_records_total").absolute(projector.projected);
    counter!("gavel_projection_refused_records_total").absolute(projector.refused);
    counter!("gavel_projection_failures_total").absolute(projector.failures);
}

fn note_task(task: &TaskStatus) {
    let labels = task_labels(&task.topology, task.partition);
    let remaining = match task.state {
        TaskState::Restoring { restored, total } => total.saturating_sub(restored),
        _ => 0,
    };
    let is_held = matches!(task.state, TaskState::Paused | TaskState::Drained);
    gauge!("gavel_streams_running", &labels).set(f64::from(u8::from(task.state.is_whole())));
    gauge!("gavel_streams_paused", &labels).set(f64::from(u8::from(is_held)));
    gauge!("gavel_streams_restoring_records", &labels).set(float(remaining));
    gauge!("gavel_streams_lag_records", &labels).set(float(task.lag_records));
    if let Some(time_ms) = task.partition_time_ms {
        gauge!("gavel_streams_partition_time_seconds", &labels).set(seconds(time_ms));
    }
    // Without a timer, none is ever due.
    gauge!("gavel_streams_next_timer_seconds", &labels).set(task.earliest_due_ms.map_or(f64::INFINITY, seconds));
}

fn task_labels(topology: &str, partition: u32) -> [(&'static str, String); 2] {
    [("topology", topology.to_owned()), ("partition", partition.to_string())]
}

/// Exact up to 2^53, far beyond any count.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Epoch seconds, as Prometheus has times.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, exact to the millisecond for ages")]
fn seconds(epoch_ms: i64) -> f64 {
    epoch_ms as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gavel_streams::runtime::ThreadStatus;

    use super::*;

    #[test]
    fn a_task_that_moved_on_is_not_here_any_more() {
        start();
        let task = TaskStatus {
            topology: "bidding".into(),
            partition: 7,
            state: TaskState::Running,
            positions: BTreeMap::new(),
            lag_records: 3,
            partition_time_ms: Some(1_500),
            earliest_due_ms: None,
            restored_records: 0,
            error: None,
        };
        let thread = ThreadStatus { tasks: vec![task], ..ThreadStatus::default() };
        let here = RuntimeStatus { threads: vec![thread], ..RuntimeStatus::default() };
        let mut seen = SeenTasks::default();
        let of = |name: &str| {
            let line = format!("gavel_streams_{name}{{topology=\"bidding\",partition=\"7\"}} ");
            render().lines().find_map(|found| found.strip_prefix(&line).map(ToOwned::to_owned)).unwrap()
        };
        note_workers(&here, &ProjectorStatus::default(), &mut seen);
        let names = ["running", "lag_records", "partition_time_seconds", "next_timer_seconds"];
        assert_eq!(names.map(of), ["1", "3", "1.5", "inf"]);
        note_workers(&RuntimeStatus::default(), &ProjectorStatus::default(), &mut seen);
        assert_eq!(["running", "lag_records"].map(of), ["0", "0"]);
    }

    #[test]
    fn invented_methods_share_a_label() {
        assert_eq!(method_label(&Method::PUT), "PUT");
        assert_eq!(method_label(&Method::from_bytes(b"INVENTED").unwrap()), "other");
    }
}
