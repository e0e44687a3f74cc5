//! The promises of the log port, each a test over both adapters.
//!
//! A promise is a function of a [`subject::Subject`]; `promises!` makes it a test of the embedded log, and one of Apache
//! Kafka, which runs where `GAVEL_TEST_KAFKA=HOST:PORT` names a broker and says that it is skipped elsewhere. What only
//! the embedded log promises (its folder, its disk) is in `folder` and `crash`, what only Kafka can do wrong in `broker`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Makes each promise a test per adapter. Stands before the modules that use it.
macro_rules! promises {
    ($($promise:ident),+ $(,)?) => {
        mod embedded {
            $(#[test] fn $promise() { super::$promise(&$crate::subject::Subject::embedded()); })+
        }
        mod kafka {
            $(#[test] fn $promise() { $crate::subject::with_kafka(super::$promise); })+
        }
    };
}

mod append_time;
mod broker;
mod compaction;
mod crash;
mod durability;
mod fencing;
mod flow;
mod folder;
mod group;
mod identity;
mod order;
mod position;
mod record;
mod refusal;
mod retention;
mod subject;
mod topics;
mod transaction;
