//! Tells the hub how far the database is: as a projector of this process moves, else by asking now and then.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gavel_log::TopicPartition;
use gavel_readmodel::Database;
use tokio::time::{Instant, sleep_until};

use super::hub::Hub;

/// How often the database is asked: a projector, or a rebuild, may run in another process.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long news may take into the database before they are told without it.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// Goes on for as long as it is polled.
pub(super) async fn follow(hub: Arc<Hub>, database: Database) {
    let mut progress = database.watch_progress();
    let mut ask_at = Instant::now();
    loop {
        tokio::select! {
            Ok(()) = progress.changed() => {
                for (partition, next) in progress.borrow_and_update().iter() {
                    hub.projected(partition, *next);
                }
            }
            () = sleep_until(ask_at) => {
                ask(&hub, &database).await;
                ask_at = Instant::now() + ASK_EVERY;
            }
        }
    }
}

async fn ask(hub: &Hub, database: &Database) {
    match database.projected_offsets().await {
        Ok(offsets) => hub.all_projected(&offsets),
        // The events stay in the window until it answers.
        Err(error) => tracing::debug!(%error, "the database did not say how far it is"),
    }
}

/// Waits until the database has these offsets, but not for long.
pub(super) async fn wait_for(database: &Database, awaited: &HashMap<TopicPartition, u64>) {
    let deadline = Instant::now() + TOLD_WITHIN;
    for (partition, offset) in awaited {
        if let Err(error) = database.wait_until_projected(partition, *offset, deadline).await {
            tracing::debug!(%error, %partition, "it is told before it is known to be projected");
        }
    }
}
