//! The benchmarks beside another implementation: see `gavel-load`.

pub mod report;
