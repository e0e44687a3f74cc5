//! The audit: events in sequence, receipts, own bids.

use gavel_auctions::wire::history::HistoryKind;
use gavel_auctions::wire::{Decision, FirstDecision, Outcome, topics};
use gavel_domain::AccountId;
use gavel_log::Header;
use gavel_readmodel::{CommandPosition, ProjectedOffset};

use crate::databases::{TestDatabase, on_both};
use crate::house::{House, accepted, completion, id, item};

on_both! {
    events_come_in_sequence_and_as_they_are_in_the_log
    a_receipt_tells_the_first_decision
    a_withdrawal_has_a_receipt_of_its_own
    own_bids_show_the_last_decision_per_item
}

async fn events_come_in_sequence_and_as_they_are_in_the_log(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    for sequence in 1..=3 {
        let mut value = serde_json::to_value(accepted(id(1), sequence, id(sequence.into()), id(21), 100)).unwrap();
        value["a_field_of_a_later_version"] = "kept".into();
        house.append("auctions.bids.history", id(1), &value).await;
    }
    let mut rejected = accepted(id(1), 1, id(9), id(22), 100);
    (rejected.sequence, rejected.decision) = (None, Decision::TooLow);
    house.decide(&rejected, (1, 9)).await;
    house.decide(&accepted(id(2), 1, id(10), id(21), 100), (0, 0)).await;
    house.complete(&completion(id(1), 4, Outcome::Sold, Some(id(21)))).await;
    house.project_all().await;

    let events = house.database.events_after(id(1), 1, 100).await.unwrap();
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [2, 3, 4]);
    let value: serde_json::Value = serde_json::from_str(&events[0].record).unwrap();
    assert_eq!((&value["type"], &value["a_field_of_a_later_version"]), (&"bid_decided".into(), &"kept".into()));
    assert!(events[2].record.contains("item_completed"));
    let some = house.database.events_after(id(1), 0, 2).await.unwrap();
    assert_eq!(some.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2], "at most as many as asked for");
    assert_eq!(house.database.events_after(id(1), 4, 100).await.unwrap(), []);
    let page = house.database.event_page(id(1), 1, 2).await.unwrap();
    assert_eq!(page.events, events[..2]);
    let offsets = house.database.projected_offsets().await.unwrap();
    let of_events = |offset: &ProjectedOffset| [topics::HISTORY, topics::COMPLETE].contains(&&*offset.partition.topic);
    let mut projected = page.projected;
    projected.sort_by_key(|offset| (offset.partition.topic.to_string(), offset.partition.partition));
    assert_eq!(projected, offsets.into_iter().filter(of_events).collect::<Vec<_>>());
    assert_eq!(house.database.max_sequence(id(1)).await.unwrap(), 4);
    assert_eq!(house.database.max_sequence(id(77)).await.unwrap(), 0);
}

async fn a_receipt_tells_the_first_decision(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    let first = accepted(id(1), 1, id(11), id(21), 100);
    let mut copy = first.clone();
    (copy.sequence, copy.decision, copy.received_ms) = (None, Decision::Duplicate, 5_000);
    copy.first = Some(FirstDecision {
        decision: Decision::Accepted,
        sequence: Some(1),
        price_minor: Some(100),
        minimum_minor: Some(150),
        leading: true,
        at_ms: first.at_ms,
        received_ms: first.received_ms,
    });
    house.decide(&first, (1, 40)).await;
    house.decide(&copy, (1, 41)).await;
    house.project_all().await;

    // A copy that was sent back to one topology, edited even, is nobody else's.
    let sent_back = vec![Header { name: "dead-letter-topology".into(), value: "notices".into() }];
    let edited = serde_json::to_vec(&accepted(id(1), 1, id(11), id(21), 999)).unwrap();
    house.append_bytes(topics::HISTORY, id(1), edited, sent_back).await;
    house.project_all().await;

    let receipt = house.database.receipt(id(11)).await.unwrap().unwrap();

    assert_eq!(receipt.record, first);
    assert_eq!(house.database.events_after(id(1), 0, 10).await.unwrap().len(), 1);
    assert_eq!(receipt.command, Some(CommandPosition { partition: 1, offset: 40 }));
    assert_eq!(house.database.receipt(id(12)).await.unwrap(), None);
}

async fn a_withdrawal_has_a_receipt_of_its_own(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    let mut withdrawal = accepted(id(1), 1, id(11), id(900), 100);
    (withdrawal.kind, withdrawal.decision) = (HistoryKind::WithdrawalDecided, Decision::Withdrawn);
    (withdrawal.bid_id, withdrawal.command_id) = (None, Some(id(50)));
    house.decide(&withdrawal, (1, 7)).await;
    house.project_all().await;

    let receipt = house.database.command_receipt(id(50)).await.unwrap().unwrap();

    assert_eq!((receipt.record, receipt.command.unwrap().offset), (withdrawal, 7));
    assert_eq!(house.database.command_receipt(id(11)).await.unwrap(), None);
}

async fn own_bids_show_the_last_decision_per_item(fresh: &TestDatabase) {
    let house = House::open(fresh).await;
    let (ada, ben): (AccountId, AccountId) = (id(21), id(22));
    for number in 1..=3 {
        house.list(&item(number, &format!("Lot {number}"))).await;
    }
    // On lot 1 Ada was outbid and then bid too low; on lot 2 she won; on lot 3 only Ben bid.
    house.decide(&accepted(id(1), 1, id(11), ada, 100), (1, 0)).await;
    house.decide(&accepted(id(1), 2, id(12), ben, 200), (1, 1)).await;
    let mut low = accepted(id(1), 3, id(13), ada, 200);
    (low.sequence, low.decision, low.leader_id) = (None, Decision::TooLow, Some(ben));
    house.decide(&low, (1, 2)).await;
    let mut copy = low.clone();
    (copy.bid_id, copy.decision) = (Some(id(11)), Decision::Duplicate);
    house.decide(&copy, (1, 3)).await;
    house.decide(&accepted(id(2), 1, id(14), ada, 100), (0, 0)).await;
    house.complete(&completion(id(2), 2, Outcome::Sold, Some(ada))).await;
    house.decide(&accepted(id(3), 1, id(15), ben, 100), (1, 4)).await;
    house.project_all().await;

    let own = house.database.bids_of(ada, None, 10).await.unwrap();

    let shown: Vec<_> = own.rows.iter().map(|bid| (bid.item.title.as_str(), bid.decision, bid.is_leading)).collect();
    assert_eq!(shown, [("Lot 1", Decision::TooLow, false), ("Lot 2", Decision::Accepted, true)]);
    assert_eq!((own.rows[0].bid_id, own.rows[1].item.outcome), (id(13), Some(Outcome::Sold)));
    let first = house.database.bids_of(ada, None, 1).await.unwrap();
    let second = house.database.bids_of(ada, first.next_cursor.as_deref(), 1).await.unwrap();
    assert_eq!((&first.rows[..], &second.rows[..]), (&own.rows[..1], &own.rows[1..]));
    assert_eq!(second.next_cursor, None);
}
