//! A real PostgreSQL: `GAVEL_TEST_POSTGRES`, which `tests/run` sets, or one of this handle's own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::process::{Process, free_port, wait_until};

const READY_WITHIN: Duration = Duration::from_secs(30);

/// A running server.
pub struct Postgres {
    process: Option<Process>,
    folder: TempDir,
    port: u16,
}

impl Postgres {
    /// Makes a cluster in a temporary folder and starts it. PostgreSQL refuses to run as root, so there it runs as the
    /// user `postgres` of Debian's package.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        if is_root()? {
            let owned = Command::new("chown").arg("postgres").arg(folder.path()).status()?;
            ensure!(owned.success(), "there is no user postgres; install Debian's package postgresql");
        }
        let data = folder.path().join("data");
        let made = as_postgres(&binary("initdb")?)?
            .args(["--auth=trust", "--username=gavel", "--encoding=UTF8", "--no-sync", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status()?;
        ensure!(made.success(), "initdb failed");
        let mut postgres = Self { process: None, folder, port: free_port()? };
        postgres.restart()?;
        Ok(postgres)
    }

    /// Starts the server again on the same data.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        let mut command = as_postgres(&binary("postgres")?)?;
        command
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-c", "fsync=off", "-c", "max_connections=200"])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", self.folder.path().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let url = self.url("postgres");
        wait_until("PostgreSQL answers", READY_WITHIN, || {
            // As long as a process of the one before lives, it refuses to start.
            if self.process.as_mut().is_none_or(|process| process.ended().is_some()) {
                self.process = Process::spawn(&mut command).ok();
            }
            answers(&url)
        })
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// The address of a database of it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://gavel@127.0.0.1:{}/{database}", self.port)
    }
}

/// Makes an empty database on the server at `url` and answers its address.
pub fn create_database(url: &str) -> Result<String> {
    let name = format!("gavel_{}", uuid::Uuid::new_v4().simple());
    let made = Command::new("psql")
        .args([url, "-q", "-c", &format!("CREATE DATABASE {name}")])
        .stdout(Stdio::null())
        .status()
        .context("psql is not installed")?;
    ensure!(made.success(), "cannot make a database at {url}");
    let (server, _) = url.rsplit_once('/').context("an address with a database")?;
    Ok(format!("{server}/{name}"))
}

fn answers(url: &str) -> bool {
    let mut ask = Command::new("psql");
    ask.args([url, "-q", "-c", "SELECT 1"]).stdout(Stdio::null()).stderr(Stdio::null());
    ask.status().is_ok_and(|status| status.success())
}

fn is_root() -> Result<bool> {
    let id = Command::new("id").arg("-u").output()?;
    Ok(id.stdout.trim_ascii() == b"0")
}

fn as_postgres(program: &Path) -> Result<Command> {
    if !is_root()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program).current_dir("/");
    Ok(command)
}

/// Debian keeps the server's programs out of the path.
fn binary(name: &str) -> Result<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib/postgresql").context("PostgreSQL is not installed")?;
    let mut found: Vec<PathBuf> =
        folders.flatten().map(|folder| folder.path().join("bin").join(name)).filter(|path| path.is_file()).collect();
    found.sort();
    found.pop().with_context(|| format!("{name} is not installed"))
}
