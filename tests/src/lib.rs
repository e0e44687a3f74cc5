//! Tests over the whole house, and what they stand on.
//!
//! [`house`] runs the built `gavel` binary as people run it, [`ground`] whole houses of its processes; [`kafka`] and
//! [`postgres`] run the real servers; [`client`] speaks the public surface as a stranger would; [`recording`] reads what
//! is in the log; [`load`] tells what benchmarks measured. Every server listens on a free port of 127.0.0.1, lives in a folder
//! of its own, and is stopped by its own process id when its handle is dropped.

pub mod client;
pub mod ground;
pub mod house;
pub mod kafka;
pub mod load;
pub mod postgres;
pub mod process;
pub mod recording;
