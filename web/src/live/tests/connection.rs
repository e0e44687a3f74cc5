//! The connection loop, over channels in place of a socket.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, close_code};
use futures_util::{Sink, sink, stream};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::{PlayedArchive, aliases, decided, item};
use crate::live::connection::{Connection, Farewell, HEARTBEAT};
use crate::live::feed::Feed;
use crate::live::flow::Flow;
use crate::live::hub::Hub;
use crate::live::mailbox;

/// A client, with the house it is connected to.
struct Client {
    hub: Arc<Hub>,
    flow: Arc<Flow>,
    to_house: mpsc::Sender<Result<Message, Infallible>>,
    from_house: mpsc::Receiver<Message>,
    stopping: watch::Sender<bool>,
    served: JoinHandle<Farewell>,
}

impl Client {
    /// Connects; the line to the client holds `line` messages.
    fn connect(line: usize, after: u64, first: Vec<Utf8Bytes>) -> Self {
        Self::connect_to(Arc::new(Hub::default()), Arc::new(Flow::default()), line, after, first)
    }

    /// Another connection to the same house.
    fn another(&self, after: u64) -> Self {
        Self::connect_to(Arc::clone(&self.hub), Arc::clone(&self.flow), 8, after, Vec::new())
    }

    fn connect_to(hub: Arc<Hub>, flow: Arc<Flow>, line: usize, after: u64, first: Vec<Utf8Bytes>) -> Self {
        let (sender, from_house) = mpsc::channel(line);
        let (to_house, receiver) = mpsc::channel(64);
        let sink: Pin<Box<dyn Sink<Message, Error = &'static str> + Send>> =
            Box::pin(sink::unfold(sender, |sender, message| async move {
                sender.send(message).await.map(|()| sender).map_err(|_| "the client has gone")
            }));
        let stream =
            Box::pin(stream::unfold(receiver, |mut receiver: mpsc::Receiver<Result<Message, Infallible>>| async {
                let message = receiver.recv().await?;
                Some((message, receiver))
            }));
        let (stopping, stopped) = watch::channel(false);
        let feed = Feed::open(&hub, PlayedArchive::default(), &aliases(), &[(item(), after)]);
        let measured = Arc::clone(&flow);
        let served = tokio::spawn(async move {
            Connection { sink, stream, feed, flow: &measured, stopping: stopped }.serve(first).await
        });
        Self { hub, flow, to_house, from_house, stopping, served }
    }

    async fn next(&mut self) -> Message {
        tokio::time::timeout(Duration::from_secs(60), self.from_house.recv()).await.unwrap().unwrap()
    }

