//! A market that never rests: sellers list lots of a few seconds' life, bidders bid on them, some of it twice, and all of it
//! again until the house has acknowledged it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use gavel_tests::client::{Answer, Person};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const SELLERS: u64 = 2;
const BIDDERS: u64 = 5;
/// How often a seller lists, and a bidder bids.
const LIST_EVERY: Duration = Duration::from_millis(2500);
const BID_EVERY: Duration = Duration::from_millis(120);
/// Bids go to so many of the newest lots; some of them have ended.
const LOTS_IN_PLAY: usize = 8;
/// How long anything may stay without an acknowledgement, whatever is done to the house.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(300);
/// After which pause a request that failed is sent again.
const SEND_AGAIN: Duration = Duration::from_millis(100);

/// A bid that the house has acknowledged.
pub(crate) struct Bid {
    pub(crate) item_id: String,
    pub(crate) bid_id: String,
    /// Of each answer: the decision; `None` where it was only taken in (202).
    pub(crate) answers: Vec<Option<Value>>,
}

/// All that was acknowledged.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) items: Vec<String>,
    /// Everybody who bid.
    pub(crate) people: Vec<Person>,
    /// Of each bidder, in the order in which they bid: no bid was sent before the one before it was acknowledged.
    pub(crate) bidders: Vec<Vec<Bid>>,
}

/// A lot that can be bid on.
#[derive(Clone)]
struct Lot {
    item_id: String,
    minimum_minor: i64,
}

#[derive(Default)]
struct Board {
    lots: Mutex<Vec<Lot>>,
    is_closing: AtomicBool,
}

impl Board {
    fn lots(&self) -> std::sync::MutexGuard<'_, Vec<Lot>> {
        self.lots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_open(&self) -> bool {
        !self.is_closing.load(Ordering::Relaxed)
    }

    fn pick(&self, random: &mut StdRng) -> Option<Lot> {
        let lots = self.lots();
        let newest = &lots[lots.len().saturating_sub(LOTS_IN_PLAY)..];
        (!newest.is_empty()).then(|| newest[random.random_range(0..newest.len())].clone())
    }

    fn learn(&self, item_id: &str, decision: &Value) {
        if let (Some(minimum_minor), Some(lot)) =
            (decision["minimum_minor"].as_i64(), self.lots().iter_mut().find(|lot| lot.item_id == item_id))
        {
            lot.minimum_minor = minimum_minor;
        }
    }
}

/// A running market.
pub(crate) struct Market {
    board: Arc<Board>,
    sellers: Vec<JoinHandle<Result<Vec<String>>>>,
    bidders: Vec<JoinHandle<Result<Vec<Bid>>>>,
    people: Vec<Person>,
}

impl Market {
    /// Opens one on the webs at `urls`. The seed draws what everybody does, but not what becomes of it.
    pub(crate) async fn open(urls: &[String], seed: u64) -> Result<Self> {
        let board = Arc::<Board>::default();
        let mut market =
            Self { board: Arc::clone(&board), sellers: Vec::new(), bidders: Vec::new(), people: Vec::new() };
        for number in 0..SELLERS + BIDDERS {
            let mut actor = Actor {
                person: Person::register(&urls[0], &format!("Person{number}")).await?,
                urls: urls.to_vec(),
                random: StdRng::seed_from_u64(seed ^ (number + 1) << 32),
                board: Arc::clone(&board),
            };
            if number < SELLERS {
                market.sellers.push(tokio::spawn(async move { actor.sell().await }));
            } else {
                market.people.push(actor.person.at(&urls[0]));
                market.bidders.push(tokio::spawn(async move { actor.bid().await }));
            }
        }
        Ok(market)
    }

    /// Has everybody finish what they are at.
    pub(crate) async fn close(self) -> Result<Ledger> {
        self.board.is_closing.store(true, Ordering::Relaxed);
        let mut ledger = Ledger { people: self.people, ..Ledger::default() };
        for seller in self.sellers {
            ledger.items.extend(seller.await??);
        }
        for bidder in self.bidders {
            ledger.bidders.push(bidder.await??);
        }
        Ok(ledger)
    }
}

/// Somebody at the market.
struct Actor {
    person: Person,
    urls: Vec<String>,
    random: StdRng,
    board: Arc<Board>,
}

impl Actor {
    /// Answers the items whose listing was acknowledged.
    async fn sell(&mut self) -> Result<Vec<String>> {
        let mut pace = tokio::time::interval(LIST_EVERY);
        let mut items = Vec::new();
        while self.board.is_open() {
            pace.tick().await;
            let listing = self.listing();
            let is_listed = |answer: &Answer| answer.status == 201;
            let Some(answer) = self.acknowledged("/api/v1/items", &listing, is_listed).await? else { break };
            let item_id = answer.body["item_id"].as_str().context("an item_id")?.to_owned();
            self.board.lots().push(Lot { item_id: item_id.clone(), minimum_minor: 100 });
            if self.random.random_ratio(1, 8) {
                let is_known = |answer: &Answer| matches!(answer.status.as_u16(), 200 | 202 | 409);
                self.acknowledged(&format!("/api/v1/items/{item_id}/withdrawal"), &json!({}), is_known).await?;
            }
            items.push(item_id);
        }
        Ok(items)
    }

