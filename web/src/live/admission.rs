//! How many connections may be open, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::security::rate_limit::network;

/// The most connections of a process.
const TOTAL_MAX: usize = 20_000;
/// The most connections from one address: many people may share one.
const PER_ADDRESS_MAX: usize = 100;

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Who is connected.
#[derive(Debug)]
pub(super) struct Admissions {
    per_address_max: usize,
    open: Mutex<Open>,
}

impl Admissions {
    /// With limits per address, or with the total alone.
    pub(super) fn new(is_limited: bool) -> Arc<Self> {
        let per_address_max = if is_limited { PER_ADDRESS_MAX } else { TOTAL_MAX };
        Arc::new(Self { per_address_max, open: Mutex::default() })
    }

    /// Lets a connection in, unless there are too many. It counts until the permit is dropped.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Permit> {
        let address = network(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let from_address = open.by_address.get(&address).copied().unwrap_or(0);
        if open.total >= TOTAL_MAX || from_address >= self.per_address_max {
            return None;
        }
        open.total += 1;
        open.by_address.insert(address, from_address + 1);
        metrics::gauge!("gavel_live_connections").set(count(open.total));
        Some(Permit { admissions: Arc::clone(self), address })
    }

    /// How many connections are open.
    pub(super) fn total(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

/// The place of one connection.
#[derive(Debug)]
pub(super) struct Permit {
    admissions: Arc<Admissions>,
    address: IpAddr,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.admissions.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total -= 1;
        match open.by_address.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.by_address.remove(&self.address);
            }
        }
        metrics::gauge!("gavel_live_connections").set(count(open.total));
    }
}

fn count(total: usize) -> f64 {
    u32::try_from(total).unwrap_or(u32::MAX).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let admissions = Admissions::new(true);
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let permits: Vec<_> = (0..PER_ADDRESS_MAX).map(|_| admissions.admit(one).unwrap()).collect();
        assert!(admissions.admit(one).is_none());
        assert!(admissions.admit(other).is_some());
        drop(permits);
        assert_eq!(admissions.total(), 0);
        assert!(admissions.admit(one).is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let admissions = Admissions::new(true);
        let host = |number: usize| format!("2001:db8:1:2::{number:x}").parse().unwrap();
        let permits: Vec<_> = (0..PER_ADDRESS_MAX).map(|number| admissions.admit(host(number)).unwrap()).collect();
        assert!(admissions.admit(host(PER_ADDRESS_MAX)).is_none());
        drop(permits);
        assert!(admissions.admit(host(0)).is_some());
    }
}
