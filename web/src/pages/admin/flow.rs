//! `/admin/flow`: how bids get through the house: how long each stage takes, how far processors are behind, what was put aside.

use std::sync::Arc;

use askama::Template;
use gavel_readmodel::{Percentiles, ProjectionReport};

use crate::error::WebError;
use crate::live::{FlowReport, ProcessorLag, processor_lags};
use crate::pages::answer::{Answer, page};
use crate::pages::error::PageError;
use crate::pages::format::Moment;
use crate::pages::layout::Layout;
use crate::pages::visit::Visit;
use crate::state::AppState;

/// How many dead letters are shown one by one.
const DEAD_LETTERS_SHOWN: u32 = 20;

struct Stage {
    name: &'static str,
    source: String,
    times: Percentiles,
}

struct DeadCount {
    topic: String,
    cause: String,
    count: u64,
}

struct DeadLetter {
    at: Moment,
    cause: String,
    detail: String,
    /// By which an operator names it.
    place: String,
}

#[derive(Template)]
#[template(path = "admin/flow.html")]
struct FlowPage {
    layout: Layout,
    stages: Vec<Stage>,
    reports: Vec<FlowReport>,
    /// `None` where the log cannot be asked.
    lags: Option<Vec<ProcessorLag>>,
    dead_counts: Vec<DeadCount>,
    dead_letters: Vec<DeadLetter>,
}

/// Microseconds as milliseconds: `1.25 ms`; a dash where none of `count` bids was measured.
fn milliseconds(us: &u64, count: &u64) -> String {
    if *count == 0 { "–".into() } else { format!("{}.{:02} ms", us / 1000, us % 1000 / 10) }
}

/// `GET /admin/flow`.
pub(crate) async fn get(visit: Visit) -> Answer {
    visit.admin()?;
    let state = &visit.state;
    let reports = state.live.reports();
    let counts = state.database.dead_letter_counts().await?;
    let letters = state.database.dead_letters(None, DEAD_LETTERS_SHOWN).await?;
    page(&FlowPage {
        stages: reports.iter().flat_map(stages).chain(state.live.projections().iter().map(projected)).collect(),
        lags: lags(state).await?,
        dead_counts: counts
            .into_iter()
            .map(|row| DeadCount { topic: row.topic, cause: row.cause, count: row.count })
            .collect(),
        dead_letters: letters
            .rows
            .into_iter()
            .map(|row| DeadLetter {
                at: Moment(row.at_ms),
                cause: row.cause,
                detail: row.detail,
                place: row.dead_letter_id,
            })
            .collect(),
        reports,
        layout: visit.layout,
    })
}

fn stages(report: &FlowReport) -> [Stage; 2] {
    let stage = |name, times| Stage { name, source: report.source.clone(), times };
    [stage("POST to decision", report.flow.decided), stage("POST to watcher", report.flow.pushed)]
}

fn projected(report: &ProjectionReport) -> Stage {
    Stage { name: "Log to database", source: report.source.clone(), times: report.projected }
}

async fn lags(state: &AppState) -> Result<Option<Vec<ProcessorLag>>, PageError> {
    let projected = state.database.projected_offsets().await?;
    let log = Arc::clone(&state.log);
    let asked = tokio::task::spawn_blocking(move || processor_lags(&*log, &projected)).await;
    let asked = asked.map_err(|error| WebError::Internal(format!("asking for lags: {error}")))?;
    Ok(asked.inspect_err(|error| tracing::warn!(%error, "lags are not known")).ok())
}
