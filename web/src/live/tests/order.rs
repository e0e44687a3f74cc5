//! In sequence, no gap, no repeat: whatever the tail, the database and a watcher do in whichever order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gavel_log::TopicPartition;
use proptest::prelude::*;
use serde_json::Value;

use super::{PlayedArchive, completed, decided, item};
use crate::live::event::LiveEvent;
use crate::live::feed::{Feed, Outgoing};
use crate::live::flow::Flow;
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
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Read(false)),
        1 => Just(Step::Read(true)),
        4 => Just(Step::Project(false)),
        1 => Just(Step::Project(true)),
        3 => Just(Step::Take),
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
        let hub = Hub::with_capacity(Arc::new(Flow::default()), capacity);
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
        before in steps(), after_start in steps(), count in 2_u64..12, after in 0_u64..14, capacity in 1_usize..30,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(count, capacity);
            let mut out = Vec::new();
            for step in before {
                match step {
                    Step::Read(topic) => world.read(usize::from(topic)),
                    Step::Project(topic) => world.project(usize::from(topic)),
                    Step::Take => {}
                }
            }
            let mut feed = Feed::open(&world.hub, world.archive.clone(), &[(item(), after)]);
            for step in after_start {
                match step {
                    Step::Read(topic) => world.read(usize::from(topic)),
                    Step::Project(topic) => world.project(usize::from(topic)),
                    Step::Take => {
                        let _ = tokio::time::timeout(Duration::from_millis(1), feed.next(&mut out)).await;
                    }
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
    let mut feed = Feed::open(&world.hub, world.archive.clone(), &[(item(), 0)]);
    world.read(1);
    let mut out = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(120), async { while feed.next(&mut out).await.is_ok() {} });
    ended.await.expect("the feed gives up before two minutes have passed");
    assert_eq!(out, []);
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
    world.hub.projected(&TopicPartition::new(gavel_auctions::wire::topics::HISTORY, 0), 1);
    assert_eq!(world.hub.receipt(key), None);
    assert_eq!(world.hub.load(), (0, 0));
}

#[tokio::test]
async fn the_newest_standing_is_of_the_highest_sequence() {
    let mut world = World::new(4, 10);
    assert_eq!(world.hub.recent(item()), None);
    world.read(0);
    world.read(0);
    assert_eq!(world.hub.recent(item()).unwrap().sequence(), 2);
    world.read(1);
    let standing = world.hub.recent(item()).unwrap();
    assert_eq!((standing.sequence(), standing.decided().unwrap().sequence), (4, Some(2)));
}
