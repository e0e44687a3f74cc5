//! What people see when something is wrong: one clear line, a code that is not 0, a 503 that says when to come back.

use std::net::TcpListener;

use anyhow::Result;
use gavel_tests::client::Person;
use gavel_tests::house::run;
use gavel_tests::kafka::Kafka;
use reqwest::StatusCode;
use serde_json::json;

use crate::ground::{Ground, servers};

/// Runs the binary and expects one line on standard error that holds `words`.
fn fails_with(arguments: &[&str], words: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let output = run(arguments, folder.path())?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert_eq!(text.trim().lines().count(), 1, "{arguments:?} said: {text}");
    assert!(text.contains(words), "{arguments:?} said: {text}");
    Ok(())
}

#[test]
fn a_port_in_use_is_named() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    fails_with(&["serve", "--listen", &address], &address)
}

#[test]
fn a_data_folder_that_cannot_be_written_is_named() -> Result<()> {
    fails_with(&["serve", "--listen", "127.0.0.1:0", "--data", "/dev/null/data"], "/dev/null/data")
}

#[test]
fn a_broken_configuration_says_where() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("gavel.toml"), "listem = \"127.0.0.1:1\"\n")?;
    let output = run(&["serve"], folder.path())?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("listem") && text.trim().lines().count() == 1, "{text}");
    fails_with(&["serve", "--config", "nowhere.toml"], "nowhere.toml")
}

#[test]
fn the_halves_need_servers() -> Result<()> {
    fails_with(&["web"], "--kafka")?;
    fails_with(&["work", "--kafka", "127.0.0.1:1"], "PostgreSQL")
}

#[test]
fn a_second_process_on_one_folder_is_refused() -> Result<()> {
    let ground = Ground::embedded(&[])?;
    let data = ground.folder().join("house").display().to_string();
    fails_with(&["serve", "--listen", "127.0.0.1:0", "--data", &data], "in use")
}

#[test]
fn a_stop_is_clean() -> Result<()> {
    let mut ground = Ground::embedded(&[])?;
    ground.processes()[0].stop()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_log_reads_go_on_and_a_bid_is_not_half_done() -> Result<()> {
    let Some((_guard, _, postgres)) = servers().await else { return Ok(()) };
    let mut kafka = Kafka::start()?;
    let ground = Ground::split(&kafka.bootstrap(), &postgres, &[])?;
    let (seller, ann) = (Person::register(&ground.url(), "Sela").await?, Person::register(&ground.url(), "Ann").await?);
    let item = seller
        .list(&json!({"title": "A map", "description": "", "category": "books", "currency": "USD",
            "starting_minor": 100, "duration_s": 3600}))
        .await?;
    kafka.kill();
    let refused = ann.bid(&item, 500, "k").await?;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{refused:?}");
    assert!(refused.retry_after_s.is_some_and(|seconds| seconds > 0), "{refused:?}");
    assert_eq!(ann.item(&item).await?["bid_count"], 0, "reads go on");
    kafka.restart()?;
    let decided = loop {
        let answer = ann.bid(&item, 500, "k").await?;
        if answer.status != StatusCode::SERVICE_UNAVAILABLE && answer.status != StatusCode::ACCEPTED {
            break answer;
        }
    };
    assert_eq!((decided.status, &decided.body["decision"]), (StatusCode::OK, &json!("accepted")), "{decided:?}");
    assert_eq!(ann.item(&item).await?["bid_count"], 1, "counted once");
    Ok(())
}
