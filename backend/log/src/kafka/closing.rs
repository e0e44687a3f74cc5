//! A consumer's end. To close one takes up to a tenth of a second, for which nobody should wait but those whom it concerns:
//! a member's place in its group must be free for the next of its name.
//!
//! A librdkafka that has closed does not answer what it is told, and whoever told it waits for ever. So a member hears of a
//! rebalance before it is closed, and to be given partitions after that is no concern of its.

use std::ops::Deref;
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::rebalances::Rebalances;

/// A consumer that is closed by another thread, unless it is a member of a group.
pub(super) struct Closing {
    /// Taken by the end alone.
    consumer: Option<BaseConsumer<Rebalances>>,
    is_member: bool,
}

impl Closing {
    pub(super) fn new(consumer: BaseConsumer<Rebalances>, is_member: bool) -> Self {
        Self { consumer: Some(consumer), is_member }
    }
}

impl Deref for Closing {
    type Target = BaseConsumer<Rebalances>;

    fn deref(&self) -> &Self::Target {
        self.consumer.as_ref().expect("it is taken by the end alone")
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let Some(consumer) = self.consumer.take() else { return };
        if self.is_member {
            // Up to the rebalance, if there is one; else up to the end.
            while consumer.poll(Duration::ZERO).is_some() {}
            consumer.context().close();
        } else {
            // Where there is no thread to be had, it is closed at once.
            drop(thread::Builder::new().name("kafka-closing".into()).spawn(move || drop(consumer)));
        }
    }
}
