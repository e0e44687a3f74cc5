//! A topology as plain data, to be printed and compared, in Kafka Streams' words.

use std::fmt::{Display, Formatter, Result};

use crate::topology::{StoreNode, Topology};

/// The graph of a topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopologyDescription {
    /// The topology's name.
    pub name: String,
    /// Its sources, in the order in which they are read.
    pub sources: Vec<SourceDescription>,
    /// Its processors, in the order of declaration.
    pub processors: Vec<ProcessorDescription>,
    /// The topic that the changes of its stores are logged to.
    pub changelog: String,
    /// Its stores, the built-in one first.
    pub stores: Vec<String>,
    /// Its sinks, in the order of declaration.
    pub sinks: Vec<SinkDescription>,
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceDescription {
    /// Its name.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// Whether its append times are partition time.
    pub clock: bool,
    /// The processors that read it.
    pub successors: Vec<String>,
}

/// What works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessorDescription {
    /// Its name.
    pub name: String,
    /// Its stores.
    pub stores: Vec<String>,
    /// The sources that it reads.
    pub predecessors: Vec<String>,
    /// The sinks that it writes to.
    pub successors: Vec<String>,
}

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkDescription {
    /// Its name.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// The processors that write to it.
    pub predecessors: Vec<String>,
}

impl Topology {
    /// The graph as plain data.
    #[must_use]
    pub fn describe(&self) -> TopologyDescription {
        let graph = &self.0;
        let processor_name = |&index: &usize| graph.processors[index].name.clone();
        let source = |(index, source): (usize, &crate::topology::SourceNode)| SourceDescription {
            name: source.name.clone(),
            topic: source.topic.to_string(),
            clock: graph.clock.as_ref().is_some_and(|clock| clock.source == index),
            successors: source.readers.iter().map(processor_name).collect(),
        };
        let processor = |processor: &crate::topology::ProcessorNode| ProcessorDescription {
            name: processor.name.clone(),
            stores: processor.stores.iter().map(|&store| graph.stores[store].name.clone()).collect(),
            predecessors: processor.sources.iter().map(|&source| graph.sources[source].name.clone()).collect(),
            successors: processor.sinks.iter().map(|&sink| graph.sinks[sink].name.clone()).collect(),
        };
        let sink = |(index, sink): (usize, &crate::topology::SinkNode)| SinkDescription {
            name: sink.name.clone(),
            topic: sink.topic.to_string(),
            predecessors: (0..graph.processors.len())
                .filter(|&parent| graph.processors[parent].sinks.contains(&index))
                .map(|parent| processor_name(&parent))
                .collect(),
        };
        TopologyDescription {
            name: graph.name.clone(),
            sources: graph.sources.iter().enumerate().map(source).collect(),
            processors: graph.processors.iter().map(processor).collect(),
            changelog: graph.changelog.to_string(),
            stores: graph.stores.iter().map(told).collect(),
            sinks: graph.sinks.iter().enumerate().map(sink).collect(),
        }
    }
}

/// A store and how it is logged.
fn told(store: &StoreNode) -> String {
    if store.is_append_only { format!("{} (append only)", store.name) } else { store.name.clone() }
}

impl Display for TopologyDescription {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "Topology: {}", self.name)?;
        for source in &self.sources {
            let clock = if source.clock { ", clock" } else { "" };
            writeln!(f, "  Source: {} (topic: {}{clock})", source.name, source.topic)?;
            writeln!(f, "    --> {}", source.successors.join(", "))?;
        }
        for processor in &self.processors {
            writeln!(f, "  Processor: {} (stores: [{}])", processor.name, processor.stores.join(", "))?;
            if !processor.successors.is_empty() {
                writeln!(f, "    --> {}", processor.successors.join(", "))?;
            }
            writeln!(f, "    <-- {}", processor.predecessors.join(", "))?;
        }
        writeln!(f, "  Stores: [{}] (changelog: {})", self.stores.join(", "), self.changelog)?;
        for sink in &self.sinks {
            writeln!(f, "  Sink: {} (topic: {})", sink.name, sink.topic)?;
            writeln!(f, "    <-- {}", sink.predecessors.join(", "))?;
        }
        Ok(())
    }
}
