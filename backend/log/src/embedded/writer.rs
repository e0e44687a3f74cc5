//! The writer: one thread that drains the queue of appends, writes all that wait as one atomic batch, makes it durable
//! with one sync, lets readers see it, and acknowledges. So one sync serves all who wait for it.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, MutexGuard};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::chunk::{Chunk, ChunkBuilder};
use super::core::Core;
use super::group::Membership;
use super::key::Key;
use super::state::{PartitionId, State};
use crate::port::{Appended, LogError, Result};

/// A group commit takes up jobs until it holds this much.
const BATCH_BYTES: usize = 8 << 20;
/// A chunk is closed when it is this large, so that reading a little costs little.
const CHUNK_BYTES: usize = 64 << 10;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Append, all or nothing.
    Append(Append),
    /// Say when all that was asked before is done.
    Barrier(SyncSender<()>),
}

/// Records and consumed offsets to append together.
#[derive(Debug)]
pub(super) struct Append {
    /// The records, in order.
    pub(super) records: Vec<Placed>,
    /// Consumed offsets, with the proof of membership.
    pub(super) offsets: Vec<(Membership, PartitionId, u64)>,
    /// The transactional id and its epoch.
    pub(super) owner: Option<(Arc<str>, u64)>,
    /// Who waits.
    pub(super) reply: Reply,
}

/// An encoded record and where it goes.
#[derive(Debug)]
pub(super) struct Placed {
    /// The partition.
    pub(super) id: PartitionId,
    /// [`super::chunk::encode_record`].
    pub(super) encoded: Bytes,
}

/// Who waits for an append.
#[derive(Debug)]
pub(super) enum Reply {
    /// The sender of one record.
    Delivery(oneshot::Sender<Result<Appended>>),
    /// The committer of a unit of work.
    Commit(SyncSender<Result<()>>),
}

impl Reply {
    /// Refuses. Nobody waiting any more is no matter.
    fn refuse(self, error: LogError) {
        match self {
            Self::Delivery(waiter) => drop(waiter.send(Err(error))),
            Self::Commit(waiter) => drop(waiter.send(Err(error))),
        }
    }

    fn acknowledge(self, last: Option<Appended>) {
        match (self, last) {
            (Self::Delivery(waiter), Some(appended)) => drop(waiter.send(Ok(appended))),
            (Self::Delivery(waiter), None) => drop(waiter.send(Err(LogError::Misuse("nothing was sent".into())))),
            (Self::Commit(waiter), _) => drop(waiter.send(Ok(()))),
        }
    }
}

impl Append {
    /// Its weight in the queue.
    pub(super) fn size_bytes(&self) -> usize {
        self.records.iter().map(|record| record.encoded.len() + 64).sum()
    }
}

/// The writer's own state.
pub(super) struct Writer {
    core: Arc<Core>,
    /// The one clock of the log: the last append time.
    last_ms: i64,
}

/// The chunks of one group commit, by partition.
type Chunks = BTreeMap<PartitionId, Vec<ChunkBuilder>>;

impl Writer {
    /// A writer that continues after `last_ms`.
    pub(super) fn new(core: Arc<Core>, last_ms: i64) -> Self {
        Self { core, last_ms }
    }

