//! The built `gavel` binary, run as people run it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{Process, free_port, wait_until};

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// The binary under test: `GAVEL_BINARY`, else the one in the target folder beside this test.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("GAVEL_BINARY") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let beside = test.ancestors().skip(1).take(2).map(|folder| folder.join("gavel")).find(|path| path.is_file());
    beside.context("the gavel binary is not built; run `cargo build`, or name it in GAVEL_BINARY")
}

/// One process of Gavel: `serve`, `web` or `work`, on its own port and folder.
pub struct House {
    arguments: Vec<String>,
    folder: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl House {
    /// Starts `gavel serve` in `folder`, embedded unless the flags say otherwise, and waits until it is ready.
    pub fn serve(folder: &Path, flags: &[&str]) -> Result<Self> {
        Self::start("serve", folder, flags)
    }

    /// Starts a command that serves HTTP and waits until it is ready.
    pub fn start(command: &str, folder: &Path, flags: &[&str]) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let port = free_port()?;
        let mut arguments = vec![command.to_owned()];
        arguments.extend(["--listen".into(), format!("127.0.0.1:{port}")]);
        arguments.extend(["--data".into(), folder.display().to_string()]);
        arguments.extend(flags.iter().map(ToString::to_string));
        let mut house = Self { arguments, folder: folder.to_owned(), port, process: None };
        house.launch()?;
        house.wait_ready()?;
        Ok(house)
    }

    /// Where it answers: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts the process again with the same arguments, without waiting.
    pub fn launch(&mut self) -> Result<()> {
        let log = || File::options().create(true).append(true).open(self.log_path());
        let mut command = Command::new(binary()?);
        command.args(&self.arguments).current_dir(&self.folder).stdin(Stdio::null()).stdout(log()?).stderr(log()?);
        self.process = Some(Process::spawn(&mut command)?);
        Ok(())
    }

    /// Waits until `/readyz` answers 200.
    pub fn wait_ready(&mut self) -> Result<()> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let mut ended = None;
        let waited = wait_until("gavel is ready", READY_WITHIN, || {
            ended = self.process.as_mut().and_then(Process::ended);
            ended.is_some() || answers_ok(address, "/readyz")
        });
        match ended {
            Some(status) => bail!("gavel ended with {status}:\n{}", self.log()),
            None => waited.with_context(|| self.log()),
        }
    }

    /// The process, to signal it.
    pub fn process(&mut self) -> Result<&mut Process> {
        self.process.as_mut().context("the house is stopped")
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// `kill -9`, then the same house again, ready.
    pub fn crash_and_restart(&mut self) -> Result<()> {
        self.kill();
        self.launch()?;
        self.wait_ready()
    }

    /// SIGTERM; waits for a clean end.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.signal("TERM")?;
            let status = process.wait(STOPPED_WITHIN).with_context(|| self.log())?;
            if !status.success() {
                bail!("gavel stopped with {status}:\n{}", self.log());
            }
        }
        Ok(())
    }

    /// Everything it has written to standard output and standard error.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join(format!("gavel-{}.log", self.port))
    }
}

/// Runs a command of the binary that ends by itself.
pub fn run(arguments: &[&str], folder: &Path) -> Result<Output> {
    Ok(Command::new(binary()?).args(arguments).current_dir(folder).stdin(Stdio::null()).output()?)
}

fn answers_ok(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer.starts_with(b"HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}
