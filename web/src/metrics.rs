//! Measures for Prometheus. Names begin with `gavel_`; labels are topics, partitions, routes: never an account, never an amount.

use std::sync::LazyLock;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use gavel_readmodel::ProjectorStatus;
use gavel_streams::runtime::RuntimeStatus;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Upper ends of the buckets of durations, in seconds.
const SECONDS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

/// One for the process: measures are made from everywhere in it.
static RECORDER: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    let builder = || PrometheusBuilder::new().set_buckets(SECONDS).unwrap_or_else(|_| PrometheusBuilder::new());
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

/// Notes how the workers are.
pub fn note_workers(streams: &RuntimeStatus, projector: ProjectorStatus) {
    for task in streams.tasks() {
        let labels = [("topology", task.topology.clone()), ("partition", task.partition.to_string())];
        // Exact up to 2^53, far beyond any lag.
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        gauge!("gavel_streams_lag_records", &labels).set(task.lag_records as f64);
    }
    counter!("gavel_projected_records_total").absolute(projector.projected);
    counter!("gavel_projection_refused_records_total").absolute(projector.refused);
    counter!("gavel_projection_failures_total").absolute(projector.failures);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_methods_share_a_label() {
        assert_eq!(method_label(&Method::PUT), "PUT");
        assert_eq!(method_label(&Method::from_bytes(b"INVENTED").unwrap()), "other");
    }
}
