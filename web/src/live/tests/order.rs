//! In sequence, no gap, no repeat: whatever the tail, the database and a watcher do in whichever order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gavel_auctions::wire::topics;
use gavel_domain::ItemId;
use gavel_log::TopicPartition;
use gavel_readmodel::{EventPage, ProjectedOffset};
use proptest::prelude::*;
use serde_json::Value;

use super::{PlayedArchive, aliases, completed, decided, item};
use crate::live::event::LiveEvent;
use crate::live::feed::{Archive, Feed, Outgoing};
use crate::live::hub::Hub;

/// One step of the world around a feed.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The tail reads the next record of the history (false) or of the completions (true).
    Read(bool),
    /// The database projects the next record of that topic.
    Project(bool),
    /// The feed takes what is there.
    Take,
    /// A rebuild empties the database.
    Clear,
    /// The hub is told how far the database is.
    Ask,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Read(false)),
        1 => Just(Step::Read(true)),
        4 => Just(Step::Project(false)),
        1 => Just(Step::Project(true)),
        3 => Just(Step::Take),
        1 => Just(Step::Clear),
        1 => Just(Step::Ask),
    ];
    proptest::collection::vec(step, 0..80)
}

/// The history (with decisions that are nobody's but the bidder's) and the completion of one item.
fn world(count: u64) -> [Vec<LiveEvent>; 2] {
    let mut history = Vec::new();
    for sequence in 1..count {
        history.push(decided(history.len() as u64, Some(sequence), sequence));
        if sequence % 3 == 0 {
            history.push(decided(history.len() as u64, None, 1_000 + sequence));
        }
    }
    [history, vec![completed(0, count)]]
}

struct World {
    hub: Arc<Hub>,
    archive: PlayedArchive,
    topics: [Vec<LiveEvent>; 2],
    read: [usize; 2],
    projected: [usize; 2],
}

impl World {
    fn new(count: u64, capacity: usize) -> Self {
        let hub = Hub::with_capacity(capacity);
        let archive = PlayedArchive::default();
        Self { hub, archive, topics: world(count), read: [0; 2], projected: [0; 2] }
    }

    fn read(&mut self, topic: usize) {
        if let Some(event) = self.topics[topic].get(self.read[topic]) {
            self.hub.publish(vec![event.clone()]);
            self.read[topic] += 1;
        }
    }

    fn project(&mut self, topic: usize) {
        if let Some(event) = self.topics[topic].get(self.projected[topic]) {
            self.archive.project(event);
            self.projected[topic] += 1;
            self.hub.projected(&event.partition, event.offset + 1);
        }
    }

    /// Whatever the hub knows, the database has nothing any more.
    fn clear(&mut self) {
        self.archive.clear();
        self.projected = [0; 2];
    }

    /// What the tail does first: it reads from where the database is.
    fn begin(&mut self) {
        self.read = self.projected;
        self.hub.begin(&self.archive.projected());
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Read(topic) => self.read(usize::from(topic)),
            Step::Project(topic) => self.project(usize::from(topic)),
            Step::Clear => self.clear(),
            Step::Ask => self.hub.all_projected(&self.archive.projected()),
            Step::Take => {}
        }
    }

    /// Reads and projects all that is left.
    fn finish(&mut self) {
        for topic in [1, 0] {
            (0..self.topics[topic].len()).for_each(|_| self.read(topic));
            (0..self.topics[topic].len()).for_each(|_| self.project(topic));
        }
    }
}

/// Takes what there is, until nothing comes for longer than the feed pauses between two questions.
async fn take(feed: &mut Feed<PlayedArchive>, out: &mut Vec<Outgoing>) {
    while let Ok(step) = tokio::time::timeout(Duration::from_secs(3), feed.next(out)).await {
        step.unwrap();
    }
}

fn sequences(out: &[Outgoing]) -> Vec<u64> {
    let sequence = |outgoing: &Outgoing| serde_json::from_str::<Value>(&outgoing.text).unwrap()["sequence"].as_u64();
    out.iter().filter_map(sequence).collect()
}

proptest! {
    #[test]
    fn a_feed_gives_every_sequence_after_its_own_once_in_order(
        projected in (0_usize..12, 0_usize..2), before in steps(), after_start in steps(), count in 2_u64..12,
        after in 0_u64..14, capacity in 1_usize..30,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(count, capacity);
            (0..projected.0).for_each(|_| world.project(0));
            (0..projected.1).for_each(|_| world.project(1));
            world.begin();
            before.into_iter().for_each(|step| world.step(step));
            let mut out = Vec::new();
            let mut feed = Feed::open(&world.hub, world.archive.clone(), &aliases(), &[(item(), after)]);
            for step in after_start {
                match step {
                    Step::Take => {
                        let _ = tokio::time::timeout(Duration::from_millis(1), feed.next(&mut out)).await;
                    }
                    step => world.step(step),
                }
            }
            world.finish();
            take(&mut feed, &mut out).await;
            assert_eq!(sequences(&out), (after + 1..=count).collect::<Vec<_>>());
        });
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_comes_ends_the_feed() {
    let mut world = World::new(3, 10);
    let mut feed = Feed::open(&world.hub, world.archive.clone(), &aliases(), &[(item(), 0)]);
    world.read(1);
    let mut out = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(120), async { while feed.next(&mut out).await.is_ok() {} });
    ended.await.expect("the feed gives up before two minutes have passed");
    assert!(out.is_empty());
}