    async fn next_json(&mut self) -> Value {
        match self.next().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn say(&mut self, text: &'static str) {
        self.to_house.send(Ok(Message::Text(Utf8Bytes::from_static(text)))).await.unwrap();
    }

    /// Reads on to the farewell.
    async fn close_code(mut self) -> (u16, Farewell) {
        loop {
            if let Message::Close(Some(frame)) = self.next().await {
                drop(self.to_house);
                return (frame.code, self.served.await.unwrap());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_comes_at_once_and_every_fifteen_seconds() {
    let unknown = Utf8Bytes::from_static(r#"{"item_id":"x","error":"unknown_item"}"#);
    let mut client = Client::connect(8, 0, vec![unknown]);
    assert!(client.next_json().await["heartbeat"].is_i64());
    assert_eq!(client.next_json().await["error"], "unknown_item");
    let before = tokio::time::Instant::now();
    assert!(client.next_json().await["heartbeat"].is_i64());
    assert_eq!(before.elapsed(), HEARTBEAT);
}

#[tokio::test(start_paused = true)]
async fn events_come_as_they_happen() {
    let mut client = Client::connect(8, 1, Vec::new());
    client.next_json().await;
    client.hub.publish(vec![decided(0, Some(1), 1), decided(1, None, 2), decided(2, Some(2), 3)]);
    let frame = client.next_json().await;
    assert_eq!((&frame["item_id"], &frame["sequence"]), (&item().to_string().into(), &2.into()));
    assert_eq!((&frame["event"]["type"], &frame["event"]["price_minor"]), (&"bid_decided".into(), &103.into()));
    client.say(r#"{"ping":1.5}"#).await;
    let pong = client.next_json().await;
    assert_eq!(pong["pong"], 1.5);
    assert!(pong["server_ms"].is_i64());
    assert_eq!(client.flow.snapshot().pushed.total, 0, "none of it was posted here");
}

#[tokio::test(start_paused = true)]
async fn what_was_posted_here_is_measured_once_however_many_watch() {
    let mut client = Client::connect(8, 0, Vec::new());
    let mut second = client.another(0);
    client.next_json().await;
    second.next_json().await;
    let event = decided(0, Some(1), 1);
    let _waiter = client.hub.expect(event.key().unwrap(), std::time::Instant::now());
    client.hub.publish(vec![event]);
    for watcher in [&mut client, &mut second] {
        assert_eq!(watcher.next_json().await["sequence"], 1);
        watcher.say(r#"{"ping":1}"#).await;
        watcher.next_json().await;
    }
    assert_eq!(client.flow.snapshot().pushed.total, 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_client_must_not_say_ends_the_connection() {
    for bad in ["hello", r#"{"ping":"now"}"#, r#"{"ping":1,"more":2}"#, r#"{"bid":100}"#] {
        let mut client = Client::connect(8, 0, Vec::new());
        client.say(bad).await;
        assert_eq!(client.close_code().await, (close_code::POLICY, Farewell::Refused), "{bad}");
    }
    let mut client = Client::connect(64, 0, Vec::new());
    for _ in 0..31 {
        client.say(r#"{"ping":1}"#).await;
    }
    assert_eq!(client.close_code().await, (close_code::POLICY, Farewell::Refused));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_cannot_keep_up_is_told_to_come_again() {
    let client = Client::connect(1, 0, Vec::new());
    let flood = (1..=mailbox::CAPACITY as u64 * 3).map(|sequence| decided(sequence, Some(sequence), sequence));
    for event in flood {
        client.hub.publish(vec![event]);
    }
    assert_eq!(client.close_code().await, (close_code::AGAIN, Farewell::TooSlow));
}

#[tokio::test(start_paused = true)]
async fn a_house_that_stops_says_so() {
    let mut client = Client::connect(8, 0, Vec::new());
    client.next_json().await;
    client.stopping.send_replace(true);
    assert_eq!(client.close_code().await, (close_code::AWAY, Farewell::Stopping));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_no_ping_is_told_to_come_again() {
    let mut client = Client::connect(64, 0, Vec::new());
    let mut pings = 0;
    let code = loop {
        match client.next().await {
            Message::Ping(_) => pings += 1,
            Message::Close(frame) => break frame.unwrap().code,
            _ => {}
        }
    };
    assert_eq!((pings, code), (1, close_code::AGAIN));
    assert_eq!(client.served.await.unwrap(), Farewell::TooSlow, "it does not wait for an answer for ever");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_its_last_word_late() {
    let mut client = Client::connect(1, 0, Vec::new());
    for sequence in 1..=mailbox::CAPACITY as u64 * 3 {
        client.hub.publish(vec![decided(sequence, Some(sequence), sequence)]);
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(client.next_json().await["heartbeat"].is_i64());
    assert_eq!(client.close_code().await, (close_code::AGAIN, Farewell::TooSlow));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_stays() {
    let mut client = Client::connect(64, 0, Vec::new());
    for _ in 0..20 {
        if let Message::Ping(data) = client.next().await {
            client.to_house.send(Ok(Message::Pong(data))).await.unwrap();
        }
    }
    assert!(!client.served.is_finished());
}
