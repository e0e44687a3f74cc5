//! `/about/how-bidding-works`.

use askama::Template;
use gavel_domain::{Currency, Ladder, Minor};

use super::answer::{Answer, page};
use super::format::Price;
use super::layout::Layout;
use super::visit::Visit;

/// Where a rung of the standard ladder ends, in cents.
const RUNGS: [i64; 9] = [99, 499, 2_499, 9_999, 24_999, 49_999, 99_999, 249_999, 499_999];

struct Rung {
    range: String,
    step: Price,
}

#[derive(Template)]
#[template(path = "about/how-bidding-works.html")]
struct HowBiddingWorks {
    layout: Layout,
    rungs: Vec<Rung>,
}

impl HowBiddingWorks {
    fn usd(&self, minor: i64) -> Price {
        usd(minor)
    }
}

fn usd(minor: i64) -> Price {
    Price::of_record(Currency::Usd, minor)
}

fn step(price_minor: i64) -> Price {
    let price = Minor::new(price_minor).unwrap_or(Minor::MAX);
    Price { currency: Currency::Usd, amount: Ladder::Standard.step(Currency::Usd, price) }
}

/// `GET /about/how-bidding-works`.
pub(crate) async fn get(visit: Visit) -> Answer {
    let up_to = |&top: &i64| Rung { range: format!("up to {}", usd(top).plain()), step: step(top) };
    let last = RUNGS[RUNGS.len() - 1] + 1;
    let above = Rung { range: format!("{} and above", usd(last).plain()), step: step(last) };
    page(&HowBiddingWorks { layout: visit.layout, rungs: RUNGS.iter().map(up_to).chain([above]).collect() })
}
