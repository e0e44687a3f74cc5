//! The bytes of every version, kept for ever.

use gavel_domain::{Bid, Command, Currency, Ladder};

use super::*;

fn minor(amount: i64) -> Minor {
    Minor::new(amount).unwrap()
}

fn letter(letter: u8) -> AccountId {
    account([letter; 16])
}

/// A lot as it was listed: no reserve, hard close.
fn plain() -> Lot {
    let terms = Terms {
        seller: letter(b'S'),
        currency: Currency::Usd,
        ladder: Ladder::Standard,
        starting: minor(100),
        reserve: None,
        buy_now: None,
        starts_at: EpochMs::new(1_000),
        ends_at: EpochMs::new(61_000),
        closing: Closing::Hard,
    };
    Lot { listed_ms: 900, auction: Auction::list(terms) }
}

/// A lot with everything that a lot can have, sold.
fn full() -> Lot {
    let terms = Terms {
        currency: Currency::Kwd,
        reserve: Some(SecretMinor::new(minor(5_000))),
        buy_now: Some(minor(90_000)),
        closing: Closing::Soft { window_s: 60, extend_s: 120, cap_s: 300 },
        ..*plain().auction.terms()
    };
    let mut auction = Auction::list(terms);
    for (bidder, max) in [(b'A', 4_000), (b'B', 7_000)] {
        let bid = Bid { bidder: letter(bidder), max: SecretMinor::new(minor(max)), suspended: false };
        auction.apply(Command::Bid(bid), EpochMs::new(1_500)).for_each(drop);
    }
    auction.close_if_due(EpochMs::new(1_000_000)).unwrap();
    Lot { listed_ms: 900, auction }
}

fn parked() -> Parked {
    Parked {
        stamp: Stamp { at_ms: 1_500, received_ms: 1_499 },
        headers: vec![Header { name: "correlation-id".into(), value: "abc".into() }],
        value: "{}".into(),
    }
}

fn receipt() -> Receipt {
    Receipt {
        decision: Decision::TooLow,
        sequence: Some(7),
        price_minor: Some(5_500),
        minimum_minor: None,
        leading: true,
        at_ms: 1_500,
        received_ms: 1_499,
    }
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

const PLAIN: &str =
    "01880e5353535353535353535353535353535303555344087374616e64617264c8010000d00f90b907000000c801000090b90700";
const FULL: &str = "01880e53535353535353535353535353535353034b5744087374616e64617264c80101904e01a0fe0ad00f90b907013c78ac020142424242424242424242424242424242b06d01c03e904e0203b8ea0e0100b8ea0e";
const RECEIPT: &str = "0104010701f8550001b817b617";
const PARKED_V1: &str = "0100000000000005dc00000000000005db7b7d";
const PARKED: &str = "02b817b617010e636f7272656c6174696f6e2d696403616263027b7d";

#[test]
fn the_present_version_is_still_written() {
    assert_eq!(hex(&encode_lot(&plain())), PLAIN);
    assert_eq!(hex(&encode_lot(&full())), FULL);
    assert_eq!(hex(encode_receipt(&receipt(), &mut [0; RECEIPT_BYTES_MAX])), RECEIPT);
    assert_eq!(hex(&encode_parked(&parked())), PARKED);
}

#[test]
fn every_version_is_still_read() {
    assert_eq!(decode_lot(&unhex(PLAIN)).unwrap(), plain());
    assert_eq!(decode_lot(&unhex(FULL)).unwrap(), full());
    assert_eq!(decode_receipt(&unhex(RECEIPT)).unwrap(), receipt());
    assert!(decode_parked(&unhex(PARKED).into()).unwrap() == parked());
    assert!(decode_parked(&unhex(PARKED_V1).into()).unwrap() == Parked { headers: Vec::new(), ..parked() });
}

#[test]
fn what_is_damaged_or_newer_is_refused() {
    for bytes in [&b""[..], b"\x02", &unhex(FULL)[..40], &[0xff; 80]] {
        assert!(decode_lot(bytes).is_err());
        assert!(decode_receipt(bytes).is_err());
    }
    for bytes in [&b""[..], b"\x01\0\0", &unhex(PARKED)[..20], &[3; 80]] {
        assert!(decode_parked(&Bytes::copy_from_slice(bytes)).is_err());
    }
}

#[test]
fn codes_of_decisions_and_outcomes_never_move() {
    for (code, decision) in Decision::ALL.iter().enumerate() {
        assert_eq!(postcard::to_allocvec(decision).unwrap(), [code as u8], "{decision:?}");
    }
    for (code, outcome) in Outcome::ALL.iter().enumerate() {
        assert_eq!(postcard::to_allocvec(outcome).unwrap(), [code as u8], "{outcome:?}");
    }
    let words: Vec<&str> = Decision::ALL.iter().map(|decision| decision.as_str()).collect();
    assert_eq!(
        words,
        [
            "accepted",
            "accepted_outbid",
            "raised",
            "withdrawn",
            "too_low",
            "not_started",
            "ended",
            "own_item",
            "not_above_own_max",
            "suspended",
            "duplicate",
            "unknown_item",
            "not_seller"
        ]
    );
    assert_eq!(Outcome::ALL.map(Outcome::as_str), ["sold", "unsold", "reserve_not_met", "withdrawn"]);
}

#[test]
fn the_longest_receipt_has_room() {
    let longest = Receipt {
        decision: Decision::ALL[Decision::ALL.len() - 1],
        sequence: Some(u64::MAX),
        price_minor: Some(i64::MIN),
        minimum_minor: Some(i64::MIN),
        leading: true,
        at_ms: i64::MIN,
        received_ms: i64::MIN,
    };
    assert_eq!(decode_receipt(encode_receipt(&longest, &mut [0; RECEIPT_BYTES_MAX])).unwrap(), longest);
}
