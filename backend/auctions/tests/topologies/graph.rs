//! The graphs as they are: a change of topology is seen here first.

use gavel_auctions::{analytics, bidding, notices};

#[test]
fn bidding_is_wired_so() {
    insta::assert_snapshot!(bidding::topology().unwrap().describe());
}

#[test]
fn notices_is_wired_so() {
    insta::assert_snapshot!(notices::topology().unwrap().describe());
}

#[test]
fn analytics_is_wired_so() {
    insta::assert_snapshot!(analytics::topology().unwrap().describe());
}
