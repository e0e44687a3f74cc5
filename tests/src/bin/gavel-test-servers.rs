//! Runs one Kafka and one PostgreSQL for all suites, writes their addresses to the named file, and stops them when it is
//! ended or its parent is gone.

use std::time::Duration;

use anyhow::{Context, Result};
use gavel_tests::kafka::Kafka;
use gavel_tests::postgres::Postgres;

#[tokio::main]
async fn main() -> Result<()> {
    let file = std::env::args().nth(1).context("usage: gavel-test-servers FILE")?;
    let postgres = Postgres::start()?;
    let kafka = Kafka::start()?;
    let addresses =
        format!("GAVEL_TEST_KAFKA={}\nGAVEL_TEST_POSTGRES={}\n", kafka.bootstrap(), postgres.url("postgres"));
    let unfinished = format!("{file}.part");
    std::fs::write(&unfinished, addresses)?;
    std::fs::rename(unfinished, file)?;

    let parent = std::os::unix::process::parent_id();
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut look = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = terminated.recv() => return Ok(()),
            _ = look.tick() => if std::os::unix::process::parent_id() != parent { return Ok(()); },
        }
    }
}
