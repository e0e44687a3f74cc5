//! What a running house bears: workers that come, go, die and wake; servers that are killed; backlogs, a database that
//! stands still, a disk that is full. All by the built binary on real servers, one test at a time.

mod audit;
mod backlog;
mod market;
mod pressure;
mod probes;
mod scale;
mod storm;

use std::str::FromStr;

use anyhow::Result;
use tokio::sync::{Mutex, MutexGuard};

/// Each of these tests takes all that a small machine has.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// What an environment variable says, if it is set.
fn setting<T: FromStr>(name: &str, default: T) -> Result<T> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| anyhow::anyhow!("{name} is not a number: {text}")),
        Err(_) => Ok(default),
    }
}
