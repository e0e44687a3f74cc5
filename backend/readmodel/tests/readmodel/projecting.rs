//! Exactly once: whatever stops, doubles or fails, each record is in the projections once; and a rebuild gives the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gavel_auctions::wire::{Measure, Outcome, topics};
use gavel_log::TopicPartition;
use gavel_readmodel::{Database, DatabaseUrl, Error, Projector, RebuildProgress, lag, rebuild};
use tokio::time::Instant;

use crate::databases::{TestDatabase, on_both};
use crate::dump::dump;
use crate::house::{House, PARTITIONS, accepted, completion, id, item};
use crate::inbox::measure;

on_both! {
    a_rebuild_gives_the_same_rows
    a_projector_that_is_dropped_at_any_time_repeats_nothing
    two_projectors_at_once_project_each_record_once
    a_rebuild_under_a_running_projector_gives_the_same_rows
    a_record_that_cannot_be_understood_holds_nothing_up
    a_record_that_the_database_cannot_hold_is_passed_over_alone
    the_first_listing_and_the_first_outcome_count
    who_waits_is_told_across_processes
    a_database_of_another_log_is_not_projected_into
}

/// Some of everything, `from..to` being the items' numbers.
async fn fill(house: &House, from: u128, to: u128) {
    for number in from..to {
        house.list(&item(number, &format!("Lot number {number}"))).await;
        for sequence in 1..=5 {
            let bid = id(number * 1_000 + u128::from(sequence));
            house.decide(&accepted(id(number), sequence, bid, id(21), 100), (0, sequence)).await;
        }
        if number % 2 == 0 {
            house.complete(&completion(id(number), 6, Outcome::Sold, Some(id(21)))).await;
        }
        house.append_bytes("auctions.bids.dead-letters", id(number), b"?".to_vec(), Vec::new()).await;
    }
}

async fn a_rebuild_gives_the_same_rows(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    let ada = crate::accounts::account("ada@example.org");
    house.database.create_account(&ada).await.unwrap();
    fill(&house, 1, 30).await;
    house.project_all().await;
    let before = dump(&fresh.url).await;
    assert!(before.len() > 29 * 8, "{} rows", before.len());

    let told = Arc::new(AtomicU64::new(0));
    let teller = told.clone();
    let done = rebuild(&house.database, house.log.clone(), move |progress: RebuildProgress| {
        teller.store(progress.projected, Ordering::Relaxed);
    });
    let done = done.await.unwrap();

    assert_eq!(dump(&fresh.url).await, before);
    assert_eq!((done.projected, done.refused, done.remaining), (29 * 7 + 14, 0, 0));
    assert_eq!(told.load(Ordering::Relaxed), done.projected);
    assert!(house.database.account_by_id(ada.account_id).await.unwrap().is_some(), "accounts are no projection");
}

async fn a_projector_that_is_dropped_at_any_time_repeats_nothing(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    for round in 0..8 {
        // Not stopped: it goes away wherever it happens to be, as its successor begins.
        let projector = house.start_projector();
        fill(&house, round * 10 + 1, round * 10 + 11).await;
        drop(projector);
    }
    house.project_all().await;
    let lived = dump(&fresh.url).await;

    rebuild(&house.database, house.log.clone(), |_| ()).await.unwrap();

    assert_eq!(dump(&fresh.url).await, lived);
    assert_eq!(lived.iter().filter(|line| line.starts_with("history")).count(), 80 * 5);
}

async fn two_projectors_at_once_project_each_record_once(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    // Different groups, so that both get every partition: as a zombie and its successor would.
    let other = fresh.connect().await;
    let first = house.start_projector_of("gavel.readmodel", &house.database);
    let second = house.start_projector_of("gavel.readmodel.zombie", &other);
    fill(&house, 1, 60).await;
    // Values of one cell, each replacing the one before: applied twice, no key would refuse it.
    // Until both have come to write one, if only to find that the other was first.
    let turns = |projector: &Projector| projector.status().projected + projector.status().failures;
    let before = (turns(&first), turns(&second));
    let mut count = 0;
    while count < 500 || turns(&first) == before.0 || turns(&second) == before.1 {
        count += 1;
        assert!(count < 200_000, "one projector never takes part");
        house.append(topics::ANALYTICS, id(1), &measure(0, 0, count, 0)).await;
    }
    house.settle().await;
    let projected = first.stop().await.projected + second.stop().await.projected;
    let lived = dump(&fresh.url).await;

    rebuild(&house.database, house.log.clone(), |_| ()).await.unwrap();

    assert_eq!(dump(&fresh.url).await, lived);
    assert_eq!(projected, 59 * 7 + 29 + u64::try_from(count).unwrap());
    assert_eq!(house.database.measure_totals(Measure::Hammer).await.unwrap()[0].count, count);
}

