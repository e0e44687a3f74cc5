//! What `build` refuses, and how a topology prints.

use crate::processor::{Context, Processor, ProcessorError, SourceRecord, Timer};
use crate::topology::{Topology, TopologyBuilder, TopologyError};

struct Idle;

impl Processor for Idle {
    fn process(&mut self, _: &mut dyn Context, _: &SourceRecord) -> Result<(), ProcessorError> {
        Ok(())
    }

    fn punctuate(&mut self, _: &mut dyn Context, _: &Timer) -> Result<(), ProcessorError> {
        Ok(())
    }
}

fn joined() -> TopologyBuilder {
    Topology::builder("bidding")
        .source("items", "auctions.items")
        .source("bids", "auctions.bids")
        .clock("bids", "tick")
        .processor("auctioneer", || Idle, &["items", "bids"])
        .store("auctions", &["auctioneer"])
        .sink("history", "auctions.bids.history", &["auctioneer"])
}

#[test]
fn describes_itself() {
    let topology = joined().build().unwrap();
    insta::assert_snapshot!(topology.describe(), @r"
    Topology: bidding
      Source: items (topic: auctions.items)
        --> auctioneer
      Source: bids (topic: auctions.bids, clock)
        --> auctioneer
      Processor: auctioneer (stores: [auctions])
        --> history
        <-- items, bids
      Stores: [task, auctions] (changelog: bidding.changelog)
      Sink: history (topic: auctions.bids.history)
        <-- auctioneer
    ");
    let names: Vec<String> = topology.topics(3).iter().map(|spec| spec.name.to_string()).collect();
    let expected = ["bidding.changelog", "auctions.items.dead-letters", "auctions.bids.dead-letters"];
    assert_eq!(names, expected);
}

#[test]
fn refuses_what_cannot_run() {
    let unknown_source = |child: &str| TopologyError::UnknownSource { child: child.into(), source_name: "x".into() };
    let unknown_processor =
        |child: &str| TopologyError::UnknownProcessor { child: child.into(), processor: "x".into() };
    let duplicate = |name: &str| TopologyError::Duplicate(name.into());
    let cases = [
        (Topology::builder("t"), TopologyError::NoSource("t".into())),
        (Topology::builder("t").source("a", "a"), TopologyError::NoProcessor("t".into())),
        (joined().clock("bids", "tick"), TopologyError::TwoClocks("bidding".into())),
        (
            Topology::builder("t").source("a", "a").clock("x", "").processor("p", || Idle, &["a"]),
            unknown_source("the clock"),
        ),
        (joined().processor("p", || Idle, &["x"]), unknown_source("p")),
        (joined().processor("p", || Idle, &[]), TopologyError::Unconnected("p".into())),
        (joined().source("s", "other"), TopologyError::Unconnected("s".into())),
        (joined().store("s", &["x"]), unknown_processor("s")),
        (joined().store("s", &[]), TopologyError::Unconnected("s".into())),
        (joined().store("s", &["auctioneer", "auctioneer"]), TopologyError::SharedStore("s".into())),
        (joined().store("task", &["auctioneer"]), duplicate("task")),
        (joined().sink("s", "out", &["x"]), unknown_processor("s")),
        (joined().sink("s", "out", &[]), TopologyError::Unconnected("s".into())),
        (joined().sink("items", "out", &["auctioneer"]), duplicate("items")),
        (joined().source("again", "auctions.bids"), duplicate("auctions.bids")),
        (joined().sink("a b", "out", &["auctioneer"]), TopologyError::BadName("a b".into())),
    ];
    for (builder, expected) in cases {
        assert_eq!(builder.build().unwrap_err(), expected);
    }
}

#[test]
fn elsewhere_it_reads_under_one_prefix_and_writes_under_another() {
    let elsewhere = joined().build().unwrap().relocated("old.", "new.");
    assert_eq!(elsewhere.group(), "gavel.new.bidding");
    assert_eq!(elsewhere.source_topics().collect::<Vec<_>>(), ["old.auctions.items", "old.auctions.bids"]);
    assert!(elsewhere.sink_topics().all(|topic| topic.starts_with("new.")));
    let internal: Vec<_> = elsewhere.topics(1).into_iter().map(|spec| spec.name.to_string()).collect();
    let dead_letters = ["new.auctions.items.dead-letters", "new.auctions.bids.dead-letters"];
    assert_eq!(internal, [&["new.bidding.changelog"][..], &dead_letters].concat());
}
