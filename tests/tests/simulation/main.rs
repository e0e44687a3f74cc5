//! The simulator: the real runtime and the real topologies on a log, clocks and disks that a seed draws, faults and all.

mod clock;
mod disk;
mod gateway;
mod log;
mod mark;
mod process;
mod random;
mod regressions;
mod seat;
mod simulation;
mod trace;
mod verdict;
mod watch;
mod workload;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::anyhow;

use crate::mark::Mark;
use crate::simulation::Simulation;

/// How many seeds are played if the environment does not say.
const SEEDS: u64 = 3_000;

/// Plays one seed, and answers the hash of all that happened; or says what went wrong, and how to see it again.
fn play(seed: u64, in_words: bool) -> Result<u64, String> {
    let mut simulation = Simulation::of(seed, in_words).map_err(|error| format!("{error:#}"))?;
    let outcome = catch_unwind(AssertUnwindSafe(|| simulation.play()));
    let outcome = outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(anyhow!("a panic: {}", text.unwrap_or_default()))
    });
    outcome.map_err(|error| {
        format!(
            "{}seed {seed}: {error:#}\nto see it again: GAVEL_SIMULATION_SEED={seed} cargo test -p gavel-tests --test simulation replay",
            simulation.words()
        )
    })
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text}")))
}

#[test]
fn every_seed_keeps_the_laws() {
    let seeds = number("GAVEL_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let first = number("GAVEL_SIMULATION_FIRST").unwrap_or(0);
    let next = AtomicU64::new(first);
    let failure = Mutex::new(None);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let has_failed = failure.lock().expect("no thread panics here").is_some();
            if seed >= first + seeds || has_failed {
                break;
            }
            if let Err(error) = play(seed, false) {
                failure.lock().expect("no thread panics here").get_or_insert(error);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    if let Some(failure) = failure.into_inner().expect("no thread panics here") {
        panic!("{failure}");
    }
    let missing = Mark::missing();
    assert!(seeds < SEEDS || missing.is_empty(), "never met in {seeds} seeds: {missing:?}");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..20 {
        let [one, other] = [(), ()].map(|()| play(seed, false).unwrap_or_else(|failure| panic!("{failure}")));
        assert_eq!(one, other, "seed {seed} is played in two ways");
    }
}

/// One seed, as the environment names it, told in words.
#[test]
fn replay() {
    if let Some(seed) = number("GAVEL_SIMULATION_SEED") {
        play(seed, true).unwrap_or_else(|failure| panic!("{failure}"));
    }
}
