//! `gavel serve`, `gavel web`, `gavel work`.

use std::io::Write;

use rustix::fs::Mode;
use tokio::signal::unix::{SignalKind, signal};

use super::CommandError;
use crate::config::{Config, Switch};
use crate::house::{House, Role};

/// Runs until a signal says stop.
pub(crate) async fn run(config: Config, role: Role) -> Result<(), CommandError> {
    // What the house writes is its own: the log and the database hold what nobody else may read.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // Heard from the first moment on, so that a stop during the start is clean too.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CommandError::Threads)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CommandError::Threads)?;
    if config.rate_limits == Switch::Off {
        tracing::warn!("rate limits are off: for load tests only");
    }
    let mut house = tokio::select! {
        opened = Box::pin(House::open(config, role)) => opened?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    let address = house.address();
    let line = match role {
        Role::Both | Role::Web => format!("Gavel is open at http://{address} (Ctrl-C closes it)"),
        Role::Work => format!("Gavel is working; health at http://{address}/readyz"),
    };
    writeln!(std::io::stdout(), "{line}")?;
    let ended = tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        reason = house.failed() => Err(CommandError::Stopped(reason.into())),
    };
    tracing::info!("closing");
    house.close().await;
    ended
}
