//! What can be ordered something: everything, a topology, or a processor, which is to say the topology that runs it.

use gavel_streams::Topology;
use gavel_streams::control::ALL;

use super::OperatorError;
use crate::house::topics::topologies;

/// A scope, and what it comprises.
pub(super) struct Scope {
    /// The key of its order.
    pub(super) name: String,
    /// The names of its topologies.
    pub(super) topologies: Vec<String>,
}

impl Scope {
    /// What is called so.
    pub(super) fn find(name: &str) -> Result<Self, OperatorError> {
        let all = topologies()?;
        let names = all.iter().map(|topology| topology.name().to_owned());
        if name == ALL {
            return Ok(Self { name: ALL.into(), topologies: names.collect() });
        }
        let is_meant = |topology: &&Topology| topology.name() == name || processors(topology).any(|own| own == name);
        match all.iter().find(is_meant).map(|topology| topology.name().to_owned()) {
            Some(found) => Ok(Self { name: found.clone(), topologies: vec![found] }),
            None => {
                let said = |topology: &Topology| {
                    format!(
                        "{} (its processor: {})",
                        topology.name(),
                        processors(topology).collect::<Vec<_>>().join(", ")
                    )
                };
                let known = std::iter::once(ALL.to_owned()).chain(all.iter().map(said)).collect();
                Err(OperatorError::UnknownScope { name: name.into(), known })
            }
        }
    }
}

fn processors(topology: &Topology) -> impl Iterator<Item = String> {
    topology.describe().processors.into_iter().map(|processor| processor.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_stands_for_its_topology() {
        let found = |name: &str| Scope::find(name).map(|scope| (scope.name, scope.topologies));
        let bidding = || ("bidding".to_owned(), vec!["bidding".to_owned()]);
        assert_eq!(found("bidding").unwrap(), bidding());
        assert_eq!(found("auctioneer").unwrap(), bidding());
        assert_eq!(found("all").unwrap().1.len(), 3);
    }

    #[test]
    fn what_is_unknown_is_refused_with_what_is_known() {
        let refusal = Scope::find("biding").err().unwrap().to_string();
        assert!(refusal.starts_with("nothing here is called biding; orders are for all, bidding (its"), "{refusal}");
    }
}
