//! The operator's door: what a command says is the same, whether a house holds the log or none does.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions};
use gavel_tests::client::Person;
use gavel_tests::house::{House, run};
use serde_json::{Value, json};

use crate::ground::{Ground, servers};

#[tokio::test]
async fn a_command_says_the_same_inside_a_house_and_without_one() -> Result<()> {
    let mut ground = Ground::embedded(&[])?;
    let socket = ground.folder().join("house/operator.sock");
    bid(&ground).await?;
    let inside = ground.verify()?;
    assert!(inside.contains("all as recomputed"), "{inside}");
    assert_eq!(socket.metadata()?.permissions().mode() & 0o777, 0o600);
    // One that was killed leaves its socket.
    ground.kill();
    assert!(socket.exists());
    assert_eq!(ground.verify()?, inside);
    ground.restart()?;
    assert_eq!(ground.verify()?, inside);
    ground.processes()[0].stop()?;
    assert!(!socket.exists(), "a house that closed leaves none");
    Ok(())
}

#[tokio::test]
async fn a_command_goes_to_the_log_on_kafka() -> Result<()> {
    let Some((_guard, kafka, postgres)) = servers().await else { return Ok(()) };
    let ground = Ground::split(&kafka, &postgres, &[])?;
    bid(&ground).await?;
    assert!(ground.verify()?.contains("all as recomputed"));
    Ok(())
}

#[test]
fn what_is_recorded_otherwise_is_told_through_the_door() -> Result<()> {
    let mut ground = Ground::embedded(&[])?;
    ground.processes()[0].stop()?;
    forge(&ground.folder().join("house/log"))?;
    let alone = ground.run(&["verify"])?;
    ground.restart()?;
    let inside = ground.run(&["verify"])?;
    for said in [&alone, &inside] {
        let (out, refusal) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert_eq!(said.status.code(), Some(1));
        assert!(out.contains("offset 0, item forged") && out.contains("recomputed nothing"), "{out}");
        assert!(refusal.starts_with("gavel: 1 records differ") && refusal.lines().count() == 1, "{refusal}");
    }
    assert_eq!(inside.stdout, alone.stdout);
    Ok(())
}

#[test]
fn a_path_too_long_for_a_socket_has_a_door_too() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("d".repeat(150));
    let mut house = House::serve(&data, &[])?;
    assert!(data.join("operator.sock").exists());
    let said = run(&["verify", "--data", &data.display().to_string()], folder.path())?;
    assert!(said.status.success(), "{said:?}");
    house.stop()
}

#[test]
fn another_version_is_refused_in_words() -> Result<()> {
    let ground = Ground::embedded(&[])?;
    let mut door = UnixStream::connect(ground.folder().join("house/operator.sock"))?;
    writeln!(door, "{}", json!({"version": "0.0.0", "command": {"dance": {}}}))?;
    let answer: Value = serde_json::from_str(BufReader::new(door).lines().next().context("an answer")??.as_str())?;
    assert!(answer["failed"].as_str().is_some_and(|words| words.contains("this is gavel 0.0.0")), "{answer}");
    Ok(())
}

/// Who says nothing, and who does not listen, keep no house open.
#[test]
fn a_house_closes_whoever_stands_in_its_door() -> Result<()> {
    let mut ground = Ground::embedded(&[])?;
    let socket = ground.folder().join("house/operator.sock");
    let mut silent = UnixStream::connect(&socket)?;
    let mut deaf = UnixStream::connect(&socket)?;
    write!(deaf, r#"{{"version":"0.1.0""#)?;
    ground.processes()[0].stop()?;
    assert_eq!(silent.read(&mut [0])?, 0, "it was shown out");
    Ok(())
}

#[test]
fn without_a_log_or_a_door_a_command_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let verify = || -> Result<String> {
        let said = run(&["verify", "--data", "data"], folder.path())?;
        ensure!(!said.status.success() && said.stdout.is_empty(), "{said:?}");
        Ok(String::from_utf8(said.stderr)?)
    };
    let none = verify()?;
    assert!(none.contains("there is no log in data") && none.lines().count() == 1, "{none}");
    assert!(!folder.path().join("data").exists(), "nothing was made");
    let _held = EmbeddedLog::open(folder.path().join("data/log"), EmbeddedOptions::default())?;
    let held = verify()?;
    assert!(held.contains("takes no commands") && held.lines().count() == 1, "{held}");
    Ok(())
}

async fn bid(ground: &Ground) -> Result<()> {
    let (seller, ann) = (Person::register(&ground.url(), "Sela").await?, Person::register(&ground.url(), "Ann").await?);
    let item = seller
        .list(&json!({"title": "A map", "description": "", "category": "books", "currency": "USD",
            "starting_minor": 100, "duration_s": 3600}))
        .await?;
    assert_eq!(ann.bid(&item, 500, "k").await?.body["decision"], "accepted");
    Ok(())
}

/// Writes a completion that nobody decided.
fn forge(folder: &Path) -> Result<()> {
    use gavel_log::{Log, NewRecord};
    let log = EmbeddedLog::open(folder, EmbeddedOptions::default())?;
    let (topic, key, value) = ("auctions.items-complete".into(), Some("forged".into()), Some("{}".into()));
    log.producer()?.send(NewRecord { topic, partition: Some(0), key, value, headers: Vec::new() }).wait()?;
    Ok(())
}
