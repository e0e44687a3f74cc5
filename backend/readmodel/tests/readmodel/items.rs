//! Items: how they stand, lists, search, paging.

use gavel_auctions::wire::{Outcome, ReserveStatus};
use gavel_domain::ItemId;
use gavel_readmodel::{Database, Error, ItemQuery, ItemSort, ItemStatus, StatusFilter};

use crate::databases::{TestDatabase, on_both};
use crate::house::{House, accepted, completion, id, item};

on_both! {
    an_item_stands_as_its_history_says
    a_reserve_shows_only_how_it_stands
    whichever_topic_is_read_first_an_item_stands_the_same
    an_item_has_ended_only_once_its_outcome_is_known
    lists_are_sorted_and_filtered
    pages_neither_repeat_nor_miss
    a_foreign_cursor_is_refused
    words_are_found_in_both_databases_alike
    a_text_with_nul_does_not_stop_the_projection
}

async fn titles(database: &Database, query: ItemQuery) -> Vec<String> {
    let page = database.items(&ItemQuery { limit: 100, ..query }).await.unwrap();
    page.rows.into_iter().map(|row| row.title).collect()
}

async fn an_item_stands_as_its_history_says(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    let listed = house.list(&item(1, "Clock")).await;
    house.project_all().await;
    let before = house.database.item(id(1)).await.unwrap().unwrap();
    assert_eq!((before.price_minor, before.minimum_minor, before.sequence), (100, Some(100), 0));
    assert_eq!((before.leader_id, before.bid_count, before.listed_ms), (None, 0, listed.append_ms));

    house.decide(&accepted(id(1), 1, id(11), id(21), 100), (1, 0)).await;
    house.decide(&accepted(id(1), 2, id(12), id(22), 300), (1, 1)).await;
    let mut silent = accepted(id(1), 1, id(13), id(23), 999);
    silent.sequence = None;
    house.decide(&silent, (1, 2)).await;
    house.project_all().await;

    let after = house.database.item(id(1)).await.unwrap().unwrap();
    assert_eq!((after.price_minor, after.minimum_minor, after.sequence), (300, Some(350), 2));
    assert_eq!((after.leader_id, after.bid_count, after.ends_at_ms), (Some(id(22)), 2, 10_000));
    assert_eq!(house.database.max_sequence(id(1)).await.unwrap(), 2);
}

async fn a_reserve_shows_only_how_it_stands(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    let mut reserved = item(1, "Clock");
    reserved.reserve_minor = Some(777_001);
    house.list(&reserved).await;
    house.list(&item(2, "Vase")).await;
    house.project_all().await;
    let reserve = async |number| house.database.item(id(number)).await.unwrap().unwrap().reserve;
    assert_eq!((reserve(1).await, reserve(2).await), (ReserveStatus::NotMet, ReserveStatus::None));

    house.decide(&accepted(id(1), 1, id(11), id(21), 777_001), (1, 0)).await;
    house.project_all().await;

    assert_eq!(reserve(1).await, ReserveStatus::Met);
}

async fn whichever_topic_is_read_first_an_item_stands_the_same(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    house.complete(&completion(id(1), 2, Outcome::Sold, Some(id(21)))).await;
    house.project_all().await;
    assert_eq!(house.database.item(id(1)).await.unwrap(), None, "it is not listed yet");
    house.decide(&accepted(id(1), 1, id(11), id(21), 150), (1, 0)).await;
    house.project_all().await;
    house.list(&item(1, "Clock")).await;
    house.project_all().await;

    house.list(&item(2, "Clock")).await;
    house.decide(&accepted(id(2), 1, id(12), id(21), 150), (1, 0)).await;
    house.complete(&completion(id(2), 2, Outcome::Sold, Some(id(21)))).await;
    house.project_all().await;

    let first = house.database.item(id(1)).await.unwrap().unwrap();
    let mut second = house.database.item(id(2)).await.unwrap().unwrap();
    assert_eq!((first.outcome, first.price_minor, first.winner_id), (Some(Outcome::Sold), 200, Some(id(21))));
    assert_eq!((first.minimum_minor, first.sequence, first.ends_at_ms), (None, 2, 10_000));
    (second.item_id, second.listed_ms) = (first.item_id, first.listed_ms);
    assert_eq!(first, second);
}

