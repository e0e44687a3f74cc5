//! Who watches which item.

use std::collections::HashMap;
use std::sync::Arc;

use gavel_domain::ItemId;

use super::mailbox::Mailbox;

/// The mailboxes of all who watch one item. A fan-out holds on to the list as it was, so none is made under the lock.
pub(super) type Watchers = Arc<Vec<Arc<Mailbox>>>;

/// All subscriptions.
#[derive(Debug, Default)]
pub(super) struct Subscribers(HashMap<ItemId, Watchers>);

impl Subscribers {
    pub(super) fn add(&mut self, item_id: ItemId, mailbox: &Arc<Mailbox>) {
        Arc::make_mut(self.0.entry(item_id).or_default()).push(Arc::clone(mailbox));
    }

    pub(super) fn remove(&mut self, item_id: ItemId, mailbox: &Arc<Mailbox>) {
        let Some(watchers) = self.0.get_mut(&item_id) else { return };
        if let Some(place) = watchers.iter().position(|other| Arc::ptr_eq(other, mailbox)) {
            Arc::make_mut(watchers).swap_remove(place);
        }
        if watchers.is_empty() {
            self.0.remove(&item_id);
        }
    }

    pub(super) fn of(&self, item_id: ItemId) -> Option<Watchers> {
        self.0.get(&item_id).cloned()
    }
}
