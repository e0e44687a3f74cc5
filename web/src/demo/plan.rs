//! The plan: a function of seed and scale, so that the same demo can be run again.

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

use super::catalogue::{ARTICLES, Article, BIDDERS, SELLERS};
use super::picture::Motif;

/// The last stretch of an auction, in which most people wake up.
const LAST_MINUTE_S: u32 = 60;
/// Bids come at the latest this long before the end, so that a slow house still has them in time.
const MARGIN_S: f64 = 1.0;

/// How large a market.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// How many lots.
    pub lots: usize,
    /// How long the shortest auction runs.
    pub shortest_s: u32,
    /// How long the longest runs.
    pub longest_s: u32,
}

impl Default for Scale {
    fn default() -> Self {
        Self { lots: 16, shortest_s: 60, longest_s: 600 }
    }
}

/// Who lists what, and who bids when.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Names of the sellers.
    pub sellers: Vec<&'static str>,
    /// Names of the bidders.
    pub bidders: Vec<&'static str>,
    /// What is listed, in this order.
    pub lots: Vec<PlannedLot>,
    /// What is bid, by time.
    pub bids: Vec<PlannedBid>,
}

/// A lot to list.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedLot {
    /// Index of its seller.
    pub seller: usize,
    /// Its title.
    pub title: &'static str,
    /// Its description.
    pub description: &'static str,
    /// Its category.
    pub category: &'static str,
    /// What its picture shows.
    pub motif: Motif,
    /// Varies the picture.
    pub hue: f32,
    /// Where bidding starts.
    pub starting_minor: i64,
    /// The reserve, of some.
    pub reserve_minor: Option<i64>,
    /// How long it runs.
    pub duration_s: u32,
    /// Whether late bids extend it.
    pub soft_close: bool,
}

/// A bid to place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannedBid {
    /// When, counted from the lot's listing.
    pub after_s: f64,
    /// Index of the lot.
    pub lot: usize,
    /// Index of the bidder.
    pub bidder: usize,
    /// Their maximum.
    pub max_minor: i64,
}

impl Plan {
    /// Draws a market.
    #[must_use]
    pub fn draw(seed: u64, scale: Scale) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let lots: Vec<PlannedLot> =
            (0..scale.lots).map(|index| lot(&mut rng, &ARTICLES[index % ARTICLES.len()], scale)).collect();
        let mut bids = Vec::new();
        for (index, planned) in lots.iter().enumerate() {
            let worth_minor = ARTICLES[index % ARTICLES.len()].worth_minor;
            bids.extend(bids_on(&mut rng, index, planned, worth_minor));
        }
        bids.sort_by(|a: &PlannedBid, b| a.after_s.total_cmp(&b.after_s));
        Self { sellers: SELLERS.to_vec(), bidders: BIDDERS.to_vec(), lots, bids }
    }
}

fn lot(rng: &mut StdRng, article: &Article, scale: Scale) -> PlannedLot {
    let starting_minor = round(article.worth_minor / rng.random_range(4..20));
    PlannedLot {
        seller: rng.random_range(0..SELLERS.len()),
        title: article.title,
        description: article.description,
        category: article.category,
        motif: article.motif,
        hue: rng.random_range(0.0..1.0),
        starting_minor,
        reserve_minor: rng.random_bool(0.35).then(|| round(article.worth_minor * rng.random_range(6..11) / 10)),
        duration_s: rng.random_range(scale.shortest_s..=scale.longest_s),
        soft_close: rng.random_bool(0.3),
    }
}

/// Some watch early and bid little by little; most bid once, late, what it is worth to them.
fn bids_on(rng: &mut StdRng, lot: usize, planned: &PlannedLot, worth_minor: i64) -> Vec<PlannedBid> {
    // One lot in ten finds nobody.
    if rng.random_bool(0.1) {
        return Vec::new();
    }
    let mut people: Vec<usize> = (0..BIDDERS.len()).collect();
    people.shuffle(rng);
    people.truncate(rng.random_range(2..8));
    let end_s = f64::from(planned.duration_s) - MARGIN_S;
    let mut bids = Vec::new();
    for bidder in people {
        let ceiling_minor = worth_minor * rng.random_range(50..125) / 100;
        let is_late = rng.random_bool(0.7);
        let from_s = if is_late { (end_s - f64::from(LAST_MINUTE_S)).max(0.0) } else { 0.0 };
        let steps = *[1, 1, 1, 2, 3].choose(rng).unwrap_or(&1);
        let mut times: Vec<f64> = (0..steps).map(|_| rng.random_range(from_s..end_s)).collect();
        times.sort_by(f64::total_cmp);
        for (step, after_s) in (1..).zip(times) {
            let max_minor = round(ceiling_minor * step / i64::from(steps)).max(planned.starting_minor);
            bids.push(PlannedBid { after_s, lot, bidder, max_minor });
        }
    }
    bids
}

/// To amounts that people type.
fn round(minor: i64) -> i64 {
    let grain = if minor >= 10_000 { 500 } else { 50 };
    (minor / grain * grain).max(grain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_market_again() {
        assert_eq!(Plan::draw(7, Scale::default()), Plan::draw(7, Scale::default()));
        assert_ne!(Plan::draw(7, Scale::default()), Plan::draw(8, Scale::default()));
    }

    #[test]
    fn many_bids_come_in_the_last_minute() {
        let plan = Plan::draw(1, Scale { lots: 64, ..Scale::default() });
        let late = plan
            .bids
            .iter()
            .filter(|bid| {
                bid.after_s > f64::from(plan.lots[bid.lot].duration_s.saturating_sub(LAST_MINUTE_S)) - MARGIN_S
            })
            .count();
        assert!(late * 2 > plan.bids.len(), "{late} of {}", plan.bids.len());
    }

    #[test]
    fn no_plan_asks_for_what_the_house_refuses() {
        for seed in 0..50 {
            let plan = Plan::draw(seed, Scale::default());
            for lot in &plan.lots {
                assert!(lot.starting_minor > 0);
                assert!(lot.reserve_minor.is_none_or(|reserve| reserve >= lot.starting_minor), "{lot:?}");
            }
            for bid in &plan.bids {
                let lot = &plan.lots[bid.lot];
                assert!(bid.after_s < f64::from(lot.duration_s) && bid.max_minor >= lot.starting_minor, "{bid:?}");
            }
        }
    }
}
