//! What one connection is to be sent, in order: of each item exactly the sequences after the one it has, once each.
//!
//! Events come from three sides: from the hub's window (with the subscription), from the archive (the database), and
//! live (through the inbox). They may overlap and cross: a completion can overtake the last bid, which is in another topic.
//! A [`Sequencer`] per item lets only `last + 1` pass. Where something is missing, or the archive is not yet past the
//! horizon of the window, it is asked again and again: the projection may lag, but not for ever ([`PATIENCE`]).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use gavel_domain::ItemId;
use gavel_readmodel::{Database, EventPage};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::event::{Departure, LiveEvent, frame};
use super::hub::{Hub, Subscription};
use super::mailbox::{self, Mailbox, Parcel};
use crate::security::aliases::Aliases;

/// How many events are asked for at a time.
const PAGE: u32 = 500;
/// The most parcels taken at a time, hence the most frames of one write.
const BATCH: usize = 256;
/// First and longest pause before the archive is asked again.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// How long something may be missing before the connection is told to come again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where events are once they are projected.
pub(super) trait Archive: Clone + Send + Sync + 'static {
    /// The public events of an item after a sequence, in order, at most `limit`, and how far it is.
    fn event_page(
        &self,
        item_id: ItemId,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = gavel_readmodel::Result<EventPage>> + Send;
}

impl Archive for Database {
    fn event_page(
        &self,
        item_id: ItemId,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = gavel_readmodel::Result<EventPage>> + Send {
        Self::event_page(self, item_id, after, limit)
    }
}

/// A frame to send.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) text: Utf8Bytes,
    /// When what it tells of came in here, if it is sent as it happens.
    pub(super) departure: Option<Arc<Departure>>,
}

impl From<Utf8Bytes> for Outgoing {
    fn from(text: Utf8Bytes) -> Self {
        Self { text, departure: None }
    }
}

/// The connection cannot be served in sequence any more: it is to come again and say what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfStep;

/// Lets the events of one item pass in sequence.
#[derive(Debug, Default)]
struct Sequencer {
    last: u64,
    early: BTreeMap<u64, Outgoing>,
    /// How many may be early: as many as the mailbox holds besides those that the window had at the start.
    early_max: usize,
    /// Whether the archive has told all that is below the horizon.
    is_whole: bool,
    /// Whether the archive is being asked, or about to be.
    is_asking: bool,
    /// Since when nothing could pass though something is there, and how often the archive was asked since.
    missing: Option<(Instant, u32)>,
}

impl Sequencer {
    fn offer(&mut self, sequence: u64, outgoing: Outgoing, out: &mut Vec<Outgoing>) {
        if sequence > self.last {
            self.early.entry(sequence).or_insert(outgoing);
        }
        while let Some(next) = self.early.first_entry().filter(|next| *next.key() - 1 == self.last) {
            self.last = *next.key();
            self.missing = None;
            out.push(next.remove());
        }
    }
}

type Fetched = (ItemId, gavel_readmodel::Result<EventPage>);

/// The feed of one connection.
pub(super) struct Feed<A> {
    subscription: Subscription,
    archive: A,
    aliases: Aliases,
    items: HashMap<ItemId, Sequencer>,
    /// What the archive is yet to be asked about, and after which pause.
    behind: VecDeque<(ItemId, Duration)>,
    fetch: Option<BoxFuture<'static, Fetched>>,
    parcels: Vec<Parcel>,
    /// What the window had at the start.
    first: Vec<Outgoing>,
}

impl<A: Archive> Feed<A> {
    /// Subscribes to these items, each after a sequence.
    pub(super) fn open(hub: &Arc<Hub>, archive: A, aliases: &Aliases, items: &[(ItemId, u64)]) -> Self {
        let (subscription, recent) = hub.subscribe(items);
        let sequencer = |after| Sequencer { last: after, is_asking: true, ..Sequencer::default() };
        let mut feed = Self {
            subscription,
            archive,
            aliases: aliases.clone(),
            items: items.iter().map(|(item_id, after)| (*item_id, sequencer(*after))).collect(),
            behind: items.iter().map(|(item_id, _)| (*item_id, Duration::ZERO)).collect(),
            fetch: None,
            parcels: Vec::new(),
            first: Vec::new(),
        };
        let mut first = Vec::new();
        recent.iter().for_each(|event| feed.offer(event, None, &mut first));
        feed.items.values_mut().for_each(|item| item.early_max = item.early.len() + mailbox::CAPACITY);
        feed.first = first;
        feed
    }

