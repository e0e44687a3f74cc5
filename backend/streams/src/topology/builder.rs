//! Declaring a topology, and what is checked before it is one.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{ClockNode, Graph, ProcessorNode, SinkNode, SourceNode, StoreNode, Supplier, Topology, changelog_of};
use crate::dead_letters::TOPIC_SUFFIX;
use crate::processor::Processor;

/// The built-in store's name, which no declared store may take.
const TASK_STORE_NAME: &str = "task";

/// Why a topology cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// There is nothing to read.
    #[error("topology {0} has no source")]
    NoSource(String),
    /// There is nothing to do.
    #[error("topology {0} has no processor")]
    NoProcessor(String),
    /// Two parts share a name, or two sources a topic.
    #[error("the name {0} is used twice")]
    Duplicate(String),
    /// A name that cannot be part of a topic's name.
    #[error("the name {0:?} is not made of letters, digits, '.', '_' and '-'")]
    BadName(String),
    /// A processor reads a source that was not declared.
    #[error("{child} refers to the source {source_name}, which is not declared")]
    UnknownSource {
        /// Who refers to it.
        child: String,
        /// What is missing.
        source_name: String,
    },
    /// A store or sink belongs to a processor that was not declared.
    #[error("{child} refers to the processor {processor}, which is not declared")]
    UnknownProcessor {
        /// Who refers to it.
        child: String,
        /// What is missing.
        processor: String,
    },
    /// A part hangs in the air: a source that nobody reads, a processor without a source, a sink or store without a
    /// processor.
    #[error("{0} is not connected")]
    Unconnected(String),
    /// One processor owns a store alone.
    #[error("the store {0} is used by more than one processor")]
    SharedStore(String),
    /// More than one clock.
    #[error("topology {0} has two clocks")]
    TwoClocks(String),
}

/// Declares a topology; [`build`](Self::build) checks it.
pub struct TopologyBuilder {
    name: String,
    sources: Vec<(String, String)>,
    clocks: Vec<(String, Bytes)>,
    processors: Vec<(String, Supplier, Vec<String>)>,
    stores: Vec<(StoreNode, Vec<String>)>,
    sinks: Vec<(String, String, Vec<String>)>,
    unit_interval: Duration,
}

