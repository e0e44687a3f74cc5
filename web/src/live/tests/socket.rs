//! The same over a real socket: frames, an oversized message, a reader that stops reading.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{PlayedArchive, aliases, decided, item};
use crate::live::connection::Connection;
use crate::live::feed::Feed;
use crate::live::flow::Flow;
use crate::live::hub::Hub;
use crate::live::socket::measured;

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Serves the item on a free port, and connects to it.
async fn connect() -> (Arc<Hub>, watch::Sender<bool>, Client) {
    let flow = Arc::new(Flow::default());
    let hub = Arc::new(Hub::default());
    let (stopping, stopped) = watch::channel(false);
    let served = Arc::clone(&hub);
    let handler = async move |upgrade: WebSocketUpgrade| {
        measured(upgrade).on_upgrade(async move |socket| {
            let (sink, stream) = socket.split();
            let feed = Feed::open(&served, PlayedArchive::default(), &aliases(), &[(item(), 0)]);
            Connection { sink, stream, feed, flow: &flow, stopping: stopped }.serve(Vec::new()).await;
        })
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/live", get(handler))).await });
    let (mut client, _) = connect_async(format!("ws://{address}/live")).await.unwrap();
    assert!(next(&mut client).await.to_text().unwrap().contains("heartbeat"));
    (hub, stopping, client)
}

async fn next(client: &mut Client) -> Message {
    tokio::time::timeout(Duration::from_secs(10), client.next()).await.unwrap().unwrap().unwrap()
}

async fn close_code(client: &mut Client) -> u16 {
    loop {
        if let Message::Close(frame) = next(client).await {
            return frame.unwrap().code.into();
        }
    }
}

#[tokio::test]
async fn frames_and_answers_arrive() {
    let (hub, _stopping, mut client) = connect().await;
    hub.publish((1..=300).map(|sequence| decided(sequence, Some(sequence), sequence)).collect());
    for sequence in 1..=300 {
        let frame = next(&mut client).await;
        assert!(frame.to_text().unwrap().contains(&format!(r#""sequence":{sequence},"event":"#)));
    }
    client.send(Message::text(r#"{"ping":1}"#)).await.unwrap();
    assert!(next(&mut client).await.to_text().unwrap().starts_with(r#"{"pong":1,"server_ms":"#));
}

#[tokio::test]
async fn an_oversized_message_ends_with_1008() {
    let (_hub, _stopping, mut client) = connect().await;
    client.send(Message::text("x".repeat(100_000))).await.unwrap();
    assert_eq!(close_code(&mut client).await, 1008);
}

#[tokio::test]
async fn a_reader_that_stopped_reading_is_closed_with_1013_and_one_that_reads_with_1001() {
    let (hub, _stopping, mut client) = connect().await;
    // More than any socket buffer takes.
    for sequence in 1..=60_000 {
        hub.publish(vec![decided(sequence, Some(sequence), sequence)]);
        if sequence % 500 == 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(close_code(&mut client).await, 1013);
    let (_hub, stopping, mut client) = connect().await;
    stopping.send_replace(true);
    assert_eq!(close_code(&mut client).await, 1001);
}
