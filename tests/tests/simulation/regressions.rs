//! Seeds that found something, by what it was: in Gavel, or where it was broken on purpose to see whether the simulator
//! notices. What a seed plays hangs on every call that is made: who changes simulator or runtime much breaks it so again, and
//! finds the seed anew.

use crate::play;

fn keeps_the_laws(seed: u64) {
    if let Err(failure) = play(seed, false) {
        panic!("{failure}");
    }
}

/// The rows of a refused write were nowhere, and the task decided on.
#[test]
fn a_write_refused_at_leisure_loses_no_rows() {
    keeps_the_laws(21);
}

/// With brokers whose clocks differ, a replay left a lot open that had ended.
#[test]
fn a_lot_read_after_the_tick_that_ended_it_ends() {
    keeps_the_laws(1798);
}

/// On purpose: a log that does not look at the generation of who sends offsets.
#[test]
fn who_stood_still_in_the_middle_of_a_step_commits_nothing() {
    keeps_the_laws(75);
}

/// On purpose: a local store that outlived its changelog's tombstones was believed.
#[test]
fn who_was_away_for_days_begins_afresh() {
    keeps_the_laws(203);
}

/// On purpose: reading went on where the group says, not where the state is.
#[test]
fn offsets_that_a_group_forgot_are_in_the_state() {
    keeps_the_laws(3);
}

/// On purpose: records did not wait for the sources before their own.
#[test]
fn notices_come_after_the_items_they_are_of() {
    keeps_the_laws(31);
}