    /// Where other frames for this connection can be put.
    pub(super) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.subscription.mailbox
    }

    /// Told once more has come than the connection could take.
    pub(super) fn overflow(&self) -> Arc<Notify> {
        Arc::clone(&self.subscription.inbox.overflow)
    }

    /// Waits until there is something to send, and appends it to `out`; may return with nothing. Cancel-safe.
    pub(super) async fn next(&mut self, out: &mut Vec<Outgoing>) -> Result<(), OutOfStep> {
        if !self.first.is_empty() {
            out.append(&mut self.first);
            return Ok(());
        }
        if self.fetch.is_none()
            && let Some((item_id, pause)) = self.behind.pop_front()
        {
            self.fetch = Some(self.ask(item_id, pause));
        }
        let fetched = async {
            match &mut self.fetch {
                Some(fetch) => fetch.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.subscription.inbox.parcels.recv_many(&mut self.parcels, BATCH) => self.take_parcels(out),
            (item_id, page) = fetched => {
                self.fetch = None;
                self.take_page(item_id, page, out)
            }
        }
    }

    fn ask(&self, item_id: ItemId, pause: Duration) -> BoxFuture<'static, Fetched> {
        let archive = self.archive.clone();
        let after = self.items.get(&item_id).map_or(0, |sequencer| sequencer.last);
        async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            (item_id, archive.event_page(item_id, after, PAGE).await)
        }
        .boxed()
    }

    fn take_parcels(&mut self, out: &mut Vec<Outgoing>) -> Result<(), OutOfStep> {
        for parcel in std::mem::take(&mut self.parcels) {
            match parcel {
                Parcel::Frame(text) => out.push(text.into()),
                Parcel::Event(event) => {
                    self.offer(&event, event.departure.clone(), out);
                    self.check(event.item_id())?;
                }
            }
        }
        Ok(())
    }

    fn take_page(
        &mut self,
        item_id: ItemId,
        page: gavel_readmodel::Result<EventPage>,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), OutOfStep> {
        let Some(sequencer) = self.items.get_mut(&item_id) else { return Ok(()) };
        sequencer.is_asking = false;
        let Ok(EventPage { events, projected }) = page else { return self.ask_again(item_id) };
        let is_full = events.len() == PAGE as usize;
        for event in events {
            let text = frame(&self.aliases, item_id, event.sequence, &event.record);
            sequencer.offer(event.sequence, text.into(), out);
        }
        if is_full {
            sequencer.is_asking = true;
            self.behind.push_back((item_id, Duration::ZERO));
            return Ok(());
        }
        sequencer.is_whole |= self.subscription.horizon.is_reached(&projected);
        if !sequencer.is_whole || !sequencer.early.is_empty() {
            return self.ask_again(item_id);
        }
        sequencer.missing = None;
        Ok(())
    }

    /// Sees to it that what is missing before an event that came too early is asked for.
    fn check(&mut self, item_id: ItemId) -> Result<(), OutOfStep> {
        match self.items.get(&item_id) {
            Some(sequencer) if sequencer.early.len() > sequencer.early_max => Err(OutOfStep),
            Some(sequencer) if !sequencer.early.is_empty() && !sequencer.is_asking => self.ask_again(item_id),
            _ => Ok(()),
        }
    }

    fn ask_again(&mut self, item_id: ItemId) -> Result<(), OutOfStep> {
        let Some(sequencer) = self.items.get_mut(&item_id) else { return Ok(()) };
        let (since, asked) = sequencer.missing.unwrap_or((Instant::now(), 0));
        if since.elapsed() > PATIENCE {
            return Err(OutOfStep);
        }
        sequencer.missing = Some((since, asked + 1));
        sequencer.is_asking = true;
        self.behind.push_back((item_id, PAUSE_MIN.saturating_mul(1 << asked.min(10)).min(PAUSE_MAX)));
        Ok(())
    }

    fn offer(&mut self, event: &LiveEvent, departure: Option<Arc<Departure>>, out: &mut Vec<Outgoing>) {
        if let (Some(sequence), Some(text)) = (event.sequence(), &event.frame)
            && let Some(sequencer) = self.items.get_mut(&event.item_id())
        {
            sequencer.offer(sequence, Outgoing { text: text.clone(), departure }, out);
        }
    }
}