    fn listing(&mut self) -> Value {
        let duration_s = self.random.random_range(5..=15);
        let closing = match self.random.random_range(0..3) {
            0 => json!({"kind": "soft", "window_s": 3, "extend_s": 2, "cap_s": 6}),
            _ => json!({"kind": "hard"}),
        };
        let reserve_minor = self.random.random_ratio(1, 3).then(|| self.random.random_range(100..3000));
        json!({"title": "A lot of the market", "description": "", "category": "art", "currency": "USD",
            "starting_minor": 100, "reserve_minor": reserve_minor, "duration_s": duration_s, "closing": closing})
    }

    /// Posts until it is acknowledged; `None` if the market closed first.
    async fn acknowledged(
        &mut self,
        path: &str,
        body: &Value,
        is_acknowledged: impl Fn(&Answer) -> bool,
    ) -> Result<Option<Answer>> {
        let deadline = Instant::now() + ACKNOWLEDGED_WITHIN;
        loop {
            match self.anywhere().post(path, body).await {
                Ok(answer) if is_acknowledged(&answer) => return Ok(Some(answer)),
                Ok(answer) if !is_passing(&answer) => bail!("{path} answered {answer:?}"),
                _ if !self.board.is_open() => return Ok(None),
                _ => ensure!(Instant::now() < deadline, "{path} was not acknowledged in time"),
            }
            tokio::time::sleep(SEND_AGAIN).await;
        }
    }

    /// Answers the bids, in order.
    async fn bid(&mut self) -> Result<Vec<Bid>> {
        let mut pace = tokio::time::interval(BID_EVERY);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut bids: Vec<Bid> = Vec::new();
        while self.board.is_open() {
            pace.tick().await;
            let Some(lot) = self.board.pick(&mut self.random) else { continue };
            let max_minor = (lot.minimum_minor + self.random.random_range(-60..400)).max(1);
            let key = format!("bid-{}", bids.len());
            // Some press the button twice.
            let mut bid = if self.random.random_ratio(1, 6) {
                let (first, second) = (self.anywhere(), self.anywhere());
                let first = place(first, &lot.item_id, max_minor, &key);
                let (first, second) = tokio::join!(first, place(second, &lot.item_id, max_minor, &key));
                let (mut first, second) = (first?, second?);
                first.answers.extend(second.answers);
                first
            } else {
                self.place(&lot.item_id, max_minor, &key).await?
            };
            // Some come back later, and ask what became of it.
            if self.random.random_ratio(1, 10) {
                bid.answers.extend(self.place(&lot.item_id, max_minor, &key).await?.answers);
            }
            bid.answers.iter().flatten().for_each(|decision| self.board.learn(&lot.item_id, decision));
            bids.push(bid);
        }
        Ok(bids)
    }

    async fn place(&mut self, item_id: &str, max_minor: i64, key: &str) -> Result<Bid> {
        place(self.anywhere(), item_id, max_minor, key).await
    }

    /// At any of the webs.
    fn anywhere(&mut self) -> Places {
        let first = self.random.random_range(0..self.urls.len());
        Places { people: self.urls.iter().map(|url| self.person.at(url)).collect(), next: first }
    }
}

/// The webs, to be tried in turns.
struct Places {
    people: Vec<Person>,
    next: usize,
}

impl Places {
    fn next(&mut self) -> &Person {
        self.next += 1;
        &self.people[self.next % self.people.len()]
    }

    async fn post(&mut self, path: &str, body: &Value) -> Result<Answer> {
        self.next().post(path, body).await
    }
}

/// Sends a bid, always under its one key, until it is acknowledged.
async fn place(mut places: Places, item_id: &str, max_minor: i64, key: &str) -> Result<Bid> {
    let deadline = Instant::now() + ACKNOWLEDGED_WITHIN;
    loop {
        if let Ok(answer) = places.next().bid(item_id, max_minor, key).await {
            let is_decided = answer.body["decision"].is_string();
            if is_decided || answer.status == 202 {
                let bid_id = answer.body["bid_id"].as_str().context("a bid_id")?.to_owned();
                return Ok(Bid { item_id: item_id.into(), bid_id, answers: vec![is_decided.then_some(answer.body)] });
            }
            ensure!(is_passing(&answer), "a bid was answered {answer:?}");
        }
        ensure!(Instant::now() < deadline, "a bid was not acknowledged in time");
        tokio::time::sleep(SEND_AGAIN).await;
    }
}

/// Whether the house only cannot answer now. A lot whose listing was acknowledged while the database was away is found later.
fn is_passing(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 404 | 502..=504)
}
