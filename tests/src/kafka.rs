//! A real Apache Kafka in KRaft mode, from the jars that `tests/run` fetches with Maven.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gavel_log::Log;
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use tempfile::TempDir;

use crate::process::{Process, free_port, wait_until};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running broker.
pub struct Kafka {
    process: Option<Process>,
    folder: TempDir,
    port: u16,
}

impl Kafka {
    /// Formats a folder and starts a broker on it.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (port, controller_port) = (free_port()?, free_port()?);
        let properties = folder.path().join("server.properties");
        std::fs::write(&properties, settings(folder.path(), port, controller_port))?;
        let id = java("kafka.tools.StorageTool", "256m")?.arg("random-uuid").output()?;
        ensure!(id.status.success(), "no cluster id: {}", String::from_utf8_lossy(&id.stderr));
        let formatted = java("kafka.tools.StorageTool", "256m")?
            .args(["format", "-t", String::from_utf8(id.stdout)?.trim(), "-c"])
            .arg(&properties)
            .output()?;
        ensure!(formatted.status.success(), "not formatted: {}", String::from_utf8_lossy(&formatted.stderr));
        let mut kafka = Self { process: None, folder, port };
        kafka.restart()?;
        Ok(kafka)
    }

    /// Starts the broker again on the same data and waits until it answers.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        let log = std::fs::File::create(self.folder.path().join("kafka.log"))?;
        let mut command = java("kafka.Kafka", "1g")?;
        command.arg(self.folder.path().join("server.properties")).stdout(log.try_clone()?).stderr(log);
        self.process = Some(Process::spawn(&mut command)?);
        let bootstrap = self.bootstrap();
        wait_until("Kafka answers", READY_WITHIN, || {
            KafkaLog::connect(&bootstrap, KafkaOptions::default()).is_ok_and(|log| log.topics().is_ok())
        })
    }

    /// Ends the broker at once.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// The process, to signal it.
    pub fn process(&mut self) -> Result<&mut Process> {
        self.process.as_mut().context("the broker is stopped")
    }

    /// The id of its process.
    pub fn id(&self) -> Result<u32> {
        self.process.as_ref().map(Process::id).context("the broker is stopped")
    }

    /// Where it answers: `127.0.0.1:PORT`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// Topics are created when asked for, as many clusters have it: Gavel must not be what asks.
fn settings(folder: &Path, port: u16, controller_port: u16) -> String {
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\n\
         log.dirs={}\n\
         auto.create.topics.enable=true\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=4\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=4\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         group.min.session.timeout.ms=1000\n",
        folder.join("data").display()
    )
}

fn java(class: &str, heap: &str) -> Result<Command> {
    let mut command = Command::new("java");
    command
        .arg(format!("-Xmx{heap}"))
        .arg("-cp")
        .arg(format!("{}/*", jars()?.display()))
        .arg(class)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

/// Where `tests/run` puts the jars.
fn jars() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/kafka");
    ensure!(folder.is_dir(), "Kafka's jars are not there; run tests/run, which fetches them");
    Ok(folder)
}
