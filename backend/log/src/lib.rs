//! The log: ordered, durable, partitioned topics with transactions, as a port and two adapters.
//!
//! [`port`] is the whole contract; [`embedded`] keeps it on one machine's disk, [`kafka`] on Apache Kafka. Nothing of
//! rdkafka or fjall leaks through the port. Every promise of the port is a test of the conformance suite
//! (`tests/conformance`), which runs over both adapters.

pub mod embedded;
pub mod kafka;
pub mod partitioner;
pub mod port;

mod scan;

pub use port::*;
pub use scan::scan;
