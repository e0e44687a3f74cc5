//! The auctions in hand: decoded once, changed in memory, written back when a unit of work commits.

use std::collections::HashMap;

use bytes::Bytes;
use gavel_domain::{AccountId, Auction, ItemId};
use gavel_streams::{Cause, Context, ProcessorError};
use newtype_uuid::GenericUuid;

use super::press::Press;
use super::state::{decode_lot, encode_lot};
use super::store;
use crate::alias::{Alias, alias};
use crate::decode::item_record_key;

/// How many auctions are kept decoded between units of work; beyond it the cache starts afresh.
const LOTS_MAX: usize = 16_384;

/// An auction and what the topology must know of it besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lot {
    /// The append time of its listing.
    pub(super) listed_ms: i64,
    pub(super) auction: Auction,
}

/// A cached lot.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) lot: Lot,
    /// The key of its records.
    pub(super) record_key: Bytes,
    /// Who leads, or last led, and their public name.
    leader: Option<(AccountId, Alias)>,
    is_dirty: bool,
    price_change: Option<PriceChange>,
}

/// The last change of a lot's public state in this unit of work.
#[derive(Debug)]
struct PriceChange {
    cause: Option<Cause>,
}

impl Entry {
    fn new(item: ItemId, lot: Lot) -> Self {
        Self { lot, record_key: item_record_key(item), leader: None, is_dirty: false, price_change: None }
    }

    /// Who leads, and their public name.
    pub(super) fn leader(&mut self, item: ItemId) -> Option<(AccountId, Alias)> {
        let leader = self.lot.auction.leader()?;
        let known = self.leader.filter(|(known, _)| *known == leader);
        Some(*self.leader.insert(known.unwrap_or_else(|| (leader, alias(item, leader)))))
    }

    /// Has the lot's public state published at the next commit, in the name of what is in hand. Of a unit of work only the
    /// last counts.
    pub(super) fn price_changed(&mut self, context: &dyn Context) {
        self.price_change = Some(PriceChange { cause: context.cause() });
    }
}

/// The cache.
#[derive(Debug, Default)]
pub(super) struct Book {
    entries: HashMap<ItemId, Entry, foldhash::fast::RandomState>,
    dirty: Vec<ItemId>,
}

impl Book {
    /// The lot of an item, if it was listed.
    ///
    /// # Errors
    /// `State` when what is stored cannot be read.
    pub(super) fn find(
        &mut self,
        context: &mut dyn Context,
        item: ItemId,
    ) -> Result<Option<&mut Entry>, ProcessorError> {
        use std::collections::hash_map::Entry::{Occupied, Vacant};
        match self.entries.entry(item) {
            Occupied(entry) => Ok(Some(entry.into_mut())),
            Vacant(vacant) => {
                let Some(stored) = context.get(store::AUCTIONS, item.as_untyped_uuid().as_bytes())? else {
                    return Ok(None);
                };
                let lot = decode_lot(&stored)?;
                Ok(Some(vacant.insert(Entry::new(item, lot))))
            }
        }
    }

    /// Adds a new lot.
    pub(super) fn add(&mut self, item: ItemId, lot: Lot) -> &mut Entry {
        self.entries.insert(item, Entry::new(item, lot));
        self.changed(item)
    }

    /// Has the lot written back at the next commit.
    pub(super) fn changed(&mut self, item: ItemId) -> &mut Entry {
        let entry = self.entries.get_mut(&item).expect("only a lot that was found or added is changed");
        if !std::mem::replace(&mut entry.is_dirty, true) {
            self.dirty.push(item);
        }
        entry
    }

    /// Writes back what changed, and has `publish` tell of each lot whose public state did.
    pub(super) fn write_back(
        &mut self,
        context: &mut dyn Context,
        press: &mut Press,
        publish: impl Fn(&mut dyn Context, &mut Press, ItemId, &mut Entry),
    ) {
        for item in self.dirty.drain(..) {
            let entry = self.entries.get_mut(&item).expect("a dirty lot stays in the book until it is written back");
            entry.is_dirty = false;
            context.put(store::AUCTIONS, press.row(item.as_untyped_uuid().as_bytes()), encode_lot(&entry.lot));
            match entry.price_change.take() {
                Some(PriceChange { cause: Some(cause) }) => {
                    publish(&mut *context.on_behalf_of(cause), press, item, entry);
                }
                Some(PriceChange { cause: None }) => publish(context, press, item, entry),
                None => {}
            }
        }
        if self.entries.len() > LOTS_MAX {
            self.entries.clear();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.dirty.clear();
    }
}
