//! How many bids a second `gavel backtest` decides on one core, with the share of each decision.
//!
//! `cargo bench -p gavel-auctions -- [BIDS] [ITEMS]`
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "market/random.rs"]
mod random;

use std::fmt::Write as _;
use std::time::Instant;

use bytes::Bytes;
use gavel_auctions::backtest::Recording;
use random::{Xorshift, id};

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LISTED_MS: i64 = 1_800_000_000_000;
const BIDDERS: u64 = 20_000;

fn items(count: u64) -> String {
    let mut lines = String::new();
    for item in 0..count {
        let (id, seller, ends_at_ms) = (id(1, item), id(2, item), LISTED_MS + 10_000_000 + item as i64);
        let _ = writeln!(
            lines,
            r#"{{"append_ms":{LISTED_MS},"value":{{"type":"item_listed","v":1,"item_id":"{id}","seller_id":"{seller}","title":"Lot","description":"","category":"other","currency":"USD","starting_minor":100,"reserve_minor":50000,"buy_now_minor":null,"ladder":"standard","starts_at_ms":{LISTED_MS},"ends_at_ms":{ends_at_ms},"closing":{{"kind":"soft","window_s":60,"extend_s":60,"cap_s":600}},"country":"GB","grid":"gcpv","images":[]}}}}"#,
        );
    }
    lines
}

/// Bids that grow with time, some too low, so that every decision is met.
fn bids(count: u64, items: u64) -> String {
    let mut random = Xorshift(0x9E37_79B9_7F4A_7C15);
    let mut lines = String::with_capacity(count as usize * 300);
    for bid in 0..count {
        let (item, bidder) = (random.below(items), random.below(BIDDERS));
        let max = 100 + random.below(100 + bid * 2_000 / items);
        let append_ms = LISTED_MS + 1 + (bid / 100) as i64;
        let (bid, item, bidder) = (id(3, bid), id(1, item), id(4, bidder));
        let _ = writeln!(
            lines,
            r#"{{"append_ms":{append_ms},"value":{{"type":"bid_placed","v":1,"bid_id":"{bid}","item_id":"{item}","bidder_id":"{bidder}","max_minor":{max},"country":"GB","grid":"gcpv"}}}}"#,
        );
    }
    lines
}

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let bid_count = numbers.first().copied().unwrap_or(1_000_000);
    let item_count = numbers.get(1).copied().unwrap_or(1_000);
    let (items, bids) = (Bytes::from(items(item_count)), Bytes::from(bids(bid_count, item_count)));
    let begun = Instant::now();
    let recording = Recording::read(&items, &bids).expect("the generated files are sound");
    let summary = recording.replay(&mut std::io::sink()).expect("nothing stops the topology");
    let elapsed = begun.elapsed();
    println!("{summary:?}");
    println!("{:.0} bids/s ({bid_count} in {elapsed:.2?})", bid_count as f64 / elapsed.as_secs_f64());
}
