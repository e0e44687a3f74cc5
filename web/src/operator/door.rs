//! The inner side of the door: listens on a socket in the data folder that its owner alone may use, and runs what is asked.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gavel_log::Log;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::Command;
use super::wire::{Address, Answer, Request};
use crate::server::stopped;

/// The longest request: a record and what is said of it.
const REQUEST_BYTES_MAX: u64 = 8 << 20;
/// Answers that may wait for a client that reads slowly.
const ANSWERS_MAX: usize = 64;
/// How long to wait where the system takes no connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// An open door. It is to be closed before the parts that commands work with.
pub struct Door {
    address: Address,
    stopping: watch::Sender<bool>,
    listening: JoinHandle<()>,
}

impl Door {
    /// Opens the door of the house that holds the folder and so may do away with the socket of one that died.
    ///
    /// # Errors
    /// What the system said.
    pub fn open(folder: &Path, log: Arc<dyn Log>) -> io::Result<Self> {
        let address = Address::of(folder)?;
        match fs::remove_file(&address.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&address.path)?;
        fs::set_permissions(&address.path, Permissions::from_mode(0o600))?;
        let owner = fs::metadata(&address.path)?.uid();
        let (stopping, stop) = watch::channel(false);
        let listening = tokio::spawn(listen(listener, owner, log, stop));
        Ok(Self { address, stopping, listening })
    }

    /// Takes no more commands, and ends those in hand.
    pub async fn close(self) {
        self.stopping.send_replace(true);
        // What is left would be done away with by the next to open.
        let _ = fs::remove_file(&self.address.path);
        if self.listening.await.is_err() {
            tracing::error!("the operator's door panicked");
        }
    }
}

async fn listen(listener: UnixListener, owner: u32, log: Arc<dyn Log>, mut stop: watch::Receiver<bool>) {
    let mut visits = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(_) = visits.join_next(), if !visits.is_empty() => {}
            accepted = listener.accept() => match accepted {
                // Before its mode was set, others may have come in.
                Ok((stream, _)) if !stream.peer_cred().is_ok_and(|peer| [0, owner].contains(&peer.uid())) => drop(stream),
                Ok((stream, _)) => {
                    visits.spawn(visit(stream, Arc::clone(&log), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "an operator could not be let in");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }
    drop(listener);
    while visits.join_next().await.is_some() {}
}

/// One client: what it asks is done until it is done, the client has gone, or the house closes.
async fn visit(stream: UnixStream, log: Arc<dyn Log>, mut stop: watch::Receiver<bool>) {
    let (read, write) = stream.into_split();
    let mut read = BufReader::new(read);
    let asked = tokio::select! {
        asked = request(&mut read) => asked,
        () = stopped(&mut stop) => return,
    };
    let (teller, answers) = mpsc::channel(ANSWERS_MAX);
    let work = tokio::task::spawn_blocking(move || {
        let mut out = Told { teller, text: Vec::new() };
        let failed = |reason: String| Answer::Failed(reason.replace('\n', " "));
        let ended = match asked {
            Ok(command) => command.run(&log, &mut out).map_err(|error| failed(error.to_string())),
            Err(refusal) => Err(failed(refusal)),
        };
        // Where nobody listens any more, nobody misses it.
        let _ = out.flush().and_then(|()| out.tell(ended.map_or_else(|failed| failed, |()| Answer::Done)));
    });
    let mut nowhere = tokio::io::sink();
    tokio::select! {
        _ = pass_on(answers, write) => {}
        // The client says no more; if it ends, it has gone.
        _ = tokio::io::copy(&mut read, &mut nowhere) => {}
        () = stopped(&mut stop) => {}
    }
    // The answers are nobody's now, which the command learns when it next says something.
    if work.await.is_err() {
        tracing::error!("a command of an operator panicked");
    }
}

/// The command, or why there is none.
async fn request(read: &mut (impl AsyncBufRead + Unpin)) -> Result<Command, String> {
    let mut line = String::new();
    let length = read.take(REQUEST_BYTES_MAX).read_line(&mut line).await;
    length.map_err(|error| format!("the request cannot be read: {error}"))?;
    let request: Request =
        serde_json::from_str(&line).map_err(|_| "the request is none that a house knows".to_owned())?;
    request.command()
}

async fn pass_on(mut answers: mpsc::Receiver<Answer>, mut write: impl AsyncWrite + Unpin) -> io::Result<()> {
    while let Some(answer) = answers.recv().await {
        let line = serde_json::to_string(&answer)? + "\n";
        write.write_all(line.as_bytes()).await?;
    }
    Ok(())
}

/// The output of a command, handed over line by line.
struct Told {
    teller: mpsc::Sender<Answer>,
    text: Vec<u8>,
}

impl Told {
    fn tell(&self, answer: Answer) -> io::Result<()> {
        self.teller.blocking_send(answer).map_err(|_| ErrorKind::BrokenPipe.into())
    }

    fn tell_text(&mut self, length: usize) -> io::Result<()> {
        let text: Vec<u8> = self.text.drain(..length).collect();
        self.tell(Answer::Out(String::from_utf8_lossy(&text).into_owned()))
    }
}

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        if let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') {
            self.tell_text(self.text.len() - (bytes.len() - last - 1))?;
        }
        Ok(bytes.len())
    }

    /// Fails once nobody listens any more.
    fn flush(&mut self) -> io::Result<()> {
        if !self.text.is_empty() {
            return self.tell_text(self.text.len());
        }
        if self.teller.is_closed() { Err(ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn output_comes_in_lines_and_fails_once_nobody_listens() {
        let (teller, mut answers) = mpsc::channel(ANSWERS_MAX);
        let mut out = Told { teller, text: Vec::new() };
        let said = tokio::task::spawn_blocking(move || {
            for text in ["one", "\ntwo\nth", "ré", "e\n"] {
                out.write_all(text.as_bytes()).unwrap();
            }
            out.flush().unwrap();
            out
        });
        let mut out = said.await.unwrap();
        let mut texts = Vec::new();
        while let Ok(Answer::Out(text)) = answers.try_recv() {
            texts.push(text);
        }
        assert_eq!(texts, ["one\ntwo\n", "thrée\n"]);
        drop(answers);
        assert_eq!(out.flush().unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
