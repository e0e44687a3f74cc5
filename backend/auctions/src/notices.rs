//! The notices topology: tells accounts what concerns them. Items, history and completions in, `notices` out.
//!
//! It remembers, per item, who sells it, who leads, and who has a counted bid. A completion that is read before the
//! history that led to it (two topics, two append times) waits for it: its sequence says what it follows.

mod lot;
mod notifier;

pub use notifier::topology;
