//! A consumer's end. To close one takes up to a tenth of a second, for which nobody should wait but those whom it concerns:
//! a member's place in its group must be free for the next of its name.

use std::ops::Deref;
use std::thread;

use rdkafka::consumer::{BaseConsumer, ConsumerContext};

/// A consumer that is closed by another thread, unless it is a member of a group.
pub(super) struct Closing<C: ConsumerContext + 'static> {
    /// Taken by the end alone.
    consumer: Option<BaseConsumer<C>>,
    is_member: bool,
}

impl<C: ConsumerContext + 'static> Closing<C> {
    pub(super) fn new(consumer: BaseConsumer<C>, is_member: bool) -> Self {
        Self { consumer: Some(consumer), is_member }
    }
}

impl<C: ConsumerContext + 'static> Deref for Closing<C> {
    type Target = BaseConsumer<C>;

    fn deref(&self) -> &Self::Target {
        self.consumer.as_ref().expect("it is taken by the end alone")
    }
}

impl<C: ConsumerContext + 'static> Drop for Closing<C> {
    fn drop(&mut self) {
        let consumer = self.consumer.take();
        if !self.is_member {
            // Where there is no thread to be had, it is closed at once.
            drop(thread::Builder::new().name("kafka-closing".into()).spawn(move || drop(consumer)));
        }
    }
}
