//! A lot to play with: bidders are letters, amounts plain numbers, and it is listed from [`START`] to [`END`].

use gavel_domain::{
    AccountId, Auction, Bid, Closing, Command, Completion, Currency, Decided, Decision, EpochMs, Event, Ladder, Minor,
    SecretMinor, Terms, Withdrawal,
};
use newtype_uuid::GenericUuid;

/// When bidding starts, milliseconds.
pub(crate) const START: i64 = 1_000_000;
/// The listed end, milliseconds.
pub(crate) const END: i64 = 1_600_000;
/// Who sells.
pub(crate) const SELLER: char = 'S';

/// The account of that letter.
pub(crate) fn account(letter: char) -> AccountId {
    AccountId::from_untyped_uuid(uuid::Uuid::from_u128(u128::from(letter)))
}

/// That amount.
pub(crate) fn minor(amount: i64) -> Minor {
    Minor::new(amount).expect("tests stay in range")
}

/// A command to bid.
pub(crate) fn bid(bidder: char, max: i64) -> Command {
    Command::Bid(Bid { bidder: account(bidder), max: SecretMinor::new(minor(max)), suspended: false })
}

/// A command to withdraw.
pub(crate) fn withdrawal(by: char) -> Command {
    Command::Withdraw(Withdrawal { by: account(by) })
}

/// Dollars from 1.00, no reserve, hard close.
pub(crate) fn terms() -> Terms {
    Terms {
        seller: account(SELLER),
        currency: Currency::Usd,
        ladder: Ladder::Standard,
        starting: minor(100),
        reserve: None,
        buy_now: None,
        starts_at: EpochMs::new(START),
        ends_at: EpochMs::new(END),
        closing: Closing::Hard,
    }
}

/// [`terms`] with a reserve.
pub(crate) fn reserved(reserve: i64) -> Terms {
    Terms { reserve: Some(SecretMinor::new(minor(reserve))), ..terms() }
}

/// What one command did: its decision, and the completions before and after it.
#[derive(Debug, PartialEq)]
pub(crate) struct Did {
    pub(crate) before: Option<Completion>,
    pub(crate) decided: Decided,
    pub(crate) after: Option<Completion>,
}

/// Applies a command at `t` milliseconds.
pub(crate) fn apply(auction: &mut Auction, command: Command, t: i64) -> Did {
    let events: Vec<Event> = auction.apply(command, EpochMs::new(t)).collect();
    match events[..] {
        [Event::Decided(decided)] => Did { before: None, decided, after: None },
        [Event::Completed(completion), Event::Decided(decided)] => {
            Did { before: Some(completion), decided, after: None }
        }
        [Event::Decided(decided), Event::Completed(completion)] => {
            Did { before: None, decided, after: Some(completion) }
        }
        ref other => panic!("no command answers {other:?}"),
    }
}

/// Applies a command that must not end the auction; answers its decision.
pub(crate) fn decide(auction: &mut Auction, command: Command, t: i64) -> Decision {
    let did = apply(auction, command, t);
    assert_eq!((did.before, did.after), (None, None));
    did.decided.decision
}

/// The auction ended as its end passes.
pub(crate) fn close(auction: &mut Auction) -> Completion {
    let after_end = EpochMs::new(auction.standing().ends_at.get() + 1);
    auction.close_if_due(after_end).expect("it was open")
}
