//! Carries a plan out against a running house.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::picture;
use super::plan::{Plan, PlannedBid, PlannedLot};
use super::visitor::Visitor;

/// How long the house may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the demo stopped.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No house answers there.
    #[error("no house answers: {0}; start one with `gavel`, or name it with --url")]
    Unreachable(#[from] reqwest::Error),
    /// The house refused.
    #[error("the house answered {status}: {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        detail: String,
    },
    /// An answer without a field that the contract promises.
    #[error("the house's answer has no {0}")]
    Missing(&'static str),
}

/// Fills the house at `base` (`http://host:port`) by the plan, telling `progress` in words, and returns when the last bid
/// is placed. A bid that cannot be placed is told and passed over: so are people.
///
/// # Errors
/// When people cannot register or lots cannot be listed.
pub async fn run(base: &str, plan: &Plan, progress: impl Fn(String)) -> Result<(), DemoError> {
    let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let sellers = register(&http, base, &plan.sellers).await?;
    let bidders = register(&http, base, &plan.bidders).await?;
    progress(format!("{} sellers and {} bidders came in", sellers.len(), bidders.len()));

    let mut listed = Vec::with_capacity(plan.lots.len());
    for lot in &plan.lots {
        listed.push((list(&sellers[lot.seller], lot).await?, Instant::now()));
        progress(format!("listed: {} (ends in {} s)", lot.title, lot.duration_s));
    }
    progress(format!("{} bids to come", plan.bids.len()));
    // Listing takes time, so bids are due in another order than they were drawn in.
    let due_at = |bid: &PlannedBid| listed[bid.lot].1 + Duration::from_secs_f64(bid.after_s);
    let mut due: Vec<_> = plan.bids.iter().map(|bid| (due_at(bid), bid)).collect();
    due.sort_by_key(|(due_at, _)| *due_at);
    for (due_at, bid) in due {
        let (item_id, _) = &listed[bid.lot];
        tokio::time::sleep_until(due_at).await;
        if let Err(error) = bidders[bid.bidder].bid(item_id, bid.max_minor).await {
            progress(format!("{} could not bid: {error}", plan.bidders[bid.bidder]));
        }
    }
    progress("all bids are placed; the last lots end within seconds".into());
    Ok(())
}

async fn register(http: &reqwest::Client, base: &str, names: &[&str]) -> Result<Vec<Visitor>, DemoError> {
    let mut people = Vec::with_capacity(names.len());
    for name in names {
        people.push(Visitor::register(http, base, name).await?);
    }
    Ok(people)
}

async fn list(seller: &Visitor, lot: &PlannedLot) -> Result<String, DemoError> {
    let (motif, hue) = (lot.motif, lot.hue);
    let png = tokio::task::spawn_blocking(move || picture::draw(motif, hue)).await.unwrap_or_default();
    let image_id = seller.upload(png).await?;
    let closing = match lot.soft_close {
        true => json!({"kind": "soft", "window_s": 30, "extend_s": 30, "cap_s": 300}),
        false => json!({"kind": "hard"}),
    };
    let listing = json!({
        "title": lot.title, "description": lot.description, "category": lot.category, "currency": "USD",
        "starting_minor": lot.starting_minor, "reserve_minor": lot.reserve_minor, "duration_s": lot.duration_s,
        "closing": closing, "images": [image_id],
    });
    seller.list(&listing).await
}
