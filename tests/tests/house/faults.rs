//! What people see when something is wrong: one clear line, a code that is not 0, a 503 that says when to come back.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use gavel_tests::client::{Answer, Person};
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
    let is_decided = |answer: &Answer| answer.body["decision"].is_string();
    let decided = until(|| ann.bid(&item, 500, "k"), is_decided).await?;
    assert_eq!((decided.status, &decided.body["decision"]), (StatusCode::OK, &json!("accepted")), "{decided:?}");
    assert_eq!(ann.item(&item).await?["bid_count"], 1, "counted once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_that_nobody_decides_yet_has_a_receipt_and_is_decided_later() -> Result<()> {
    let Some((_guard, kafka, postgres)) = servers().await else { return Ok(()) };
    let mut ground = Ground::split(&kafka, &postgres, &["--decision-wait-ms", "300"])?;
    let (seller, ann) = (Person::register(&ground.url(), "Sela").await?, Person::register(&ground.url(), "Ann").await?);
    let item = seller
        .list(&json!({"title": "A map", "description": "", "category": "books", "currency": "USD",
            "starting_minor": 100, "duration_s": 3600}))
        .await?;
    let [web, work] = ground.processes() else { anyhow::bail!("a web and a work process") };
    work.kill();
    let waiting = ann.bid(&item, 500, "k").await?;
    assert_eq!(waiting.status, StatusCode::ACCEPTED, "{waiting:?}");
    let receipt_path = waiting.location.clone().context("a receipt address")?;
    // The receipt does not hang on the process that took the bid in.
    web.crash_and_restart()?;
    let pending = ann.get(&receipt_path).await?;
    assert_eq!((pending.status, &pending.body["status"]), (StatusCode::OK, &json!("pending")), "{pending:?}");
    assert_eq!(seller.get(&receipt_path).await?.status, StatusCode::NOT_FOUND, "it is the bidder's alone");
    work.launch()?;
    work.wait_ready()?;
    let decided = until(|| ann.get(&receipt_path), |answer| answer.body["status"] == "decided").await?;
    assert_eq!(
        (&decided.body["decision"], &decided.body["leading"]),
        (&json!("accepted"), &json!(true)),
        "{decided:?}"
    );
    for place in ["append_ms", "partition", "offset"] {
        assert_eq!(decided.body[place], pending.body[place], "{place}");
    }
    Ok(())
}

/// How long a house may take until it is itself again, after a broker has come back.
const RECOVERED_WITHIN: Duration = Duration::from_secs(120);

/// Asks until the answer is as it must be.
async fn until<F: Future<Output = Result<Answer>>>(
    ask: impl Fn() -> F,
    is_there: impl Fn(&Answer) -> bool,
) -> Result<Answer> {
    let deadline = Instant::now() + RECOVERED_WITHIN;
    loop {
        let answer = ask().await?;
        if is_there(&answer) {
            return Ok(answer);
        }
        anyhow::ensure!(Instant::now() < deadline, "the last answer in time: {answer:?}");
    }
}
