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
const REVIVED_WITHIN: Duration = Duration::from_secs(120);
const STOPPED_WITHIN: Duration = Duration::from_secs(60);

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
    program: Vec<String>,
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
        Self::start_under(&[], command, folder, flags)
    }

    /// The same under another program, such as `env`, that gives it its surroundings and becomes it.
    pub fn start_under(program: &[&str], command: &str, folder: &Path, flags: &[&str]) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let port = free_port()?;
        let program = program.iter().map(ToString::to_string).collect();
        let mut arguments = vec![command.to_owned()];
        arguments.extend(["--listen".into(), format!("127.0.0.1:{port}")]);
        arguments.extend(["--data".into(), folder.display().to_string()]);
        arguments.extend(flags.iter().map(ToString::to_string));
        let mut house = Self { program, arguments, folder: folder.to_owned(), port, process: None };
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
        let binary = binary()?.into_os_string();
        let mut words = self.program.iter().map(Into::into).chain([binary]);
        let mut command = Command::new(words.next().context("a program")?);
        command
            .args(words)
            .args(&self.arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log()?)
            .stderr(log()?);
        self.process = Some(Process::spawn(&mut command)?);
        Ok(())
    }

    /// Waits until `/readyz` answers 200.
    pub fn wait_ready(&mut self) -> Result<()> {
        let address = self.address();
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

    /// Brings it back as a supervisor would: starts it as often as it ends, until it is ready.
    pub fn revive(&mut self) -> Result<()> {
        let address = self.address();
        let revived = wait_until("gavel is ready again", REVIVED_WITHIN, || {
            let is_running = self.process.as_mut().is_some_and(|process| process.ended().is_none());
            (is_running || self.launch().is_ok()) && answers_ok(address, "/readyz")
        });
        revived.with_context(|| self.log())
    }

    /// Whether it is ready now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.process.is_some() && answers_ok(self.address(), "/readyz")
    }

    /// The sum of a measure over its labels, of those lines that hold `words`; 0 where it is not measured.
    #[must_use]
    pub fn measure(&self, name: &str, words: &str) -> f64 {
        let page = get(self.address(), "/metrics").unwrap_or_default();
        let of_name = |line: &&str| line.starts_with(name) && line[name.len()..].starts_with(['{', ' ']);
        let lines = page.lines().filter(of_name).filter(|line| line.contains(words));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
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

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
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
    get(address, path).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// The whole answer, head and all.
fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