#[tokio::test]
async fn a_decision_is_answered_to_all_who_wait_and_found_until_it_is_projected() {
    let world = World::new(2, 10);
    let event = decided(0, None, 7);
    let key = event.receipt().unwrap().record.bid_id.unwrap();
    let mut first = world.hub.expect(key, Instant::now());
    let mut second = world.hub.expect(key, Instant::now());
    drop(world.hub.expect(key, Instant::now()));
    world.hub.publish(vec![event]);
    assert_eq!(first.decided().await, second.decided().await);
    assert_eq!(world.hub.receipt(key).unwrap().command.unwrap().offset, 7);
    drop((first, second));
    assert_eq!(world.hub.load(), (1, 0));
    world.hub.projected(&TopicPartition::new(topics::HISTORY, 0), 1);
    assert_eq!(world.hub.receipt(key), None);
    assert_eq!(world.hub.load(), (0, 0));
}

#[tokio::test]
async fn the_newest_standing_is_of_the_highest_sequence() {
    let mut world = World::new(4, 10);
    assert!(world.hub.recent(item()).is_none());
    world.read(0);
    world.read(0);
    assert_eq!(world.hub.recent(item()).unwrap().sequence(), 2);
    world.read(1);
    let standing = world.hub.recent(item()).unwrap();
    assert_eq!((standing.sequence(), standing.decided().unwrap().sequence), (4, Some(2)));
}

#[tokio::test(start_paused = true)]
async fn a_hot_item_under_lag_can_be_watched() {
    let count = crate::live::mailbox::CAPACITY as u64 * 2;
    let mut world = World::new(2, 50_000);
    world.topics[0] = (1..=count).map(|sequence| decided(sequence - 1, Some(sequence), sequence)).collect();
    world.project(0);
    world.begin();
    // The first is in the database, which takes its time to answer; all others are held.
    (1..count).for_each(|_| world.read(0));
    let mut feed = Feed::open(&world.hub, world.archive.clone(), &aliases(), &[(item(), 0)]);
    world.hub.publish(vec![decided(count, Some(count + 1), count + 1)]);
    let mut out = Vec::new();
    take(&mut feed, &mut out).await;
    assert_eq!(sequences(&out), (1..=count + 1).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_database_that_came_back_is_no_longer_held_against_anyone() {
    let mut world = World::new(6, 10);
    let archive = FailingArchive { fails: Arc::new(AtomicU32::new(1)), played: world.archive.clone() };
    let mut feed = Feed::open(&world.hub, archive, &aliases(), &[(item(), 0)]);
    let mut out = Vec::new();
    let _ =
        tokio::time::timeout(Duration::from_secs(3_600), async { while feed.next(&mut out).await.is_ok() {} }).await;
    world.read(1);
    let _ = tokio::time::timeout(Duration::from_secs(1), feed.next(&mut out)).await.map(|step| step.unwrap());
    world.finish();
    let rest = async {
        while sequences(&out).len() < 6 {
            feed.next(&mut out).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), rest).await.unwrap();
}

/// Fails so many times first.
#[derive(Clone)]
struct FailingArchive {
    fails: Arc<AtomicU32>,
    played: PlayedArchive,
}

impl Archive for FailingArchive {
    async fn event_page(&self, item_id: ItemId, after: u64, limit: u32) -> gavel_readmodel::Result<EventPage> {
        if self.fails.load(Ordering::Relaxed) > 0 {
            self.fails.fetch_sub(1, Ordering::Relaxed);
            return Err(gavel_readmodel::Error::Unexpected("for the test".into()));
        }
        self.played.event_page(item_id, after, limit).await
    }
}

#[tokio::test(start_paused = true)]
async fn no_sequence_is_too_high_to_ask_after() {
    let mut world = World::new(3, 10);
    let mut feed = Feed::open(&world.hub, world.archive.clone(), &aliases(), &[(item(), u64::MAX)]);
    world.finish();
    let mut out = Vec::new();
    take(&mut feed, &mut out).await;
    assert!(out.is_empty());
    assert!(world.hub.events_after(item(), u64::MAX).is_empty());
}

#[tokio::test]
async fn what_the_tail_reads_while_the_database_is_rebuilt_is_held() {
    let mut world = World::new(4, 10);
    (0..3).for_each(|_| world.project(0));
    world.begin();
    world.clear();
    world.hub.all_projected(&world.archive.projected());
    world.read = [1, 0];
    world.read(0);
    assert_eq!(world.hub.recent(item()).map(|standing| standing.sequence()), Some(2));
}

#[test]
fn an_item_is_unknown_only_where_no_listing_was_lost() {
    let hub = Hub::with_capacity(1);
    let listings = |next| [ProjectedOffset { partition: TopicPartition::new(topics::ITEMS, 0), next }];
    assert!(!hub.has_begun());
    hub.begin(&listings(7));
    assert!(hub.has_begun());
    assert!(!hub.misses_listings(&listings(7)) && !hub.misses_listings(&listings(8)));
    assert!(hub.misses_listings(&listings(6)) && hub.misses_listings(&[]));
}
