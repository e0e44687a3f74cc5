//! The same topology in another place: what it reads under one prefix, all that it writes under another.

use std::sync::Arc;

use super::{ClockNode, Graph, ProcessorNode, SinkNode, SourceNode, Topology, changelog_of};
use crate::dead_letters::TOPIC_SUFFIX;

impl Topology {
    /// The topology over other topics: its sources' names begin with `sources`; its own name, and with that its group and its
    /// changelog, and those of its sinks and dead letters begin with `outputs`. So it can run beside the one in the usual
    /// place, over the same records or others. It appends no ticks, for what it reads is not its own: its clock goes as far
    /// as the records do.
    #[must_use]
    pub fn relocated(&self, sources: &str, outputs: &str) -> Self {
        let graph = &*self.0;
        let name = format!("{outputs}{}", graph.name);
        let source = |node: &SourceNode| SourceNode {
            name: node.name.clone(),
            topic: format!("{sources}{}", node.topic).into(),
            dead_letters: format!("{outputs}{}{TOPIC_SUFFIX}", node.topic).into(),
            readers: node.readers.clone(),
        };
        let sink =
            |node: &SinkNode| SinkNode { name: node.name.clone(), topic: format!("{outputs}{}", node.topic).into() };
        let processor = |node: &ProcessorNode| ProcessorNode {
            name: node.name.clone(),
            supplier: Arc::clone(&node.supplier),
            sources: node.sources.clone(),
            stores: node.stores.clone(),
            sinks: node.sinks.clone(),
        };
        Self(Arc::new(Graph {
            changelog: changelog_of(&name),
            name,
            declared_name: graph.declared_name.clone(),
            sources: graph.sources.iter().map(source).collect(),
            clock: graph.clock.as_ref().map(|clock| ClockNode { source: clock.source, tick: None }),
            processors: graph.processors.iter().map(processor).collect(),
            stores: graph.stores.clone(),
            sinks: graph.sinks.iter().map(sink).collect(),
            unit_interval: graph.unit_interval,
        }))
    }
}