async fn an_item_has_ended_only_once_its_outcome_is_known(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    let mut later = item(1, "Clock");
    later.starts_at_ms = 500;
    house.list(&later).await;
    house.project_all().await;
    let row = house.database.item(id(1)).await.unwrap().unwrap();
    assert_eq!(row.status(499), ItemStatus::Scheduled);
    assert_eq!(row.status(500), ItemStatus::Open);
    assert_eq!(row.status(99_999), ItemStatus::Open, "no clock ends an auction");

    house.complete(&completion(id(1), 1, Outcome::Unsold, None)).await;
    house.project_all().await;

    let row = house.database.item(id(1)).await.unwrap().unwrap();
    assert_eq!((row.status(0), row.outcome, row.winner_id), (ItemStatus::Ended, Some(Outcome::Unsold), None));
}

/// Four items: a clock that ends last and leads in price, a vase that ends first, a map to come, and a lamp that ended.
async fn four_items(house: &House) {
    for (number, title, category, starts_at_ms, ends_at_ms) in [
        (1, "Clock", "art", 0, 9_000),
        (2, "Vase", "art", 0, 5_000),
        (3, "Map", "books", 2_000, 6_000),
        (4, "Lamp", "books", 0, 10_000),
    ] {
        let mut listed = item(number, title);
        (listed.category, listed.starts_at_ms, listed.ends_at_ms) = (category.into(), starts_at_ms, ends_at_ms);
        house.list(&listed).await;
    }
    let mut bid = accepted(id(1), 1, id(11), id(21), 900);
    bid.ends_at_ms = Some(9_000);
    house.decide(&bid, (1, 0)).await;
    house.complete(&completion(id(4), 1, Outcome::Unsold, None)).await;
    house.project_all().await;
}

async fn lists_are_sorted_and_filtered(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    four_items(&house).await;
    let query = |status, sort| ItemQuery { status, sort, now_ms: 1_000, ..ItemQuery::default() };
    let list = async |status, sort| titles(&house.database, query(status, sort)).await;

    assert_eq!(list(StatusFilter::Any, ItemSort::EndingSoon).await, ["Vase", "Map", "Clock", "Lamp"]);
    assert_eq!(list(StatusFilter::Open, ItemSort::EndingSoon).await, ["Vase", "Clock"]);
    assert_eq!(list(StatusFilter::Scheduled, ItemSort::EndingSoon).await, ["Map"]);
    assert_eq!(list(StatusFilter::Ended, ItemSort::EndingSoon).await, ["Lamp"]);
    assert_eq!(list(StatusFilter::Open, ItemSort::PriceLow).await, ["Vase", "Clock"]);
    assert_eq!(list(StatusFilter::Open, ItemSort::PriceHigh).await, ["Clock", "Vase"]);
    assert_eq!(list(StatusFilter::Open, ItemSort::MostBids).await, ["Clock", "Vase"]);
    assert_eq!(list(StatusFilter::Any, ItemSort::Newest).await.len(), 4);
    let books = ItemQuery { categories: vec!["books".into()], ..ItemQuery::default() };
    assert_eq!(titles(&house.database, books).await, ["Map", "Lamp"]);
    let counts = house.database.category_counts(1_000).await.unwrap();
    assert_eq!(counts.iter().map(|c| (c.category.as_str(), c.count)).collect::<Vec<_>>(), [("art", 2)]);
}

