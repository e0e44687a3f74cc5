//! What a decision or an outcome means to the person it concerns, and what to do about it, in plain words.

use gavel_auctions::wire::{Decision, HistoryRecord, Outcome};
use gavel_domain::Currency;

use crate::pages::format::{Moment, Price};
use crate::pages::layout::{Message, Tone};

/// What a decision is told with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told {
    /// The price after it.
    pub(crate) price: Option<Price>,
    /// The least next bid after it.
    pub(crate) minimum: Option<Price>,
    /// When bidding begins.
    pub(crate) starts_at: Option<Moment>,
}

/// What came of a command, to whoever gave it: of a second copy, what came of the first.
pub(crate) fn of_record(record: &HistoryRecord, currency: Currency, starts_at: Moment) -> Message {
    let (decided, price_minor, minimum_minor) = match &record.first {
        Some(first) => (first.decision, first.price_minor, first.minimum_minor),
        None => (record.decision, record.price_minor, record.minimum_minor),
    };
    let price = |minor| Price::of_record(currency, minor);
    let (price, minimum) = (price_minor.map(price), minimum_minor.map(price));
    decision(decided, Told { price, minimum, starts_at: Some(starts_at) })
}

/// What `decision` means to whoever gave the command.
pub(crate) fn decision(decision: Decision, told: Told) -> Message {
    let price = told.price.map_or_else(|| "where it was".to_owned(), Price::plain);
    let at_least = told.minimum.map(|minimum| format!("To lead, bid {} or more.", minimum.plain()));
    let say = Message::new;
    match decision {
        Decision::Accepted => say(Tone::Good, "Your bid is in, and you lead").line(format!("The price is {price}.")),
        Decision::AcceptedOutbid => say(Tone::Bad, "Your bid counted, but you were outbid at once")
            .line(format!("Someone’s earlier maximum is as high as yours, or higher. The price is now {price}."))
            .lines(at_least),
        Decision::Raised => say(Tone::Good, "Your maximum is raised, and you still lead")
            .line(format!("The price is {price}. Only the house knows your new maximum.")),
        Decision::Withdrawn => say(Tone::Plain, "The lot is withdrawn").line("The auction has ended without a winner."),
        Decision::TooLow => say(Tone::Bad, "That bid was too low")
            .line("It was not counted. The price may have moved while you decided.")
            .lines(at_least),
        Decision::NotStarted => say(Tone::Warn, "Bidding has not begun").line(told.starts_at.map_or_else(
            || "Come back when the lot opens.".to_owned(),
            |starts_at| format!("The lot opens on {}. Bid again then.", starts_at.plain()),
        )),
        Decision::Ended => say(Tone::Bad, "The auction had ended")
            .line("Your bid came after the end, so it was not counted.")
            .link("/", "See what is open now"),
        Decision::OwnItem => {
            say(Tone::Warn, "This is your own lot").line("Sellers do not bid on their own lots. Nothing was counted.")
        }
        Decision::NotAboveOwnMax => say(Tone::Warn, "You already lead with a maximum at least as high")
            .line("Nothing has changed. To raise your maximum, bid more than it."),
        Decision::Suspended => say(Tone::Warn, "Your account may not bid at present")
            .line("Your bid was not counted. Write to the house if you think this is a mistake."),
        Decision::Duplicate => say(Tone::Plain, "That bid had already been received").line("It was counted once."),
        Decision::UnknownItem => say(Tone::Bad, "The house does not know this lot")
            .line("Your bid was not counted. The lot may have been removed; look for it again.")
            .link("/", "Browse the auctions"),
        Decision::NotSeller => {
            say(Tone::Warn, "Only the seller can withdraw a lot").line("Nothing has changed. Sign in as its seller.")
        }
    }
}

/// How a reader was involved in an auction that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Won it.
    Winner,
    /// Bid on it.
    Bidder,
    /// Sold it.
    Seller,
    /// Looks at it.
    Onlooker,
}

/// What `outcome` means to someone with that part in it. `winner` is the winner's public name.
pub(crate) fn outcome(outcome: Outcome, part: Part, price: Price, winner: Option<&str>) -> Message {
    let price = price.plain();
    let winner = winner.unwrap_or("a bidder");
    let say = Message::new;
    match (outcome, part) {
        (Outcome::Sold, Part::Winner) => {
            say(Tone::Good, "You won").line(format!("The lot is yours for {price}. The seller has been told."))
        }
        (Outcome::Sold, Part::Seller) => say(Tone::Good, "Sold").line(format!("To {winner} for {price}.")),
        (Outcome::Sold, Part::Bidder) => {
            say(Tone::Plain, "Sold to someone else").line(format!("{winner} won it for {price}."))
        }
        (Outcome::Sold, Part::Onlooker) => say(Tone::Plain, "Sold").line(format!("To {winner} for {price}.")),
        (Outcome::Unsold, Part::Seller) => say(Tone::Plain, "Ended without a bid")
            .line("Nobody bid. You can list the lot again.")
            .link("/sell", "List a lot"),
        (Outcome::Unsold, _) => say(Tone::Plain, "Ended without a bid"),
        (Outcome::ReserveNotMet, Part::Seller) => say(Tone::Plain, "Not sold: the reserve was not met")
            .line(format!("Bidding reached {price}. You can list the lot again with a lower reserve, or none."))
            .link("/sell", "List a lot"),
        (Outcome::ReserveNotMet, _) => say(Tone::Plain, "Not sold: the reserve was not met")
            .line(format!("Bidding reached {price}, below the least the seller would take.")),
        (Outcome::Withdrawn, Part::Seller) => {
            say(Tone::Plain, "You withdrew this lot").line("It was not sold. Everyone who bid has been told.")
        }
        (Outcome::Withdrawn, _) => {
            say(Tone::Plain, "Withdrawn by the seller").line("It was not sold, and no bid on it stands.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_told_what_the_first_was_told() {
        let id = "018f0000-0000-7000-8000-000000000001";
        let record = |decision: &str, price: i64, first: serde_json::Value| -> HistoryRecord {
            let record = serde_json::json!({
                "type": "bid_decided", "v": 1, "item_id": id, "sequence": null, "bid_id": id, "decision": decision,
                "price_minor": price, "minimum_minor": price + 100, "leader_id": null, "bid_count": 1,
                "reserve_met": true, "ends_at_ms": 1, "at_ms": 1, "received_ms": 1, "first": first,
            });
            serde_json::from_value(record).unwrap()
        };
        let first = serde_json::json!({
            "decision": "too_low", "sequence": null, "price_minor": 500, "minimum_minor": 600, "leading": false,
            "at_ms": 1, "received_ms": 1,
        });
        let told = |record: &HistoryRecord| format!("{:?}", of_record(record, Currency::Usd, Moment(0)));
        let copy = record("duplicate", 90_000, first);
        assert_eq!(told(&copy), told(&record("too_low", 500, serde_json::Value::Null)));
        assert!(told(&copy).contains("USD 6.00 or more"));
    }
}
