//! Which terms a seller may list.

use gavel_domain::{Closing, EpochMs, Minor, Terms, TermsFault};

use crate::lot::{START, minor, reserved, terms};

#[test]
fn sound_terms_have_no_fault() {
    let soft = Closing::Soft { window_s: 1, extend_s: 1, cap_s: 1 };
    for sound in [terms(), reserved(100), Terms { buy_now: Some(minor(100)), closing: soft, ..terms() }] {
        assert_eq!(sound.faults(), []);
    }
}

#[test]
fn each_fault_is_found() {
    let soft = |window_s, extend_s, cap_s| Closing::Soft { window_s, extend_s, cap_s };
    for (unsound, fault) in [
        (Terms { ends_at: EpochMs::new(START), ..terms() }, TermsFault::EndsBeforeStart),
        (Terms { starting: Minor::ZERO, ..terms() }, TermsFault::StartingZero),
        (reserved(99), TermsFault::ReserveBelowStarting),
        (Terms { buy_now: Some(minor(99)), ..terms() }, TermsFault::BuyNowTooLow),
        (Terms { buy_now: Some(minor(499)), ..reserved(500) }, TermsFault::BuyNowTooLow),
        (Terms { closing: soft(0, 1, 1), ..terms() }, TermsFault::SoftCloseWithoutEffect),
        (Terms { closing: soft(1, 0, 1), ..terms() }, TermsFault::SoftCloseWithoutEffect),
        (Terms { closing: soft(1, 1, 0), ..terms() }, TermsFault::SoftCloseWithoutEffect),
    ] {
        assert_eq!(unsound.faults(), [fault]);
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let unsound = Terms { starting: Minor::ZERO, ends_at: EpochMs::new(0), ..terms() };
    assert_eq!(unsound.faults(), [TermsFault::EndsBeforeStart, TermsFault::StartingZero]);
}
