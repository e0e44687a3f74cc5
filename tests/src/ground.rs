//! What a house stands on.

use std::path::Path;
use std::process::Output;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::house::{House, run};
use crate::postgres::create_database;

/// A whole house: one process on the embedded log and SQLite, or webs and workers on Kafka and PostgreSQL.
pub struct Ground {
    folder: TempDir,
    processes: Vec<House>,
    /// By which a command of the binary finds its log and its database.
    place: Vec<String>,
    /// What every process is started with.
    flags: Vec<String>,
}

/// Topics of houses on one broker would meet, so each gets a Kafka cluster's topics to itself: see [`servers`].
static ONE_HOUSE_PER_BROKER: Mutex<()> = Mutex::const_new(());

impl Ground {
    /// `gavel serve`, embedded.
    pub fn embedded(flags: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let flags = [&["--rate-limits", "off"], flags].concat();
        let house = House::serve(&folder.path().join("house"), &flags)?;
        let data = folder.path().join("house").display().to_string();
        let place = vec!["--data".into(), data];
        Ok(Self { folder, processes: vec![house], place, flags: owned(&flags) })
    }

    /// `gavel web` and `gavel work` on a Kafka and a PostgreSQL.
    pub fn split(kafka: &str, postgres: &str, flags: &[&str]) -> Result<Self> {
        Self::scaled(kafka, postgres, 1, 1, flags)
    }

    /// So many `gavel web` and `gavel work`, each of its own name, on a Kafka and a PostgreSQL.
    pub fn scaled(kafka: &str, postgres: &str, webs: usize, workers: usize, flags: &[&str]) -> Result<Self> {
        let mut ground = Self::founded(kafka, postgres, flags)?;
        for _ in 0..workers {
            ground.add("work")?;
        }
        // The webs come first: the first of them is where people reach the house.
        for web in 0..webs {
            let house = ground.open("web", web)?;
            ground.processes.insert(web, house);
        }
        Ok(ground)
    }

    /// A database and the topics, and nobody there yet.
    pub fn founded(kafka: &str, postgres: &str, flags: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let database = create_database(postgres)?;
        let mut all = vec!["--kafka", kafka, "--database", &database, "--rate-limits", "off"];
        all.extend(flags);
        let ground = Self { folder, processes: Vec::new(), place: owned(&all[..4]), flags: owned(&all) };
        let flags: Vec<&str> = ground.flags.iter().map(String::as_str).collect();
        let made = run(&[&["topics", "create"][..], &flags].concat(), ground.folder.path())?;
        ensure!(made.status.success(), "topics create: {}", String::from_utf8_lossy(&made.stderr));
        Ok(ground)
    }

    /// Starts one more process, `web` or `work`, and waits until it is ready.
    pub fn add(&mut self, command: &str) -> Result<&mut House> {
        let house = self.open(command, self.processes.len())?;
        self.processes.push(house);
        self.processes.last_mut().context("the house just added")
    }

    fn open(&self, command: &str, number: usize) -> Result<House> {
        let name = format!("{command}-{number}");
        let mut flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        flags.extend(["--instance", &name]);
        House::start(command, &self.folder.path().join(&name), &flags)
    }

    /// Where people reach it.
    #[must_use]
    pub fn url(&self) -> String {
        self.processes[0].url()
    }

    /// The address of its database on PostgreSQL.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.place[3]
    }

    /// The processes: the one that serves the web first.
    pub fn processes(&mut self) -> &mut [House] {
        &mut self.processes
    }

    /// `kill -9` of all processes.
    pub fn kill(&mut self) {
        self.processes.iter_mut().for_each(House::kill);
    }

    /// Starts all processes again.
    pub fn restart(&mut self) -> Result<()> {
        self.processes.iter_mut().try_for_each(House::launch)?;
        self.processes.iter_mut().try_for_each(House::wait_ready)
    }

    /// What all processes wrote to standard output and standard error.
    #[must_use]
    pub fn log(&self) -> String {
        self.processes.iter().map(House::log).collect()
    }

    /// `gavel admin grant`.
    pub fn grant_admin(&self, email: &str) -> Result<()> {
        self.command(&["admin", "grant", email]).map(drop)
    }

    /// `gavel verify`: what it says if all is as recomputed.
    pub fn verify(&self) -> Result<String> {
        self.command(&["verify"])
    }

    /// A command of the binary on this house's log and database, which must go well: what it says.
    pub fn command(&self, words: &[&str]) -> Result<String> {
        let done = self.run(words)?;
        let (out, refusal) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        ensure!(done.status.success(), "{words:?}: {out}{refusal}");
        Ok(out.into_owned())
    }

    /// The same, however it goes.
    pub fn run(&self, words: &[&str]) -> Result<Output> {
        run(&self.words(words), self.folder.path())
    }

    /// A command's words, with those by which it finds this house's log and database.
    #[must_use]
    pub fn words<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        words.iter().copied().chain(self.place.iter().map(String::as_str)).collect()
    }

    /// A folder for the test's own files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// Kafka and PostgreSQL, if `tests/run` gave them. Held as long as a house stands on them: topics have fixed names, so
/// one broker bears one house at a time, and each house begins at the present end of what the last one left.
#[expect(clippy::print_stderr, reason = "whoever runs the tests by hand is told what was left out")]
pub async fn servers() -> Option<(MutexGuard<'static, ()>, String, String)> {
    let (Ok(kafka), Ok(postgres)) = (std::env::var("GAVEL_TEST_KAFKA"), std::env::var("GAVEL_TEST_POSTGRES")) else {
        eprintln!("skipped: GAVEL_TEST_KAFKA and GAVEL_TEST_POSTGRES are not set; tests/run sets them");
        return None;
    };
    Some((ONE_HOUSE_PER_BROKER.lock().await, kafka, postgres))
}
