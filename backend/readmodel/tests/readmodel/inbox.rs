//! Notices, watches, measures and dead letters.

use std::time::Duration;

use gavel_auctions::wire::analytics::MeasureTag;
use gavel_auctions::wire::notice::NoticeTag;
use gavel_auctions::wire::{Measure, MeasureRecord, NoticeKind, NoticeRecord, topics};
use gavel_domain::AccountId;
use gavel_log::Header;

use crate::accounts::account;
use crate::databases::{TestDatabase, on_both};
use crate::house::{House, id, item};

on_both! {
    notices_are_unread_until_seen
    what_is_watched_is_listed
    measures_are_the_last_of_each_cell_summed_over_partitions
    dead_letters_show_their_cause_and_never_their_record
}

fn notice(number: u128, account: AccountId, at_ms: i64) -> NoticeRecord {
    NoticeRecord {
        tag: NoticeTag::Notice,
        v: 1,
        notice_id: id(number),
        account_id: account,
        kind: NoticeKind::Outbid,
        item_id: id(1),
        title: "Clock".into(),
        currency: "USD".into(),
        price_minor: 100,
        sequence: 1,
        at_ms,
    }
}

/// A cell of the hammer prices in dollars.
pub(crate) fn measure(window_start_ms: i64, partition: u32, count: i64, sum: i64) -> MeasureRecord {
    MeasureRecord {
        kind: MeasureTag::Measure,
        v: 1,
        measure: Measure::Hammer,
        window_start_ms,
        dimension: String::new(),
        currency: "USD".into(),
        partition,
        count,
        sum,
    }
}

