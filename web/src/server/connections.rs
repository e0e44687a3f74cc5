//! How many connections one address may hold, so that nobody holds them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::Switch;
use crate::security::rate_limit::network;

/// The most connections of one client, however many files the process may open.
const OF_ONE_MAX: usize = 1_000;
/// What part of the files that the process may open is for clients, as numerator and denominator: the log, the database and
/// the local state need the rest.
const FOR_CLIENTS: (usize, usize) = (3, 4);
/// What part of that one client may hold.
const FOR_ONE: usize = 3;

/// The connections that are open. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    of_one_max: usize,
    in_all_max: usize,
    /// Proxies hold the connections of many clients.
    unlimited: Vec<IpAddr>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    in_all: usize,
    by_client: HashMap<IpAddr, usize>,
}

impl Connections {
    /// None yet, where the process may open so many files. These proxies are limited with all others together alone, and so
    /// is everybody where clients are not limited.
    #[must_use]
    pub fn new(files_max: usize, proxies: &[IpAddr], limits: Switch) -> Self {
        let in_all_max = (files_max / FOR_CLIENTS.1).saturating_mul(FOR_CLIENTS.0).max(1);
        let of_one_max = match limits {
            Switch::On => (in_all_max / FOR_ONE).clamp(1, OF_ONE_MAX),
            Switch::Off => in_all_max,
        };
        Self(Arc::new(Shared { of_one_max, in_all_max, unlimited: proxies.to_vec(), open: Mutex::default() }))
    }

    /// A place for a connection of that peer, unless it holds too many, or all do.
    #[must_use]
    pub fn admit(&self, peer: IpAddr) -> Option<Admitted> {
        let peer = peer.to_canonical();
        let client = network(peer);
        let mut open = self.0.lock();
        let held = open.by_client.get(&client).copied().unwrap_or_default();
        let is_limited = !self.0.unlimited.contains(&peer);
        if open.in_all >= self.0.in_all_max || is_limited && held >= self.0.of_one_max {
            return None;
        }
        open.in_all += 1;
        *open.by_client.entry(client).or_default() += 1;
        drop(open);
        Some(Admitted { connections: self.clone(), client })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a connection, given back when dropped.
#[derive(Debug)]
pub struct Admitted {
    connections: Connections,
    client: IpAddr,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.connections.0.lock();
        open.in_all -= 1;
        if let Some(held) = open.by_client.get_mut(&self.client) {
            *held -= 1;
            if *held == 0 {
                open.by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn one_client_cannot_hold_all_places() {
        let connections = Connections::new(400, &[PROXY], Switch::On);
        let client = |last: u8| IpAddr::from([198, 51, 100, last]);
        let held: Vec<_> = (0..1_000).filter_map(|_| connections.admit(client(1))).collect();
        assert_eq!(held.len(), 100, "a third of three quarters");
        let other = connections.admit(client(2));
        assert!(other.is_some(), "others get in");
        drop(held);
        assert!(connections.admit(client(1)).is_some(), "places are given back");
        let of_proxy: Vec<_> = (0..1_000).filter_map(|_| connections.admit(PROXY)).collect();
        assert_eq!(of_proxy.len(), 299, "a proxy holds those of many, up to all");
    }

    #[test]
    fn nothing_is_kept_of_a_client_that_left() {
        let connections = Connections::new(400, &[], Switch::On);
        drop(connections.admit(PROXY));
        assert!(connections.0.lock().by_client.is_empty());
    }
}