    /// Serves the queue until nobody can add to it.
    pub(super) fn run(mut self, queue: &Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            let mut appends = Vec::new();
            let mut barriers = Vec::new();
            let mut size_bytes = 0;
            let mut next = Some(first);
            while let Some(job) = next {
                match job {
                    Job::Append(append) => {
                        size_bytes += append.size_bytes();
                        appends.push(append);
                    }
                    Job::Barrier(waiter) => barriers.push(waiter),
                }
                next = if size_bytes < BATCH_BYTES { queue.try_recv().ok() } else { None };
            }
            self.write(appends);
            self.core.queued_bytes.fetch_sub(size_bytes, Ordering::Relaxed);
            for waiter in barriers {
                // Nobody waiting any more is no matter.
                let _ = waiter.send(());
            }
        }
    }

    fn write(&mut self, appends: Vec<Append>) {
        let appends = self.admit(appends);
        if appends.is_empty() {
            return;
        }
        let (chunks, acknowledgements) = self.fill(&appends);
        let chunks: Vec<(PartitionId, Chunk)> = chunks
            .into_iter()
            .flat_map(|(id, builders)| builders.into_iter().map(move |builder| (id, builder.build())))
            .collect();
        match self.store(&appends, &chunks) {
            Ok(()) => {
                self.publish(&appends, chunks);
                for (append, last) in appends.into_iter().zip(acknowledgements) {
                    append.reply.acknowledge(last);
                }
            }
            Err(error) => self.fail(appends, &error),
        }
    }

    /// Refuses what is fenced; the commits of groups that pass count as in flight from here on.
    fn admit(&self, appends: Vec<Append>) -> Vec<Append> {
        let mut state = self.core.state();
        let mut admitted = Vec::with_capacity(appends.len());
        for append in appends {
            match check(&mut state, &append) {
                Ok(()) => admitted.push(append),
                Err(error) => append.reply.refuse(error),
            }
        }
        admitted
    }

    /// Gives every record its offset and time.
    fn fill(&mut self, appends: &[Append]) -> (Chunks, Vec<Option<Appended>>) {
        self.last_ms = self.last_ms.max(self.core.options.clock.now_ms());
        let append_ms = self.last_ms;
        let mut chunks = Chunks::new();
        let mut acknowledgements = Vec::with_capacity(appends.len());
        for append in appends {
            let mut last = None;
            for record in &append.records {
                let builders = chunks
                    .entry(record.id)
                    .or_insert_with(|| vec![ChunkBuilder::new(self.core.end(record.id), append_ms)]);
                let full = builders.last().filter(|builder| builder.len_bytes() >= CHUNK_BYTES).map(ChunkBuilder::end);
                if let Some(end) = full {
                    builders.push(ChunkBuilder::new(end, append_ms));
                }
                let builder = builders.last_mut().expect("a partition's list starts with a chunk");
                let offset = builder.push(&record.encoded);
                last = Some(Appended { partition: record.id.partition, offset, append_ms });
            }
            acknowledgements.push(last);
        }
        (chunks, acknowledgements)
    }

    fn store(&self, appends: &[Append], chunks: &[(PartitionId, Chunk)]) -> Result<()> {
        let mut batch = self.core.store.batch();
        for (id, chunk) in chunks {
            batch.put(Key::Chunk(*id, chunk.base), &chunk.bytes);
        }
        for (membership, id, next) in appends.iter().flat_map(|append| &append.offsets) {
            batch.put(Key::Committed(*id, &membership.group), next.to_be_bytes());
        }
        batch.commit_durably()
    }

    fn publish(&self, appends: &[Append], chunks: Vec<(PartitionId, Chunk)>) {
        let mut state = self.core.state();
        for (id, chunk) in chunks {
            state.publish(id, chunk);
        }
        state.evict(self.core.options.cache_bytes);
        for (membership, id, next) in appends.iter().flat_map(|append| &append.offsets) {
            state.committed.entry(Arc::clone(&membership.group)).or_default().insert(*id, *next);
        }
        end_commits(&mut state, appends);
    }

    /// After a failed write nobody knows what is on disk: nothing more is acknowledged until the log is opened again.
    fn fail(&self, appends: Vec<Append>, error: &LogError) {
        tracing::error!(%error, "the log takes nothing more; what was acknowledged is safe, and reads go on");
        let mut state = self.core.state();
        state.failed = Some(error.clone());
        end_commits(&mut state, &appends);
        drop(state);
        for append in appends {
            append.reply.refuse(error.clone());
        }
    }
}

fn check(state: &mut MutexGuard<'_, State>, append: &Append) -> Result<()> {
    if let Some(error) = &state.failed {
        return Err(error.clone());
    }
    if let Some((id, epoch)) = &append.owner {
        state.check_owner(id, *epoch)?;
    }
    for (membership, ..) in &append.offsets {
        state.groups.entry(Arc::clone(&membership.group)).or_default().check(membership)?;
    }
    for (membership, ..) in &append.offsets {
        state.groups.entry(Arc::clone(&membership.group)).or_default().commit_begins(membership)?;
    }
    Ok(())
}

fn end_commits(state: &mut MutexGuard<'_, State>, appends: &[Append]) {
    for (membership, ..) in appends.iter().flat_map(|append| &append.offsets) {
        if let Some(group) = state.groups.get_mut(&membership.group) {
            group.commit_ended();
        }
    }
}
