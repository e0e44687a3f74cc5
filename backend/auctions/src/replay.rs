//! What was recorded of one partition, through the very same bidding topology.

use bytes::Bytes;
use gavel_domain::ItemId;
use gavel_log::NewRecord;
use gavel_streams::driver::DriverError;
use gavel_streams::{Topology, TopologyTestDriver};
use serde::Deserialize;

use crate::decode::object;
use crate::wire::topics;

/// How many commands are handed to the driver before its outputs are taken.
const COMMANDS_AT_ONCE: usize = 4_096;

/// One record as it was recorded.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// When the log took it.
    pub append_ms: i64,
    /// Its value; `None` where it has none.
    pub value: Option<Bytes>,
}

/// One partition, replayed from its beginning.
pub(crate) struct Replay(TopologyTestDriver);

impl Replay {
    pub(crate) fn new(topology: &Topology) -> Self {
        Self(TopologyTestDriver::bulk(topology, 1))
    }

    /// Replays items and the commands that follow, these in the order of their offsets. The items may come in any order:
    /// they are taken by (append time, item).
    pub(crate) fn run<E: From<DriverError>>(
        &mut self,
        mut items: Vec<Recorded>,
        commands: Vec<Recorded>,
        mut take: impl FnMut(Vec<NewRecord>) -> Result<(), E>,
    ) -> Result<(), E> {
        items.sort_by_cached_key(|record| (record.append_ms, record.value.as_deref().and_then(item_of)));
        for Recorded { append_ms, value } in items {
            self.0.enqueue_record(topics::ITEMS, 0, None, value, Vec::new(), append_ms)?;
        }
        let mut until_ms = i64::MIN;
        let mut commands = commands.into_iter().peekable();
        while commands.peek().is_some() {
            for Recorded { append_ms, value } in commands.by_ref().take(COMMANDS_AT_ONCE) {
                until_ms = until_ms.max(append_ms);
                self.0.enqueue_record(topics::BIDS, 0, None, value, Vec::new(), append_ms)?;
            }
            // Items appended later wait for the commands that come before them.
            self.0.run_until(until_ms)?;
            take(self.0.drain_outputs())?;
        }
        self.0.run()?;
        take(self.0.drain_outputs())
    }

    /// Has the clock run on until every auction has ended.
    pub(crate) fn run_out(&mut self) -> Result<Vec<NewRecord>, DriverError> {
        self.0.run_until_quiet()?;
        Ok(self.0.drain_outputs())
    }
}

/// The item that a record is of, to order those of the same millisecond; whether it is one is judged later.
fn item_of(value: &[u8]) -> Option<ItemId> {
    #[derive(Deserialize)]
    struct Of {
        item_id: ItemId,
    }
    object::<Of>(value).map(|of| of.item_id)
}
