//! `/healthz`, `/readyz`, `/metrics`: for whoever runs the house. Every role serves them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use gavel_auctions::wire::topics;
use gavel_log::{Log, TopicPartition};
use gavel_readmodel::{Database, ProjectorStatus};
use gavel_streams::runtime::{RuntimeStatus, TaskState};
use serde::Serialize;

use crate::house::Workers;
use crate::live::Live;
use crate::metrics::{self, SeenTasks};

/// How long a part may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The parts whose state is told.
pub struct Vitals {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The database.
    pub database: Database,
    /// What is live, in a process with the web half.
    pub live: Option<Arc<Live>>,
    /// The workers, in a process with the working half.
    pub workers: Option<Arc<Workers>>,
    /// What was measured of them.
    pub seen: Mutex<SeenTasks>,
}

/// How one part is.
#[derive(Debug, Serialize)]
struct Part {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Part {
    fn new(ready: bool, otherwise: impl Into<String>) -> Self {
        Self { ready, detail: (!ready).then(|| otherwise.into()) }
    }
}

#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    parts: BTreeMap<&'static str, Part>,
}

/// The routes.
pub fn router(vitals: Vitals) -> Router {
    Router::new()
        .route("/healthz", get(async || Json(serde_json::json!({"status": "alive"}))))
        .route("/readyz", get(ready))
        .route("/metrics", get(measures))
        .with_state(Arc::new(vitals))
}

async fn ready(State(vitals): State<Arc<Vitals>>) -> Response {
    let readiness = vitals.readiness().await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

async fn measures(State(vitals): State<Arc<Vitals>>) -> Response {
    if let Some((streams, projector)) = vitals.workers.as_ref().and_then(|workers| workers.status()) {
        let mut seen = vitals.seen.lock().unwrap_or_else(PoisonError::into_inner);
        metrics::note_workers(&streams, &projector, &mut seen);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::render()).into_response()
}

impl Vitals {
    async fn readiness(&self) -> Readiness {
        let mut parts = BTreeMap::new();
        parts.insert("topics", self.topics().await);
        let answered = tokio::time::timeout(ANSWER_WITHIN, self.database.ping()).await;
        parts.insert("database", Part::new(matches!(answered, Ok(Ok(()))), "it does not answer"));
        if let Some(workers) = &self.workers {
            let (streams, projections) = Self::workers(workers);
            parts.insert("streams", streams);
            parts.insert("projections", projections);
        }
        if let Some(live) = &self.live {
            parts.insert("live", Part::new(live.is_reading(), "it does not read the log"));
        }
        Readiness { ready: parts.values().all(|part| part.ready), parts }
    }

    /// Whether the log answers for the topic that matters most.
    async fn topics(&self) -> Part {
        let log = Arc::clone(&self.log);
        let ask = tokio::task::spawn_blocking(move || log.watermarks(&TopicPartition::new(topics::BIDS, 0)));
        match tokio::time::timeout(ANSWER_WITHIN, ask).await {
            Ok(Ok(Ok(_))) => Part { ready: true, detail: None },
            Ok(Ok(Err(error))) => Part::new(false, error.to_string()),
            Ok(Err(_)) | Err(_) => Part::new(false, "the log does not answer"),
        }
    }

    fn workers(workers: &Workers) -> (Part, Part) {
        let Some((streams, projector)) = workers.status() else {
            let stopped = || Part::new(false, "stopped");
            return (stopped(), stopped());
        };
        (streams_part(&streams), projections_part(projector))
    }
}

fn projections_part(projector: ProjectorStatus) -> Part {
    let is_waiting = projector.is_running.then(|| "they wait for the log or the database".to_owned());
    let otherwise = projector.stays_down.or(is_waiting).unwrap_or_else(|| "stopped".into());
    Part::new(!projector.is_failing, otherwise)
}

fn streams_part(streams: &RuntimeStatus) -> Part {
    Part { ready: streams.is_ready(), detail: condition(streams) }
}

/// What there is to say of the streams: what is wrong, what is missing, what is ordered.
fn condition(streams: &RuntimeStatus) -> Option<String> {
    if let Some(error) = streams.errors().next() {
        return Some(error.to_owned());
    }
    let restoring = streams.tasks().filter_map(|task| match task.state {
        TaskState::Restoring { restored, total } => {
            Some(format!("restoring {} {}: {restored} of {total}", task.topology, task.partition))
        }
        _ => None,
    });
    let held = |what: &str, state: TaskState| {
        let tasks = streams.tasks().filter(|task| task.state == state);
        let names: Vec<String> = tasks.map(|task| format!("{} {}", task.topology, task.partition)).collect();
        (!names.is_empty()).then(|| format!("{what} by order: {}", names.join(", ")))
    };
    let held = [held("paused", TaskState::Paused), held("drained", TaskState::Drained)];
    let said: Vec<String> = restoring.chain(held.into_iter().flatten()).collect();
    let waiting =
        (!streams.is_ready()).then(|| "tasks wait for their turn, for their group or for their orders".into());
    if said.is_empty() { waiting } else { Some(said.join("; ")) }
}

#[cfg(test)]
mod tests {
    use gavel_streams::runtime::ThreadStatus;

    use super::*;

    #[test]
    fn streams_that_stay_down_are_told_with_their_reason() {
        let thread = |topology: &str, running, error: Option<&str>| ThreadStatus {
            topology: topology.into(),
            running,
            ready: running,
            error: error.map(ToOwned::to_owned),
            ..ThreadStatus::default()
        };
        let status = |error: Option<&str>| RuntimeStatus {
            threads: vec![thread("bidding", true, None), thread("notices", error.is_none(), error)],
            ..RuntimeStatus::default()
        };
        let well = streams_part(&status(None));
        assert_eq!((well.ready, well.detail), (true, None));
        let reason = "the notices streams stay down after too many restarts: the disk is gone";
        let down = streams_part(&status(Some(reason)));
        assert_eq!((down.ready, down.detail.as_deref()), (false, Some(reason)));
    }

    #[test]
    fn projections_that_stay_down_are_told_with_their_reason() {
        let reason = "they stay down after too many restarts: the projector panicked";
        let down = ProjectorStatus { is_failing: true, stays_down: Some(reason.into()), ..ProjectorStatus::default() };
        let waiting = ProjectorStatus { is_failing: true, is_running: true, ..ProjectorStatus::default() };
        let (down, waiting) = (projections_part(down), projections_part(waiting));
        assert_eq!((down.ready, down.detail.as_deref()), (false, Some(reason)));
        assert_eq!(waiting.detail.as_deref(), Some("they wait for the log or the database"));
    }
}
