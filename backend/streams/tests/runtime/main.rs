//! The runtime on a real log, its files and all. Each scenario names the logs it runs on by `on_each_log!`.

#![allow(clippy::unwrap_used, reason = "a test may end where it is")]

mod control;
mod damage;
mod dead_letters;
mod exactly_once;
mod failpoints;
mod faults;
mod faulty;
mod fencing;
mod harness;
mod order;
mod presence;
mod replaying;
mod restoration;
mod standby;
mod timers;
