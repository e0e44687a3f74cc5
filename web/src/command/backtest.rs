//! `gavel backtest`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use bytes::Bytes;
use gavel_auctions::backtest::{Recording, Summary};

use super::CommandError;

/// Replays two files; history and completions go to `out`, a summary to standard error.
pub(crate) fn run(items: &Path, bids: &Path, out: Option<&Path>) -> Result<(), CommandError> {
    // Before the output is opened: a fault in the input leaves an earlier output as it was.
    let recording = Recording::read(&read(items)?, &read(bids)?)?;
    let summary = match out {
        Some(path) => {
            let file = File::create(path).map_err(|reason| CommandError::File { path: path.into(), reason })?;
            recording.replay(&mut BufWriter::new(file))?
        }
        None => recording.replay(&mut BufWriter::new(std::io::stdout().lock()))?,
    };
    let Summary { items, commands, decisions, completions, dead_letters } = summary;
    writeln!(
        std::io::stderr(),
        "{items} items, {commands} commands: {decisions} decisions, {completions} completions, {dead_letters} dead letters"
    )?;
    Ok(())
}

fn read(path: &Path) -> Result<Bytes, CommandError> {
    std::fs::read(path).map(Bytes::from).map_err(|reason| CommandError::File { path: path.into(), reason })
}
