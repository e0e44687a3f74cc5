//! What a house stands on.

use std::path::Path;

use anyhow::Result;
use gavel_tests::house::{House, run};
use gavel_tests::postgres::create_database;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// A whole house: one process on the embedded log and SQLite, or two halves on Kafka and PostgreSQL.
pub(crate) struct Ground {
    folder: TempDir,
    processes: Vec<House>,
    /// By which a command of the binary finds its log and its database.
    place: Vec<String>,
}

/// Topics of houses on one broker would meet, so each gets a Kafka cluster's topics to itself: see [`servers`].
static ONE_HOUSE_PER_BROKER: Mutex<()> = Mutex::const_new(());

impl Ground {
    /// `gavel serve`, embedded.
    pub(crate) fn embedded(flags: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let flags = [&["--rate-limits", "off"], flags].concat();
        let house = House::serve(&folder.path().join("house"), &flags)?;
        let data = folder.path().join("house").display().to_string();
        Ok(Self { folder, processes: vec![house], place: vec!["--data".into(), data] })
    }

    /// `gavel web` and `gavel work` on a Kafka and a PostgreSQL.
    pub(crate) fn split(kafka: &str, postgres: &str, flags: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let database = create_database(postgres)?;
        let mut all = vec!["--kafka", kafka, "--database", &database, "--rate-limits", "off"];
        all.extend(flags);
        let made = run(&[&["topics", "create"][..], &all].concat(), folder.path())?;
        anyhow::ensure!(made.status.success(), "topics create: {}", String::from_utf8_lossy(&made.stderr));
        let work = House::start("work", &folder.path().join("work"), &all)?;
        let web = House::start("web", &folder.path().join("web"), &all)?;
        let place = all[..4].iter().map(ToString::to_string).collect();
        Ok(Self { folder, processes: vec![web, work], place })
    }

    /// Where people reach it.
    pub(crate) fn url(&self) -> String {
        self.processes[0].url()
    }

    /// The processes: the one that serves the web first.
    pub(crate) fn processes(&mut self) -> &mut [House] {
        &mut self.processes
    }

    /// `kill -9` of all processes.
    pub(crate) fn kill(&mut self) {
        self.processes.iter_mut().for_each(House::kill);
    }

    /// Starts all processes again.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.processes.iter_mut().try_for_each(House::launch)?;
        self.processes.iter_mut().try_for_each(House::wait_ready)
    }

    /// What all processes wrote to standard output and standard error.
    pub(crate) fn log(&self) -> String {
        self.processes.iter().map(House::log).collect()
    }

    /// `gavel admin grant`.
    pub(crate) fn grant_admin(&self, email: &str) -> Result<()> {
        self.command(&["admin", "grant", email]).map(drop)
    }

    /// `gavel verify`: what it says if all is as recomputed.
    pub(crate) fn verify(&self) -> Result<String> {
        self.command(&["verify"])
    }

    fn command(&self, words: &[&str]) -> Result<String> {
        let place: Vec<&str> = self.place.iter().map(String::as_str).collect();
        let done = run(&[words, &place].concat(), self.folder.path())?;
        let (out, refusal) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        anyhow::ensure!(done.status.success(), "{words:?}: {out}{refusal}");
        Ok(out.into_owned())
    }

    /// A folder for the test's own files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Kafka and PostgreSQL, if `tests/run` gave them. Held as long as a house stands on them: topics have fixed names, so
/// one broker bears one house at a time, and each house begins at the present end of what the last one left.
#[expect(clippy::print_stderr, reason = "whoever runs the tests by hand is told what was left out")]
pub(crate) async fn servers() -> Option<(MutexGuard<'static, ()>, String, String)> {
    let (Ok(kafka), Ok(postgres)) = (std::env::var("GAVEL_TEST_KAFKA"), std::env::var("GAVEL_TEST_POSTGRES")) else {
        eprintln!("skipped: GAVEL_TEST_KAFKA and GAVEL_TEST_POSTGRES are not set; tests/run sets them");
        return None;
    };
    Some((ONE_HOUSE_PER_BROKER.lock().await, kafka, postgres))
}