impl TopologyBuilder {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            sources: Vec::new(),
            clocks: Vec::new(),
            processors: Vec::new(),
            stores: Vec::new(),
            sinks: Vec::new(),
            unit_interval: Duration::ZERO,
        }
    }

    /// Reads a topic. All sources of a topology have the same number of partitions.
    #[must_use]
    pub fn source(mut self, name: &str, topic: &str) -> Self {
        self.sources.push((name.into(), topic.into()));
        self
    }

    /// Makes the append times of this source the partition time. `tick` is the value of the record that the runtime
    /// appends to it when a timer is due. Without a clock there is no partition time, and timers never fire.
    #[must_use]
    pub fn clock(mut self, source: &str, tick: impl Into<Bytes>) -> Self {
        self.clocks.push((source.into(), tick.into()));
        self
    }

    /// A processor of these sources' records. `supplier` makes one for each task. Several processors of one source get
    /// its records in the order of declaration. That order is state, too: a timer is kept with its processor's index, so
    /// new processors come last, and none that has timers is moved.
    #[must_use]
    pub fn processor<P: Processor + 'static>(
        mut self,
        name: &str,
        supplier: impl Fn() -> P + Send + Sync + 'static,
        sources: &[&str],
    ) -> Self {
        self.processors.push((name.into(), Arc::new(move || Box::new(supplier())), owned(sources)));
        self
    }

    /// A key-value store of one processor, kept in the changelog `<topology>.changelog`.
    #[must_use]
    pub fn store(mut self, name: &str, processors: &[&str]) -> Self {
        self.stores.push((StoreNode { name: name.into(), is_append_only: false }, owned(processors)));
        self
    }

    /// A store whose keys are set once, never changed and never removed: its rows are logged many to a record.
    #[must_use]
    pub fn append_only_store(mut self, name: &str, processors: &[&str]) -> Self {
        self.stores.push((StoreNode { name: name.into(), is_append_only: true }, owned(processors)));
        self
    }

    /// A topic that these processors write to; the record's key chooses the partition.
    #[must_use]
    pub fn sink(mut self, name: &str, topic: &str, processors: &[&str]) -> Self {
        self.sinks.push((name.into(), topic.into(), owned(processors)));
        self
    }

    /// Begins no unit of work sooner than this after the one before, unless a full one waits. For a topology whose results
    /// nobody waits for: a transaction costs the log as much for one record as for hundreds.
    #[must_use]
    pub fn unit_interval(mut self, interval: Duration) -> Self {
        self.unit_interval = interval;
        self
    }

    /// Checks the graph and fixes it.
    ///
    /// # Errors
    /// The first of what is wrong.
    pub fn build(self) -> Result<Topology, TopologyError> {
        self.check_names()?;
        if self.sources.is_empty() {
            return Err(TopologyError::NoSource(self.name));
        }
        if self.processors.is_empty() {
            return Err(TopologyError::NoProcessor(self.name));
        }
        let clock = self.build_clock()?;
        let mut processors = self.build_processors()?;
        let stores = self.build_stores(&mut processors)?;
        let sinks = self.build_sinks(&mut processors)?;
        let sources = self.build_sources(&processors)?;
        let Self { name, unit_interval, .. } = self;
        let changelog = changelog_of(&name);
        let declared_name = name.clone();
        let graph = Graph { name, declared_name, sources, clock, processors, changelog, stores, sinks, unit_interval };
        Ok(Topology(Arc::new(graph)))
    }

    fn check_names(&self) -> Result<(), TopologyError> {
        let parts = || {
            let sources = self.sources.iter().map(|(name, _)| name);
            let processors = self.processors.iter().map(|(name, ..)| name);
            let sinks = self.sinks.iter().map(|(name, ..)| name);
            sources.chain(processors).chain(sinks)
        };
        let stores = || self.stores.iter().map(|(store, _)| &store.name);
        let topics = || self.sources.iter().map(|(_, topic)| topic);
        let sink_topics = self.sinks.iter().map(|(_, topic, _)| topic);
        for name in std::iter::once(&self.name).chain(parts()).chain(stores()).chain(topics()).chain(sink_topics) {
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            if name.is_empty() || !name.bytes().all(legal) {
                return Err(TopologyError::BadName(name.clone()));
            }
        }
        unique(parts())?;
        unique(topics())?;
        unique(stores().map(String::as_str).chain([TASK_STORE_NAME]))
    }

    fn build_clock(&self) -> Result<Option<ClockNode>, TopologyError> {
        match self.clocks.as_slice() {
            [] => Ok(None),
            [(source, tick)] => {
                Ok(Some(ClockNode { source: self.source_index("the clock", source)?, tick: Some(tick.clone()) }))
            }
            _ => Err(TopologyError::TwoClocks(self.name.clone())),
        }
    }

    fn build_processors(&self) -> Result<Vec<ProcessorNode>, TopologyError> {
        let node = |(name, supplier, parents): &(String, Supplier, Vec<String>)| {
            if parents.is_empty() {
                return Err(TopologyError::Unconnected(name.clone()));
            }
            let sources = parents.iter().map(|parent| self.source_index(name, parent)).collect::<Result<_, _>>()?;
            let supplier = Arc::clone(supplier);
            Ok(ProcessorNode { name: name.clone(), supplier, sources, stores: Vec::new(), sinks: Vec::new() })
        };
        self.processors.iter().map(node).collect()
    }

    fn build_stores(&self, processors: &mut [ProcessorNode]) -> Result<Vec<StoreNode>, TopologyError> {
        let mut stores = vec![StoreNode { name: TASK_STORE_NAME.into(), is_append_only: false }];
        for (store, owners) in &self.stores {
            let name = &store.name;
            let owner = match owners.as_slice() {
                [] => return Err(TopologyError::Unconnected(name.clone())),
                [owner] => self.processor_index(name, owner)?,
                _ => return Err(TopologyError::SharedStore(name.clone())),
            };
            processors[owner].stores.push(stores.len());
            stores.push(store.clone());
        }
        Ok(stores)
    }

    fn build_sinks(&self, processors: &mut [ProcessorNode]) -> Result<Vec<SinkNode>, TopologyError> {
        let mut sinks = Vec::new();
        for (name, topic, parents) in &self.sinks {
            if parents.is_empty() {
                return Err(TopologyError::Unconnected(name.clone()));
            }
            for parent in parents {
                processors[self.processor_index(name, parent)?].sinks.push(sinks.len());
            }
            sinks.push(SinkNode { name: name.clone(), topic: topic.as_str().into() });
        }
        Ok(sinks)
    }

    fn build_sources(&self, processors: &[ProcessorNode]) -> Result<Vec<SourceNode>, TopologyError> {
        let node = |(index, (name, topic)): (usize, &(String, String))| {
            let reads = |processor: &ProcessorNode| processor.sources.contains(&index);
            let readers: Vec<usize> = (0..processors.len()).filter(|&reader| reads(&processors[reader])).collect();
            if readers.is_empty() {
                return Err(TopologyError::Unconnected(name.clone()));
            }
            let dead_letters = format!("{topic}{TOPIC_SUFFIX}").into();
            Ok(SourceNode { name: name.clone(), topic: topic.as_str().into(), dead_letters, readers })
        };
        self.sources.iter().enumerate().map(node).collect()
    }

    fn source_index(&self, child: &str, source: &str) -> Result<usize, TopologyError> {
        let unknown = || TopologyError::UnknownSource { child: child.into(), source_name: source.into() };
        self.sources.iter().position(|(name, _)| name == source).ok_or_else(unknown)
    }

    fn processor_index(&self, child: &str, processor: &str) -> Result<usize, TopologyError> {
        let unknown = || TopologyError::UnknownProcessor { child: child.into(), processor: processor.into() };
        self.processors.iter().position(|(name, ..)| name == processor).ok_or_else(unknown)
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn unique(names: impl Iterator<Item = impl AsRef<str> + Display>) -> Result<(), TopologyError> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name.to_string()) {
            return Err(TopologyError::Duplicate(name.to_string()));
        }
    }
    Ok(())
}
