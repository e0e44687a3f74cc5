//! One connection, from its first heartbeat to its last word. Takes any sink and stream of messages.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, close_code};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::feed::{Archive, Feed, Outgoing};
use super::flow::Flow;
use super::now_ms;

/// How often the present is told.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);
/// Every so many heartbeats the peer is pinged; by the next heartbeat it must have said something.
const HEARTBEATS_A_PING: u32 = 2;
/// How long a peer may take to read one write.
const WRITE_WITHIN: Duration = Duration::from_secs(30);
/// How long a farewell may take, until the peer has answered it; and where the peer is slow.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);
const CLOSE_SLOWLY_WITHIN: Duration = Duration::from_secs(30);
/// The longest message that a client may send.
pub(super) const MESSAGE_BYTES_MAX: usize = 256;
/// How many messages a client may send between two heartbeats.
const MESSAGES_MAX: u32 = 30;

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    /// The peer has gone: nothing more is said.
    Gone,
    /// This process stops.
    Stopping,
    /// The peer sent what is not accepted.
    Refused,
    /// The peer cannot keep up or is silent, or the house cannot serve it in sequence: it is to come again with its
    /// sequence.
    TooSlow,
}

impl Farewell {
    fn frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Gone => return None,
            Self::Stopping => (close_code::AWAY, "the house restarts; come again with your last sequence"),
            Self::Refused => (close_code::POLICY, "only a small {\"ping\":ms} now and then is accepted here"),
            Self::TooSlow => (close_code::AGAIN, "too far behind; come again with your last sequence"),
        };
        Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) })
    }

    /// What waits to be read comes before the last word, so who is slow gets time for it.
    fn within(self) -> Duration {
        if self == Self::TooSlow { CLOSE_SLOWLY_WITHIN } else { CLOSE_WITHIN }
    }
}

/// The only message that clients send: by the answer they measure their clock's offset.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ping {
    ping: serde_json::Number,
}

/// A connection being served.
pub(super) struct Connection<'a, S, R, A> {
    pub(super) sink: S,
    pub(super) stream: R,
    pub(super) feed: Feed<A>,
    pub(super) flow: &'a Flow,
    /// True once this process stops.
    pub(super) stopping: watch::Receiver<bool>,
}

impl<S, R, E, A> Connection<'_, S, R, A>
where
    S: Sink<Message> + Unpin,
    R: Stream<Item = Result<Message, E>> + Unpin,
    A: Archive,
{
    /// Serves until the connection ends; `first` is sent before anything else, after a heartbeat.
    pub(super) async fn serve(mut self, first: Vec<Utf8Bytes>) -> Farewell {
        let farewell = match self.run(first).await {
            Ok(never) => match never {},
            Err(farewell) => farewell,
        };
        // If the peer does not take it in time, it learns by the connection's end.
        let _ = timeout(farewell.within(), self.part(farewell)).await;
        farewell
    }

    async fn run(&mut self, first: Vec<Utf8Bytes>) -> Result<std::convert::Infallible, Farewell> {
        let mut out: Vec<Outgoing> = first.into_iter().map(Outgoing::from).collect();
        out.insert(0, heartbeat());
        self.write(&mut out).await?;
        let mut beat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beats = 0_u32;
        let mut messages = 0;
        let mut is_awaited = false;
        let overflow = self.feed.overflow();
        loop {
            tokio::select! {
                biased;
                () = overflow.notified() => return Err(Farewell::TooSlow),
                () = stopped(&mut self.stopping) => return Err(Farewell::Stopping),
                message = self.stream.next() => {
                    messages += 1;
                    is_awaited = false;
                    let answer = hear(message, messages)?;
                    out.extend(answer.map(Outgoing::from));
                }
                _ = beat.tick() => {
                    if is_awaited {
                        return Err(Farewell::TooSlow);
                    }
                    (beats, messages) = (beats.wrapping_add(1), 0);
                    out.push(heartbeat());
                    if beats.is_multiple_of(HEARTBEATS_A_PING) {
                        is_awaited = true;
                        self.sink.feed(Message::Ping(Bytes::new())).await.map_err(|_| Farewell::Gone)?;
                    }
                }
                fed = self.feed.next(&mut out) => fed.map_err(|_| Farewell::TooSlow)?,
            }
            self.write(&mut out).await?;
        }
    }

    /// Sends all of `out` in one write, as far as the peer takes it.
    async fn write(&mut self, out: &mut Vec<Outgoing>) -> Result<(), Farewell> {
        if out.is_empty() {
            return Ok(());
        }
        let overflow = self.feed.overflow();
        let sink = &mut self.sink;
        let writing = async {
            for outgoing in out.iter() {
                sink.feed(Message::Text(outgoing.text.clone())).await?;
            }
            sink.flush().await
        };
        tokio::select! {
            biased;
            written = timeout(WRITE_WITHIN, writing) => match written {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Farewell::Gone),
                Err(_) => return Err(Farewell::TooSlow),
            },
            () = overflow.notified() => return Err(Farewell::TooSlow),
        }
        for departure in out.drain(..).filter_map(|outgoing| outgoing.departure) {
            departure.first_arrival().inspect(|took| self.flow.record_pushed(*took));
        }
        Ok(())
    }

    /// Says why, and waits until the peer has read it: a connection cut with unread bytes would take it back.
    async fn part(&mut self, farewell: Farewell) {
        let Some(frame) = farewell.frame() else { return };
        if self.sink.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        while let Some(Ok(_)) = self.stream.next().await {}
    }
}

/// Waits until this process stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // Without a sender nobody serves any more, which is the same.
    let _ = stopping.wait_for(|is_stopping| *is_stopping).await.map(drop);
}

/// What a message of the client is answered, if it is acceptable.
fn hear<E>(message: Option<Result<Message, E>>, count: u32) -> Result<Option<Utf8Bytes>, Farewell> {
    if count > MESSAGES_MAX {
        return Err(Farewell::Refused);
    }
    match message {
        None | Some(Ok(Message::Close(_))) => Err(Farewell::Gone),
        // A message over the limit, or bytes that are no message.
        Some(Err(_) | Ok(Message::Binary(_))) => Err(Farewell::Refused),
        // The library answers pings.
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Text(text))) if text.len() > MESSAGE_BYTES_MAX => Err(Farewell::Refused),
        Some(Ok(Message::Text(text))) => {
            let Ping { ping } = serde_json::from_str(&text).map_err(|_| Farewell::Refused)?;
            Ok(Some(format!(r#"{{"pong":{ping},"server_ms":{}}}"#, now_ms()).into()))
        }
    }
}

fn heartbeat() -> Outgoing {
    Utf8Bytes::from(format!(r#"{{"heartbeat":{}}}"#, now_ms())).into()
}
