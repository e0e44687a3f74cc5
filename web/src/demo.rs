//! `gavel demo`: a seeded market that fills a running house through its public API.
//!
//! [`plan`] draws who sells what and who bids when, from a seed alone; [`picture`] draws the lots' pictures; [`run`]
//! carries the plan out as any stranger would: registering, uploading, listing, bidding.

mod catalogue;
pub mod picture;
pub mod plan;
mod run;
mod visitor;

pub use plan::{Plan, Scale};
pub use run::{DemoError, run};