async fn a_rebuild_under_a_running_projector_gives_the_same_rows(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    fill(&house, 1, 40).await;
    house.project_all().await;
    let before = dump(&fresh.url).await;
    let other = fresh.connect().await;
    let projector = house.start_projector_of("gavel.readmodel", &other);

    rebuild(&house.database, house.log.clone(), |_| ()).await.unwrap();

    assert_eq!(dump(&fresh.url).await, before);
    projector.stop().await;
}

async fn a_record_that_cannot_be_understood_holds_nothing_up(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    for topic in [topics::ITEMS, topics::HISTORY, topics::COMPLETE, topics::NOTICES, topics::ANALYTICS] {
        for value in [&b"{"[..], b"", b"null", b"{\"type\":\"of a later version\"}", b"\xff\xfe"] {
            house.append_bytes(topic, id(1), value.to_vec(), Vec::new()).await;
        }
    }
    house.list(&item(1, "Clock")).await;
    let projector = house.start_projector();
    house.settle().await;

    assert!(house.database.item(id(1)).await.unwrap().is_some());
    let status = projector.stop().await;
    // Of the items topic, a type that is not projected is no mistake.
    assert_eq!((status.projected, status.refused, status.failures), (26, 24, 0));
}

async fn a_record_that_the_database_cannot_hold_is_passed_over_alone(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    let mut endless = item(2, "Endless");
    // More than an index of PostgreSQL takes; random, so that it cannot be compressed.
    endless.category = (0..1_000).map(|_| uuid::Uuid::new_v4().simple().to_string()).collect();
    for listed in [item(1, "Clock"), endless, item(4, "Vase")] {
        house.list(&listed).await;
    }
    let projector = house.start_projector();
    house.settle().await;

    let status = projector.stop().await;
    let refused = u64::from(matches!(fresh.url, DatabaseUrl::Postgres(_)));
    assert_eq!((status.projected, status.refused, status.failures), (3, refused, 0));
    assert_eq!(house.database.item(id(2)).await.unwrap().is_none(), refused == 1);
    assert!(house.database.item(id(1)).await.unwrap().is_some());
    assert!(house.database.item(id(4)).await.unwrap().is_some());
}

async fn the_first_listing_and_the_first_outcome_count(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    for title in ["Clock", "Watch"] {
        house.list(&item(1, title)).await;
    }
    house.complete(&completion(id(1), 1, Outcome::Unsold, None)).await;
    house.complete(&completion(id(1), 2, Outcome::Sold, Some(id(21)))).await;
    house.project_all().await;
    house.list(&item(1, "Sundial")).await;
    house.complete(&completion(id(1), 3, Outcome::Sold, Some(id(21)))).await;
    house.project_all().await;

    let row = house.database.item(id(1)).await.unwrap().unwrap();
    assert_eq!((row.title.as_str(), row.outcome, row.sequence), ("Clock", Some(Outcome::Unsold), 1));
    let events = house.database.events_after(id(1), 0, 10).await.unwrap();
    assert_eq!(events.len(), 1);
}

async fn who_waits_is_told_across_processes(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    // Connections of their own share nothing with the projector's, as in another process.
    let elsewhere = fresh.connect().await;
    let appended = house.list(&item(1, "Clock")).await;
    let partition = TopicPartition::new(topics::ITEMS, appended.partition);
    let soon = Instant::now() + Duration::from_millis(50);
    assert!(!elsewhere.wait_until_projected(&partition, appended.offset, soon).await.unwrap(), "nothing projects yet");

    let wait = async |database: &Database| {
        let deadline = Instant::now() + Duration::from_secs(60);
        database.wait_until_projected(&partition, appended.offset, deadline).await.unwrap()
    };
    let projector = house.start_projector();
    let (here, there) = tokio::join!(wait(&house.database), wait(&elsewhere));

    assert!(here && there);
    assert!(elsewhere.item(id(1)).await.unwrap().is_some());
    house.settle().await;
    let offsets = house.database.projected_offsets().await.unwrap();
    let behind: u64 = lag(&*house.log, &offsets).unwrap().iter().map(|lag| lag.behind).sum();
    assert_eq!((offsets.len(), behind), (9 * PARTITIONS as usize, 0));
    projector.stop().await;
}

async fn a_database_of_another_log_is_not_projected_into(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    house.list(&item(1, "Clock")).await;
    house.project_all().await;
    fresh.execute("UPDATE projection_offsets SET next_offset = next_offset + 100").await;
    let before = dump(&fresh.url).await;

    let projector = house.start_projector();
    while projector.status().failures == 0 {
        tokio::task::yield_now().await;
    }
    projector.stop().await;

    assert_eq!(dump(&fresh.url).await, before);
    let error = Error::AheadOfLog { topic: "auctions.items".into(), partition: 1 };
    assert!(error.to_string().contains("gavel rebuild"));
}