async fn pages_neither_repeat_nor_miss(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    for number in 1..=23 {
        // Equal ends and prices, so that only the id tells them apart.
        let mut listed = item(number, &format!("Lot {number}"));
        listed.ends_at_ms = 10_000 + i64::try_from(number / 4).unwrap();
        house.list(&listed).await;
        if number % 5 == 0 {
            house.complete(&completion(id(number), 1, Outcome::Unsold, None)).await;
        }
    }
    house.project_all().await;

    for sort in [ItemSort::EndingSoon, ItemSort::Newest, ItemSort::PriceLow, ItemSort::PriceHigh, ItemSort::MostBids] {
        let whole = house.database.items(&ItemQuery { sort, limit: 100, ..ItemQuery::default() }).await.unwrap();
        assert_eq!((whole.rows.len(), whole.next_cursor), (23, None));
        let mut paged: Vec<ItemId> = Vec::new();
        let mut cursor = None;
        loop {
            let query = ItemQuery { sort, limit: 4, cursor, ..ItemQuery::default() };
            let page = house.database.items(&query).await.unwrap();
            paged.extend(page.rows.iter().map(|row| row.item_id));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let whole: Vec<ItemId> = whole.rows.iter().map(|row| row.item_id).collect();
        assert_eq!(paged, whole, "{sort:?}");
    }
    let seller = house.database.items_of_seller(id(900), None, 20).await.unwrap();
    assert_eq!((seller.rows.len(), seller.next_cursor.is_some()), (20, true));
    let rest = house.database.items_of_seller(id(900), seller.next_cursor.as_deref(), 20).await.unwrap();
    assert_eq!((rest.rows.len(), rest.next_cursor), (3, None));
}

async fn a_foreign_cursor_is_refused(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    four_items(&house).await;
    let page = house.database.items(&ItemQuery { limit: 1, ..ItemQuery::default() }).await.unwrap();

    for cursor in [page.next_cursor.unwrap(), "newest~x~y".into(), "newest".into(), "'; DROP TABLE items".into()] {
        let query = ItemQuery { sort: ItemSort::Newest, cursor: Some(cursor.clone()), ..ItemQuery::default() };
        let refused = house.database.items(&query).await;
        assert!(matches!(refused, Err(Error::BadCursor)), "{cursor}: {refused:?}");
    }
}

async fn words_are_found_in_both_databases_alike(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    let mut camera = item(1, "Leica M3, 50mm f/2 — Art-Déco case");
    camera.description = "An O'Brien family piece. Ünïque! C++ 3.5\" 日本語".into();
    house.list(&camera).await;
    house.list(&item(2, "Camera strap")).await;
    house.project_all().await;

    for (text, found) in [
        ("leica", vec![1]),
        ("LEI m3", vec![1]),
        ("art deco", vec![]),
        ("art déco", vec![1]),
        ("50mm", vec![1]),
        ("o'brien", vec![1]),
        ("ÜNÏQUE", vec![1]),
        ("日本", vec![1]),
        ("leica strap", vec![]),
        ("cam", vec![2]),
        ("case OR strap", vec![]),
        ("\"leica\" & !strap:* -- ' ; )", vec![]),
        ("'leica' | (m3)", vec![1]),
        ("NEAR", vec![]),
        ("  ... ", vec![1, 2]),
        ("", vec![1, 2]),
    ] {
        let query = ItemQuery { text: Some(text.into()), limit: 10, ..ItemQuery::default() };
        let rows = house.database.items(&query).await.unwrap().rows;
        let ids: Vec<ItemId> = rows.iter().map(|row| row.item_id).collect();
        let expected: Vec<ItemId> = found.into_iter().map(id).collect();
        assert_eq!(ids, expected, "{text:?}");
    }
}

async fn a_text_with_nul_does_not_stop_the_projection(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    house.list(&item(1, "Clock\0work")).await;
    house.project_all().await;

    let row = house.database.item(id(1)).await.unwrap().unwrap();

    assert_eq!(row.title, "Clock\u{fffd}work");
}
