//! What the log's handles and threads share: the store, the topics, the state; and how they are recovered.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::EmbeddedOptions;
use super::chunk;
use super::cleaner::Cleaning;
use super::group::Membership;
use super::key::{self, Key};
use super::state::{Partition, PartitionId, State};
use super::store::Store;
use super::topic::{self, Topic, TopicRow};
use super::writer::Placed;
use crate::port::{Created, LogError, NewRecord, Result, TopicPartition, TopicSpec, Watermarks};

type Topics = BTreeMap<Arc<str>, Arc<Topic>>;

/// The shared heart of a log.
pub(super) struct Core {
    /// The rows.
    pub(super) store: Store,
    /// The log's id.
    pub(super) id: String,
    /// As opened.
    pub(super) options: EmbeddedOptions,
    /// Bytes handed over and not yet written.
    pub(super) queued_bytes: AtomicUsize,
    /// Held by whoever drops or rewrites chunks: what compaction left, by partition.
    pub(super) maintenance: Mutex<HashMap<PartitionId, Cleaning>>,
    topics: RwLock<Topics>,
    state: Mutex<State>,
    /// Numbers for members, and for records that may go anywhere.
    counter: AtomicU64,
}

impl Core {
    /// Opens the store and recovers the state; also returns the last append time.
    pub(super) fn open(folder: &Path, options: EmbeddedOptions) -> Result<(Self, i64)> {
        let store = Store::open(folder, options.strictness)?;
        let topics = recover_topics(&store)?;
        let (state, last_ms) = recover_state(&store, &topics)?;
        let core = Self {
            id: store.id()?,
            store,
            options,
            queued_bytes: AtomicUsize::new(0),
            maintenance: Mutex::default(),
            topics: RwLock::new(topics),
            state: Mutex::new(state),
            counter: AtomicU64::new(1),
        };
        Ok((core, last_ms))
    }

    /// The state, locked. A panic of another holder leaves it whole enough: every change is small.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number never given before.
    pub(super) fn next_number(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    /// The offset the next record of a partition gets.
    pub(super) fn end(&self, id: PartitionId) -> u64 {
        self.state().partitions.get(&id).map_or(0, |partition| partition.end)
    }

    /// A topic by name.
    pub(super) fn topic(&self, name: &str) -> Result<Arc<Topic>> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        topics.get(name).cloned().ok_or_else(|| LogError::UnknownTopic(name.to_owned()))
    }

    /// All topics.
    pub(super) fn topics(&self) -> Vec<Arc<Topic>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// A partition by name.
    pub(super) fn partition(&self, name: &TopicPartition) -> Result<PartitionId> {
        self.topic(&name.topic)?.partition(name.partition)
    }

    /// Checks a proof of membership.
    pub(super) fn check_membership(&self, membership: &Membership) -> Result<()> {
        self.state().groups.entry(Arc::clone(&membership.group)).or_default().check(membership)
    }

    /// See [`crate::Log::create_topic`].
    pub(super) fn create_topic(&self, spec: &TopicSpec) -> Result<Created> {
        topic::check_possible(spec)?;
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(topic) = topics.get(&spec.name) {
            return topic.check(spec).map(|()| Created::Existing);
        }
        let number = topics.values().map(|topic| topic.number + 1).max().unwrap_or_default();
        let topic = Arc::new(Topic { spec: spec.clone(), number });
        let mut batch = self.store.batch();
        batch.put(Key::Topic(&spec.name), TopicRow::encode(&topic));
        batch.commit_durably()?;
        self.state().partitions.extend(topic.partitions().map(|id| (id, Partition::default())));
        topics.insert(Arc::clone(&spec.name), topic);
        Ok(Created::New)
    }

    /// See [`crate::Log::watermarks`].
    pub(super) fn watermarks(&self, name: &TopicPartition) -> Result<Watermarks> {
        let id = self.partition(name)?;
        let state = self.state();
        let (low, end) = state.partitions.get(&id).map_or((0, 0), |partition| (partition.low, partition.end));
        Ok(Watermarks { low, stable_end: end, end })
    }

    /// Checks a record, encodes it and finds its partition.
    pub(super) fn place(&self, record: &NewRecord) -> Result<Placed> {
        let topic = self.topic(&record.topic)?;
        record.check_size()?;
        let any = || u32::try_from(self.next_number() % u64::from(u32::MAX)).unwrap_or_default();
        let id = topic.place(record, any)?;
        Ok(Placed { id, encoded: chunk::encode_record(record)? })
    }
}

fn recover_topics(store: &Store) -> Result<Topics> {
    let mut topics = Topics::new();
    for row in store.rows(&key::TOPICS) {
        let (key, row) = row?;
        let name = key::topic_of(&key).ok_or_else(|| LogError::Corrupt("a topic's name cannot be read".into()))?;
        let topic = TopicRow::decode(name, &row)?;
        topics.insert(Arc::clone(&topic.spec.name), Arc::new(topic));
    }
    Ok(topics)
}

fn recover_state(store: &Store, topics: &Topics) -> Result<(State, i64)> {
    let mut state = State::default();
    let mut last_ms = 0;
    for id in topics.values().flat_map(|topic| topic.partitions()) {
        let low = store.get(Key::Low(id))?.map_or(Ok(0), |low| number(&low))?;
        let last = store.last_chunk(id)?;
        let end = last.as_ref().map_or(low, |chunk| chunk.end().max(low));
        last_ms = last.map_or(last_ms, |chunk| last_ms.max(chunk.append_ms));
        state.partitions.insert(id, Partition::recovered(low, end));
    }
    let mut committed: HashMap<Arc<str>, HashMap<PartitionId, u64>> = HashMap::new();
    for row in store.rows(&key::COMMITTED) {
        let (key, next) = row?;
        let (id, group) =
            key::committed_of(&key).ok_or_else(|| LogError::Corrupt("a group's row cannot be read".into()))?;
        committed.entry(group.into()).or_default().insert(id, number(&next)?);
    }
    state.committed = committed;
    Ok((state, last_ms))
}

fn number(bytes: &[u8]) -> Result<u64> {
    let bytes = bytes.try_into().map_err(|_| LogError::Corrupt("an offset's row is not eight bytes".into()))?;
    Ok(u64::from_be_bytes(bytes))
}
