//! The outer side of the door: hands a command in, and passes on what comes back.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::wire::{Address, Answer, Request};
use super::{Command, OperatorError};

/// A house whose door is open.
pub(super) struct House {
    folder: PathBuf,
    stream: UnixStream,
}

/// Knocks at the door of the house that holds the folder; `None` where nobody answers.
pub(super) fn knock(folder: &Path) -> Result<Option<House>, OperatorError> {
    let failed = |reason| OperatorError::Door { folder: folder.into(), reason };
    match Address::of(folder).and_then(|address| UnixStream::connect(address.path)) {
        Ok(stream) => Ok(Some(House { folder: folder.into(), stream })),
        // No socket, or that of a process that died.
        Err(reason) if matches!(reason.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(None),
        Err(reason) => Err(failed(reason)),
    }
}

/// Has the house do it; `out` gets what it says meanwhile.
pub(super) fn ask(house: House, command: &Command, out: &mut dyn Write) -> Result<(), OperatorError> {
    let House { folder, mut stream } = house;
    let failed = |reason| OperatorError::Door { folder: folder.clone(), reason };
    let request = Request::new(command).and_then(|request| serde_json::to_string(&request));
    let request = request.map_err(|error| failed(error.into()))?;
    stream.write_all(format!("{request}\n").as_bytes()).map_err(failed)?;
    for line in BufReader::new(stream).lines() {
        match serde_json::from_str(&line.map_err(failed)?).map_err(|error| failed(error.into()))? {
            Answer::Out(text) => {
                out.write_all(text.as_bytes())?;
                out.flush()?;
            }
            Answer::Done => return Ok(()),
            Answer::Failed(reason) => return Err(OperatorError::Told(reason)),
        }
    }
    Err(OperatorError::Told("the house closed before the command was done".into()))
}
