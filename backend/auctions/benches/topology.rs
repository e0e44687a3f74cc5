//! What a bid costs in the bidding topology alone, on one core, by how many auctions are open and how large units of work are: the
//! test driver in bulk, records that are parsed, decided and written out; no log, no file. An auction is read and written back once for
//! a unit; in small units, as under a steady load, that is once for each bid, however many are open.
//!
//! `cargo bench -p gavel-auctions --bench topology -- [BIDS]`
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "market/random.rs"]
mod random;

use std::time::Instant;

use bytes::Bytes;
use gavel_auctions::bidding;
use gavel_auctions::wire::topics;
use gavel_streams::TopologyTestDriver;
use gavel_streams::driver::START_MS;
use random::{Xorshift, id};

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const OPEN_AUCTIONS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// Bids in a unit of work: at a steady load of a few thousand a second, and while many wait.
const UNIT_BIDS: [usize; 2] = [16, 4_096];
const BIDDERS: u64 = 20_000;
/// Bids at once: what waits for the driver does not fill the caches, as it would not in a log.
const AT_ONCE: u64 = 16_384;
const LASTING_MS: i64 = 10 * 365 * 24 * 60 * 60 * 1000;

fn item(number: u64) -> Bytes {
    let (id, seller, ends_at_ms) = (id(1, number), id(2, number), START_MS + LASTING_MS);
    format!(
        r#"{{"type":"item_listed","v":1,"item_id":"{id}","seller_id":"{seller}","title":"Lot","category":"other","currency":"USD","starting_minor":100,"reserve_minor":null,"starts_at_ms":{START_MS},"ends_at_ms":{ends_at_ms}}}"#
    )
    .into()
}

/// Grows with time, so that most bids count.
fn bid(number: u64, random: &mut Xorshift, auctions: u64) -> Bytes {
    let (item, bidder) = (id(1, random.below(auctions)), id(4, random.below(BIDDERS)));
    let max = 100 + random.below(100 + number * 2_000 / auctions.min(number + 1));
    let bid = id(3, number);
    format!(
        r#"{{"type":"bid_placed","v":1,"bid_id":"{bid}","item_id":"{item}","bidder_id":"{bidder}","max_minor":{max},"country":"GB","grid":"gcpv"}}"#
    )
    .into()
}

/// Nanoseconds a bid.
fn measure(auctions: u64, unit_bids: usize, bids: u64) -> f64 {
    let topology = bidding::topology().expect("the graph is sound");
    let mut driver = TopologyTestDriver::bulk(&topology, 1).with_unit_records(unit_bids);
    for number in 0..auctions {
        driver.enqueue(topics::ITEMS, 0, "", item(number), START_MS).expect("the source exists");
    }
    driver.run().expect("listing does not fail");
    drop(driver.drain_outputs());
    let mut random = Xorshift(0x9E37_79B9_7F4A_7C15);
    let mut spent = std::time::Duration::ZERO;
    for first in (0..bids).step_by(AT_ONCE as usize) {
        let batch: Vec<Bytes> =
            (first..bids.min(first + AT_ONCE)).map(|number| bid(number, &mut random, auctions)).collect();
        let begun = Instant::now();
        for value in batch {
            driver.enqueue(topics::BIDS, 0, "", value, START_MS + 1 + (first / 100) as i64).expect("the source exists");
        }
        driver.run().expect("bidding does not fail");
        drop(driver.drain_outputs());
        spent += begun.elapsed();
    }
    spent.as_nanos() as f64 / bids as f64
}

fn main() {
    let bids = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    for unit_bids in UNIT_BIDS {
        // The first run pays for the memory of all.
        measure(OPEN_AUCTIONS[0], unit_bids, bids);
        let base = measure(OPEN_AUCTIONS[0], unit_bids, bids);
        for auctions in OPEN_AUCTIONS {
            let nanos = measure(auctions, unit_bids, bids);
            println!(
                "units of {unit_bids:>5}, {auctions:>9} open auctions: {nanos:>6.0} ns a bid, {:>9.0} bids/s, {:.2} of {}",
                1e9 / nanos,
                nanos / base,
                OPEN_AUCTIONS[0]
            );
        }
    }
}
