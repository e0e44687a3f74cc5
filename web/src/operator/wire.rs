//! What goes through the door: one request, then answers, each a line of JSON.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Command;

/// The socket's name in the data folder.
const SOCKET: &str = "operator.sock";
/// The longest path that the address of a socket holds on Linux.
const ADDRESS_BYTES_MAX: usize = 107;

/// What the client says, once. A house reads no more of it than the version before it knows that it is its own.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    version: String,
    command: Value,
}

impl Request {
    pub(super) fn new(command: &Command) -> serde_json::Result<Self> {
        Ok(Self { version: env!("CARGO_PKG_VERSION").into(), command: serde_json::to_value(command)? })
    }

    /// The command, or why it is not understood: one line.
    pub(super) fn command(self) -> Result<Command, String> {
        const OURS: &str = env!("CARGO_PKG_VERSION");
        if self.version != OURS {
            let theirs = self.version;
            return Err(format!(
                "the house runs gavel {OURS}, this is gavel {theirs}: use the one that the house runs"
            ));
        }
        serde_json::from_value(self.command)
            .map_err(|_| "the house does not know this command: it runs another build of this version".into())
    }
}

/// What the house says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// Output of the command, as it comes.
    Out(String),
    /// The command is done.
    Done,
    /// The command failed, or was refused: why, in one line.
    Failed(String),
}

/// Where the socket is.
pub(super) struct Address {
    /// As it is named to the system.
    pub(super) path: PathBuf,
    /// By which it is named where its own path is too long.
    _folder: Option<File>,
}

impl Address {
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let path = folder.join(SOCKET);
        if path.as_os_str().len() <= ADDRESS_BYTES_MAX {
            return Ok(Self { path, _folder: None });
        }
        let folder = File::open(folder)?;
        let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()).into();
        Ok(Self { path, _folder: Some(folder) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_another_version_is_refused_in_words() {
        let of = |text: &str| serde_json::from_str::<Request>(text).unwrap().command();
        let ours = serde_json::to_string(&Request::new(&Command::Verify).unwrap()).unwrap();
        assert!(matches!(of(&ours), Ok(Command::Verify)));
        let refusal = of(r#"{"version":"9.9.9","command":{"of":"the future"}}"#).unwrap_err();
        assert!(refusal.contains("this is gavel 9.9.9") && refusal.contains(env!("CARGO_PKG_VERSION")), "{refusal}");
        let unknown = ours.replace("verify", "vanish");
        assert!(of(&unknown).unwrap_err().contains("another build"));
    }
}
