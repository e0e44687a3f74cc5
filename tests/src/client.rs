//! A client of the public surface, as a stranger would write it from the contract: JSON over HTTP, frames over `/live`.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::StreamExt;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long any one answer or frame may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody with an account and a bearer token.
#[derive(Clone, Debug)]
pub struct Person {
    http: reqwest::Client,
    base: String,
    token: String,
    /// Their account.
    pub account_id: String,
    /// The address they registered with.
    pub email: String,
}

/// A status and the JSON that came with it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The body; `null` when it was not JSON.
    pub body: Value,
    /// Where to look further, if it says so.
    pub location: Option<String>,
    /// When to come back, if it says so.
    pub retry_after_s: Option<u64>,
}

impl Person {
    /// Registers at the house at `base` (`http://host:port`) and logs in.
    pub async fn register(base: &str, name: &str) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let email = format!("{}-{}@people.example", name.to_lowercase(), uuid::Uuid::new_v4().simple());
        let password = "a horse, a battery, a staple";
        let account = post(
            &http,
            &format!("{base}/api/v1/accounts"),
            None,
            &json!({"email": email, "password": password, "display_name": name}),
        )
        .await?;
        ensure!(account.status == StatusCode::CREATED, "registering answered {account:?}");
        let session =
            post(&http, &format!("{base}/api/v1/sessions"), None, &json!({"email": email, "password": password}))
                .await?;
        ensure!(session.status == StatusCode::OK, "logging in answered {session:?}");
        let token = session.body["token"].as_str().context("a token")?.to_owned();
        let account_id = account.body["account_id"].as_str().context("an account_id")?.to_owned();
        Ok(Self { http, base: base.to_owned(), token, account_id, email })
    }

    /// Their bearer token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The same person at another address of the same house.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// Lists an item; the body as the contract has it. Answers the item's id.
    pub async fn list(&self, listing: &Value) -> Result<String> {
        let answer = self.post("/api/v1/items", listing).await?;
        ensure!(answer.status == StatusCode::CREATED, "listing answered {answer:?}");
        Ok(answer.body["item_id"].as_str().context("an item_id")?.to_owned())
    }

    /// Bids up to `max_minor` under an idempotency key.
    pub async fn bid(&self, item_id: &str, max_minor: i64, key: &str) -> Result<Answer> {
        let request = self
            .http
            .post(format!("{}/api/v1/items/{item_id}/bids", self.base))
            .bearer_auth(&self.token)
            .header("idempotency-key", key)
            .json(&json!({ "max_minor": max_minor }));
        answer(request).await
    }

    /// Posts JSON as this person.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        post(&self.http, &format!("{}{path}", self.base), Some(&self.token), body).await
    }

    /// Gets JSON as this person.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        answer(self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token)).await
    }

    /// Gets a page or whatever is there, as text, as this person.
    pub async fn text(&self, path: &str) -> Result<String> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        Ok(request.send().await?.text().await?)
    }

    /// The item's public state.
    pub async fn item(&self, item_id: &str) -> Result<Value> {
        let answer = self.get(&format!("/api/v1/items/{item_id}")).await?;
        ensure!(answer.status == StatusCode::OK, "the item answered {answer:?}");
        Ok(answer.body)
    }

    /// Their public name on an item.
    pub async fn alias(&self, item_id: &str) -> Result<Value> {
        Ok(self.item(item_id).await?["you"]["alias"].clone())
    }

    /// All sequenced events of an item after `after`.
    pub async fn events(&self, item_id: &str, after: u64) -> Result<Vec<Value>> {
        let (mut events, mut cursor) = (Vec::new(), after.to_string());
        loop {
            let answer = self.get(&format!("/api/v1/items/{item_id}/bids?cursor={cursor}")).await?;
            ensure!(answer.status == StatusCode::OK, "the bids answered {answer:?}");
            let page = answer.body["events"].as_array().context("events")?;
            events.extend_from_slice(page);
            match answer.body["next_cursor"].as_str() {
                Some(next) if !page.is_empty() => next.clone_into(&mut cursor),
                _ => return Ok(events),
            }
        }
    }
}

async fn post(http: &reqwest::Client, url: &str, token: Option<&str>, body: &Value) -> Result<Answer> {
    let request = http.post(url).json(body);
    answer(match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    })
    .await
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Answer> {
    let response = request.send().await?;
    let status = response.status();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let location = header("location").map(str::to_owned);
    let retry_after_s = header("retry-after").and_then(|value| value.parse().ok());
    let bytes = response.bytes().await?;
    Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null), location, retry_after_s })
}

/// A watcher on `/live`.
pub struct Watcher {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Watcher {
    /// Watches items, each after a sequence.
    pub async fn connect(base: &str, items: &[(&str, u64)]) -> Result<Self> {
        let items: Vec<String> = items.iter().map(|(item, after)| format!("{item}:{after}")).collect();
        let url = format!("{}/live?items={}", base.replacen("http", "ws", 1), items.join(","));
        let (socket, _) = tokio_tungstenite::connect_async(url).await?;
        Ok(Self { socket })
    }

    /// The next frame that is about an item.
    pub async fn next(&mut self) -> Result<Value> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.context("no frame in time")?;
            match message.context("the socket ended")?? {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text)?;
                    if frame.get("item_id").is_some() {
                        return Ok(frame);
                    }
                }
                Message::Close(reason) => bail!("closed: {reason:?}"),
                _ => {}
            }
        }
    }

    /// All frames up to and with the completion.
    pub async fn until_completed(&mut self) -> Result<Vec<Value>> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await?;
            let completed = frame["event"]["type"] == "item_completed";
            frames.push(frame);
            if completed {
                return Ok(frames);
            }
        }
    }
}
