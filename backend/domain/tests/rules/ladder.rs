//! Every rung of the standard ladder, on both sides of its boundary.

use gavel_domain::{Currency, Ladder, UnknownLadder};

use crate::lot::minor;

fn step(currency: Currency, price: i64) -> i64 {
    Ladder::Standard.step(currency, minor(price)).get()
}

#[test]
fn every_boundary_of_the_standard_ladder() {
    for (last_price, at_it, above_it) in [
        (99, 5, 25),
        (499, 25, 50),
        (2_499, 50, 100),
        (9_999, 100, 250),
        (24_999, 250, 500),
        (49_999, 500, 1_000),
        (99_999, 1_000, 2_500),
        (249_999, 2_500, 5_000),
        (499_999, 5_000, 10_000),
    ] {
        assert_eq!(step(Currency::Usd, last_price), at_it, "at {last_price}");
        assert_eq!(step(Currency::Usd, last_price + 1), above_it, "above {last_price}");
    }
    assert_eq!(step(Currency::Usd, 0), 5);
    assert_eq!(step(Currency::Usd, 1_000_000_000), 10_000);
}

#[test]
fn three_decimals_keep_the_major_amounts() {
    // Below 1.000 a step is 0.050; from 5000.000 on it is 100.
    assert_eq!(step(Currency::Kwd, 999), 50);
    assert_eq!(step(Currency::Kwd, 1_000), 250);
    assert_eq!(step(Currency::Kwd, 4_999_999), 50_000);
    assert_eq!(step(Currency::Kwd, 5_000_000), 100_000);
}

#[test]
fn without_decimals_the_unit_stands_for_a_hundredth() {
    assert_eq!(step(Currency::Jpy, 99), 5);
    assert_eq!(step(Currency::Jpy, 10_000), 250);
    assert_eq!(step(Currency::Krw, 500_000), 10_000);
}

#[test]
fn a_name_names_its_ladder() {
    assert_eq!(Ladder::Standard.name().parse(), Ok(Ladder::Standard));
    assert_eq!("Standard".parse::<Ladder>(), Err(UnknownLadder));
}