async fn notices_are_unread_until_seen(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    let (ada, ben) = (account("ada@example.org"), account("ben@example.org"));
    house.database.create_account(&ada).await.unwrap();
    let mut received_ms = Vec::new();
    // The later the notice, the longer ago what it tells of: only when it was received counts.
    for (number, to, at_ms) in [(1, &ada, 30), (2, &ada, 20), (3, &ben, 40), (4, &ada, 10), (1, &ada, 30)] {
        received_ms.push(house.append(topics::NOTICES, id(1), &notice(number, to.account_id, at_ms)).await.append_ms);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    house.project_all().await;
    let database = &house.database;

    assert_eq!(database.unread_notices(ada.account_id).await.unwrap(), 3, "the copy is one notice");
    let page = database.notices(ada.account_id, None, 2).await.unwrap();
    assert_eq!(page.rows.iter().map(|row| row.notice_id).collect::<Vec<_>>(), [id(4), id(2)]);
    assert_eq!((page.rows[0].kind, page.rows[0].received_ms), (NoticeKind::Outbid, received_ms[3]));
    let rest = database.notices(ada.account_id, page.next_cursor.as_deref(), 2).await.unwrap();
    assert_eq!((rest.rows[0].notice_id, rest.next_cursor), (id(1), None));

    database.mark_notices_seen(ada.account_id, received_ms[0]).await.unwrap();
    assert_eq!(database.unread_notices(ada.account_id).await.unwrap(), 2);
    let newest = database.newest_notice_ms(ada.account_id).await.unwrap();
    assert_eq!(newest, Some(received_ms[3]));
    database.mark_notices_seen(ada.account_id, newest.unwrap()).await.unwrap();
    database.mark_notices_seen(ada.account_id, received_ms[0]).await.unwrap();
    assert_eq!(database.unread_notices(ada.account_id).await.unwrap(), 0, "what was seen stays seen");
    database.mark_notices_seen(ada.account_id, i64::MAX).await.unwrap();
    assert_eq!(database.notices_seen_up_to(ada.account_id).await.unwrap(), newest, "nothing is seen before it comes");
    assert_eq!(database.notices_seen_up_to(ben.account_id).await.unwrap(), None);
    assert_eq!(database.newest_notice_ms(id(77)).await.unwrap(), None);

    let late = notice(5, ada.account_id, 1);
    house.append(topics::NOTICES, id(1), &late).await;
    house.project_all().await;
    assert_eq!(database.unread_notices(ada.account_id).await.unwrap(), 1, "what comes late is unread");
}

async fn what_is_watched_is_listed(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    let ada = account("ada@example.org");
    house.database.create_account(&ada).await.unwrap();
    for number in 1..=3 {
        house.list(&item(number, &format!("Lot {number}"))).await;
    }
    house.project_all().await;
    for (number, at_ms) in [(3, 10), (1, 20)] {
        house.database.watch(ada.account_id, id(number), at_ms).await.unwrap();
    }

    let page = house.database.watching(ada.account_id, None, 10).await.unwrap();

    let shown: Vec<_> = page.rows.iter().map(|row| (row.item.title.as_str(), row.watched_ms)).collect();
    assert_eq!(shown, [("Lot 1", 20), ("Lot 3", 10)]);
    let mut by_id = house.database.items_by_id(&[id(3), id(2), id(77)]).await.unwrap();
    by_id.sort_by_key(|row| row.item_id);
    assert_eq!(by_id.iter().map(|row| row.title.as_str()).collect::<Vec<_>>(), ["Lot 2", "Lot 3"]);
    assert_eq!(house.database.items_by_id(&[]).await.unwrap(), []);
}

async fn measures_are_the_last_of_each_cell_summed_over_partitions(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    for (window_start_ms, partition, count, sum) in
        [(0, 0, 1, 100), (0, 1, 2, 200), (0, 0, 3, 350), (60_000, 0, 5, 500)]
    {
        house.append(topics::ANALYTICS, id(1), &measure(window_start_ms, partition, count, sum)).await;
    }
    house.project_all().await;
    let database = &house.database;

    let windows = database.measures(Measure::Hammer, 0, 60_001).await.unwrap();
    let shown: Vec<_> = windows.iter().map(|row| (row.window_start_ms, row.count, row.sum)).collect();
    assert_eq!(shown, [(0, 5, 550), (60_000, 5, 500)]);
    assert_eq!(database.measures(Measure::Hammer, 0, 60_000).await.unwrap().len(), 1, "the end is not of the range");
    assert_eq!(database.measures(Measure::Bids, 0, 60_001).await.unwrap(), []);
    let totals = database.measure_totals(Measure::Hammer).await.unwrap();
    assert_eq!((totals.len(), totals[0].count, totals[0].sum, &*totals[0].currency), (1, 10, 1_050, "USD"));
}

async fn dead_letters_show_their_cause_and_never_their_record(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    let header = |name: &'static str, value: &'static str| Header { name: name.into(), value: value.into() };
    for (topic, cause) in
        [("auctions.bids", "malformed"), ("auctions.bids", "malformed"), ("auctions.items", "unknown_type")]
    {
        let headers = vec![
            header("dead-letter-cause", cause),
            header("dead-letter-detail", "no item_id"),
            header("dead-letter-origin", "auctions.bids/1/7"),
        ];
        let value = b"{\"max_minor\":777001".to_vec();
        house.append_bytes(&format!("{topic}.dead-letters"), id(1), value, headers).await;
    }
    house.project_all().await;

    let counts = house.database.dead_letter_counts().await.unwrap();
    let shown: Vec<_> = counts.iter().map(|row| (&*row.topic, &*row.cause, row.count)).collect();
    assert_eq!(shown, [("auctions.bids", "malformed", 2), ("auctions.items", "unknown_type", 1)]);
    let first = house.database.dead_letters(None, 2).await.unwrap();
    let rest = house.database.dead_letters(first.next_cursor.as_deref(), 2).await.unwrap();
    let rows: Vec<_> = first.rows.iter().chain(&rest.rows).collect();
    assert_eq!((rows.len(), &*rows[0].origin, &*rows[0].detail), (3, "auctions.bids/1/7", "no item_id"));
    assert!(!format!("{rows:?}").contains("777001"));

    // A correction is none, and one that is resolved waits no more, whether it comes with its letter or later.
    let topic = "auctions.bids.dead-letters";
    let note = |name: &'static str, offset: u64| vec![Header { name: name.into(), value: offset.to_string().into() }];
    house.append_bytes(topic, id(1), b"{}".to_vec(), note("dead-letter-corrects", 0)).await;
    house.append_bytes(topic, id(1), Vec::new(), note("dead-letter-resolves", 0)).await;
    let third = house.append_bytes(topic, id(1), Vec::new(), Vec::new()).await;
    house.append_bytes(topic, id(1), Vec::new(), note("dead-letter-resolves", third.offset)).await;
    house.project_all().await;
    let counts = house.database.dead_letter_counts().await.unwrap();
    assert_eq!(counts.iter().map(|row| row.count).collect::<Vec<_>>(), [1, 1]);
}
