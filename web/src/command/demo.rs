//! `gavel demo`.

use std::io::Write;

use super::CommandError;
use crate::demo::{Plan, Scale, run as play};

/// Fills the house at `url` with the market of a seed.
pub(crate) async fn run(url: &str, seed: u64) -> Result<(), CommandError> {
    let plan = Plan::draw(seed, Scale::default());
    play(url.trim_end_matches('/'), &plan, |line| {
        // Progress that nobody reads is no reason to stop.
        let _ = writeln!(std::io::stdout(), "{line}");
    })
    .await?;
    Ok(())
}
