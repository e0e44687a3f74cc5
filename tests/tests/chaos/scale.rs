//! Scaling out: workers join, leave, crash, are restarted one after the other, and wake after they were taken for dead.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_log::{Cleanup, Log, TopicSpec};
use gavel_tests::ground::{Ground, servers};
use gavel_tests::house::{House, run};
use gavel_tests::kafka::Kafka;
use gavel_tests::postgres::create_database;
use gavel_tests::process::wait_until;

use crate::alone;
use crate::audit::audit;
use crate::market::Market;
use crate::probes::Probes;

const PARTITIONS: u32 = 4;
const TOPOLOGIES: u32 = 3;
const SESSION_TIMEOUT: Duration = Duration::from_secs(4);
const PLANNED: Promise = Promise { silence: Duration::ZERO, beyond: Duration::from_secs(1) };
const CRASHED: Promise = Promise { silence: SESSION_TIMEOUT, beyond: Duration::from_secs(2) };
/// A small machine that runs a broker, a database and four processes besides may be so many times slower.
const SLOWNESS: u32 = 2;
/// How often a worker is made a zombie, until it was one with a unit of work in hand.
const BURIALS_MAX: usize = 20;
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn workers_come_and_go_and_nothing_is_lost_doubled_or_reordered() -> Result<()> {
    let _alone = alone().await;
    let Some((_guard, _, postgres)) = servers().await else { return Ok(()) };
    let kafka = Kafka::start()?;
    let timeout_ms = SESSION_TIMEOUT.as_millis().to_string();
    let mut ground = Ground::scaled(&kafka.bootstrap(), &postgres, 1, 2, &["--session-timeout-ms", &timeout_ms])?;
    let market = Market::open(&[ground.url()], 1).await?;
    let mut house = Scaled { probes: Probes::start(&ground.url(), PARTITIONS).await?, ground: &mut ground };

    house.settle("two workers", None, |_| Ok(()))?;
    house.settle("a third joins", Some(PLANNED), |ground| ground.add("work").map(drop))?;
    house.settle("it leaves", Some(PLANNED), |ground| ground.processes()[3].stop())?;
    house.settle("another crashes", Some(CRASHED), |ground| {
        ground.processes()[2].kill();
        Ok(())
    })?;
    house.settle("it comes back", Some(PLANNED), |ground| revive(&mut ground.processes()[2]))?;
    for worker in [1, 2] {
        house.settle("a rolling restart", Some(PLANNED), |ground| {
            ground.processes()[worker].stop()?;
            revive(&mut ground.processes()[worker])
        })?;
    }
    house.bury_and_wake_until_fenced()?;

    house.probes.stop().await?;
    audit(&ground, &kafka.bootstrap(), &market.close().await?).await
}

/// How long nobody decides.
#[derive(Debug)]
struct Promise {
    /// For so long it is not known that the owner is gone.
    silence: Duration,
    /// And so long after that.
    beyond: Duration,
}

impl Promise {
    fn limit(&self) -> Duration {
        self.silence + self.beyond * SLOWNESS
    }
}

struct Scaled<'a> {
    ground: &'a mut Ground,
    probes: Probes,
}

impl Scaled<'_> {
    /// Does something to the house, waits until every partition has one owner who decides, and tells how long nobody did.
    #[expect(clippy::print_stderr, reason = "the figures are part of what the test is for")]
    fn settle(
        &mut self,
        what: &str,
        promised: Option<Promise>,
        change: impl FnOnce(&mut Ground) -> Result<()>,
    ) -> Result<()> {
        let since = Instant::now();
        change(self.ground)?;
        self.wait_until_settled(what)?;
        let gap = self.probes.longest_gap_since(since);
        eprintln!(
            "{what}: {} ms without a decision, settled after {} ms",
            gap.as_millis(),
            since.elapsed().as_millis()
        );
        if let Some(promised) = promised {
            ensure!(gap < promised.limit(), "{what}: {gap:?} without a decision; promised are {promised:?}");
        }
        Ok(())
    }

    fn wait_until_settled(&mut self, what: &str) -> Result<()> {
        let changed = Instant::now();
        let (ground, probes) = (&mut *self.ground, &self.probes);
        wait_until(what, SETTLED_WITHIN, || {
            let workers = &ground.processes()[1..];
            let owners: f64 = workers.iter().map(|worker| worker.measure("gavel_streams_running", "")).sum();
            owners == f64::from(PARTITIONS * TOPOLOGIES) && probes.all_decided_after(changed)
        })
    }

    /// Whether a zombie learns of it from its group or, with a unit of work in hand, by being fenced, is chance: what it must do then is
    /// the same. The latter is counted.
    fn bury_and_wake_until_fenced(&mut self) -> Result<()> {
        let fencings = |house: &mut Self| house.ground.processes()[1].measure("gavel_streams_fencings_total", "");
        let before = fencings(self);
        for _ in 0..BURIALS_MAX {
            self.bury_and_wake()?;
            if fencings(self) > before {
                return Ok(());
            }
        }
        bail!("a zombie with work in hand was never fenced, or did not count it")
    }

    /// A worker that stands still past the session timeout is taken for dead. Awake again, it finds that it was, and takes
    /// part again.
    fn bury_and_wake(&mut self) -> Result<()> {
        let lost = |zombie: &House| {
            zombie.measure("gavel_streams_rejoins_total", "") + zombie.measure("gavel_streams_rebalances_total", "")
        };
        let before = lost(&self.ground.processes()[1]);
        self.settle("a worker stands still", Some(CRASHED), |ground| ground.processes()[1].process()?.signal("STOP"))?;
        self.settle("it wakes", Some(PLANNED), |ground| ground.processes()[1].process()?.signal("CONT"))?;
        let zombie = &self.ground.processes()[1];
        wait_until("the zombie takes part again", SETTLED_WITHIN, || {
            zombie.is_ready() && zombie.measure("gavel_streams_running", "bidding") > 0.0
        })?;
        ensure!(lost(zombie) > before, "the zombie did not notice that it was taken for dead");
        Ok(())
    }
}

fn revive(house: &mut House) -> Result<()> {
    house.launch()?;
    house.wait_ready()
}

#[tokio::test]
async fn topics_that_do_not_fit_together_stop_a_worker_with_one_line() -> Result<()> {
    let _alone = alone().await;
    let Some((_guard, _, postgres)) = servers().await else { return Ok(()) };
    let kafka = Kafka::start()?;
    let log = KafkaLog::connect(&kafka.bootstrap(), KafkaOptions::default())?;
    let bids = TopicSpec { name: "auctions.bids".into(), partitions: 3, cleanup: Cleanup::Keep };
    log.create_topic(&bids)?;
    let (folder, database) = (tempfile::tempdir()?, create_database(&postgres)?);
    let place = ["--kafka", &kafka.bootstrap(), "--database", &database, "--listen", "127.0.0.1:0"];
    let refused = |command: &[&str]| -> Result<String> {
        let output = run(&[command, &place].concat(), folder.path())?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(!output.status.success() && text.trim().lines().count() == 1, "{command:?} said: {text}");
        Ok(text)
    };
    let text = refused(&["topics", "create"])?;
    ensure!(text.contains("auctions.bids") && text.contains("3 partitions"), "{text}");
    let text = refused(&["work"])?;
    ensure!(text.contains("auctions.bids") && text.contains("3 partitions"), "{text}");
    Ok(())
}
