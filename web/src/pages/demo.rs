//! `POST /demo`: fills an empty, embedded house with a market.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::{IntoResponse, Redirect};
use gavel_readmodel::ItemQuery;

use super::answer::Answer;
use super::visit::Visit;
use crate::demo::{Plan, Scale, run};
use crate::error::WebError;

/// What is drawn: always the same market.
const SEED: u64 = 1;

/// Whether this process fills its house already: a second press fills no second market.
static IS_FILLING: AtomicBool = AtomicBool::new(false);

/// `POST /demo`. A house that has lots already, or that is not embedded, has no such button.
pub(crate) async fn post(visit: Visit) -> Answer {
    let state = &visit.state;
    let any = ItemQuery { limit: 1, now_ms: visit.layout.now_ms, ..ItemQuery::default() };
    if !state.can_start_demo || !state.database.items(&any).await?.rows.is_empty() {
        return Err(WebError::Forbidden("only an empty, embedded house can be filled").into());
    }
    if !IS_FILLING.swap(true, Ordering::Relaxed) {
        tokio::spawn(fill(format!("http://{}", state.address)));
    }
    Ok(Redirect::to("/?demo=started").into_response())
}

/// Comes in by the front door, as any stranger would.
async fn fill(base: String) {
    let plan = Plan::draw(SEED, Scale::default());
    if let Err(error) = run(&base, &plan, |line| tracing::info!("demo: {line}")).await {
        tracing::warn!(%error, "the demo stopped");
    }
    IS_FILLING.store(false, Ordering::Relaxed);
}
