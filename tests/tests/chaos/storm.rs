//! A storm, drawn from a seed: workers and webs are killed or stand still, broker and database are restarted under them, and
//! for a while nobody is there at all, while auctions end. `GAVEL_CHAOS_SEED` draws the same storm again,
//! `GAVEL_CHAOS_BLOWS` makes it longer, `GAVEL_CHAOS_OFFLINE_S` the time that nobody is there.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gavel_tests::ground::{Ground, servers};
use gavel_tests::house::House;
use gavel_tests::kafka::Kafka;
use gavel_tests::postgres::Postgres;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use crate::audit::audit;
use crate::market::Market;
use crate::{alone, setting};

const WEBS: usize = 2;
const WORKERS: usize = 2;
const SESSION_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a process stands still: past the session timeout.
const FREEZE: Duration = Duration::from_secs(5);
const BLOWS: usize = 8;
/// Longer than any lot of the market lives: whatever is open then ends meanwhile.
const OFFLINE_S: u64 = 60;

/// What is done to the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    KillWorker(usize),
    FreezeWorker(usize),
    KillWeb(usize),
    RestartBroker,
    RestartDatabase,
    Offline,
}

/// A blow, and the calm before it.
#[derive(Debug, Clone, Copy)]
struct Gust {
    calm: Duration,
    blow: Blow,
    /// Whether what it broke is left as it is until after the next.
    is_left: bool,
}

/// Each kind once, then any of them, in an order that the seed draws.
fn storm(seed: u64, blows: usize) -> Vec<Gust> {
    let mut random = StdRng::seed_from_u64(seed);
    let any = |kind: usize, random: &mut StdRng| match kind {
        0 => Blow::KillWorker(random.random_range(0..WORKERS)),
        1 => Blow::FreezeWorker(random.random_range(0..WORKERS)),
        2 => Blow::KillWeb(random.random_range(0..WEBS)),
        3 => Blow::RestartBroker,
        4 => Blow::RestartDatabase,
        _ => Blow::Offline,
    };
    let mut drawn: Vec<Blow> = (0..6).map(|kind| any(kind, &mut random)).collect();
    // One night is enough.
    drawn.extend((6..blows).map(|_| {
        let kind = random.random_range(0..5);
        any(kind, &mut random)
    }));
    drawn.shuffle(&mut random);
    let gust = |blow| Gust {
        calm: Duration::from_millis(random.random_range(1000..4000)),
        blow,
        is_left: random.random_ratio(1, 4),
    };
    drawn.into_iter().map(gust).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_loses_and_doubles_nothing_and_every_auction_ends_as_its_replay() -> Result<()> {
    let _alone = alone().await;
    if servers().await.is_none() {
        return Ok(());
    }
    let seed = setting("GAVEL_CHAOS_SEED", rand::rng().random())?;
    eprintln!("the storm of GAVEL_CHAOS_SEED={seed}");
    let (kafka, postgres) = (Kafka::start()?, Postgres::start()?);
    let timeout_ms = SESSION_TIMEOUT.as_millis().to_string();
    let flags = ["--session-timeout-ms", &timeout_ms, "--threads", "2"];
    let ground = Ground::scaled(&kafka.bootstrap(), &postgres.url("postgres"), WEBS, WORKERS, &flags)?;
    let mut house = Struck { ground, kafka, postgres };
    let urls: Vec<String> = house.ground.processes()[..WEBS].iter().map(House::url).collect();
    let market = Market::open(&urls, seed).await?;
    for gust in storm(seed, setting("GAVEL_CHAOS_BLOWS", BLOWS)?) {
        tokio::time::sleep(gust.calm).await;
        let since = Instant::now();
        house.strike(gust.blow).await?;
        let struck = since.elapsed();
        if !gust.is_left {
            house.mend()?;
        }
        eprintln!("{gust:?}: done in {} ms, mended in {}", struck.as_millis(), (since.elapsed() - struck).as_millis());
    }
    house.mend()?;
    let ledger = market.close().await?;
    ensure!(!ledger.items.is_empty() && ledger.bidders.iter().all(|bids| !bids.is_empty()), "nothing was sold");
    audit(&house.ground, &house.kafka.bootstrap(), &ledger).await
}

struct Struck {
    ground: Ground,
    kafka: Kafka,
    postgres: Postgres,
}

impl Struck {
    async fn strike(&mut self, blow: Blow) -> Result<()> {
        let processes = self.ground.processes();
        match blow {
            Blow::KillWorker(worker) => processes[WEBS + worker].kill(),
            Blow::KillWeb(web) => processes[web].kill(),
            Blow::FreezeWorker(worker) => {
                // One that was killed before, and not mended, stands still anyway.
                if let Ok(process) = processes[WEBS + worker].process() {
                    process.signal("STOP")?;
                    tokio::time::sleep(FREEZE).await;
                    process.signal("CONT")?;
                }
            }
            Blow::RestartBroker => self.kafka.restart()?,
            Blow::RestartDatabase => self.postgres.restart()?,
            Blow::Offline => {
                self.ground.kill();
                tokio::time::sleep(Duration::from_secs(setting("GAVEL_CHAOS_OFFLINE_S", OFFLINE_S)?)).await;
            }
        }
        Ok(())
    }

    fn mend(&mut self) -> Result<()> {
        self.ground.processes().iter_mut().try_for_each(House::revive)
    }
}
