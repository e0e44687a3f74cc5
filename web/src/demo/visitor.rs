//! One of the demo's people, at the house's public API.

use serde_json::{Value, json};
use uuid::Uuid;

use super::run::DemoError;

/// An account with a session.
#[derive(Clone)]
pub(super) struct Visitor {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Visitor {
    /// Registers and logs in. Each run of the demo makes people of its own.
    pub(super) async fn register(http: &reqwest::Client, base: &str, name: &str) -> Result<Self, DemoError> {
        let email = format!("demo-{}@demo.invalid", Uuid::new_v4().simple());
        let password = Uuid::new_v4().to_string();
        let account = json!({"email": email, "password": password, "display_name": name});
        expect_success(http.post(format!("{base}/api/v1/accounts")).json(&account)).await?;
        let session = json!({"email": email, "password": password});
        let answer = expect_success(http.post(format!("{base}/api/v1/sessions")).json(&session)).await?;
        Ok(Self { http: http.clone(), base: base.to_owned(), token: text(&answer, "token")? })
    }

    /// Uploads a picture and answers its id.
    pub(super) async fn upload(&self, png: Vec<u8>) -> Result<String, DemoError> {
        let request = self.post("/api/v1/images").header("content-type", "image/png").body(png);
        text(&expect_success(request).await?, "image_id")
    }

    /// Lists an item and answers its id.
    pub(super) async fn list(&self, listing: &Value) -> Result<String, DemoError> {
        text(&expect_success(self.post("/api/v1/items").json(listing)).await?, "item_id")
    }

    /// Bids. Whether the bid counted is the house's to say: people bid too low, and too late.
    pub(super) async fn bid(&self, item_id: &str, max_minor: i64) -> Result<(), DemoError> {
        let request = self
            .post(&format!("/api/v1/items/{item_id}/bids"))
            .header("idempotency-key", Uuid::new_v4().to_string())
            .json(&json!({ "max_minor": max_minor }));
        let answer = request.send().await?;
        match answer.status() {
            status if status.is_success() || status == reqwest::StatusCode::CONFLICT => Ok(()),
            status => Err(DemoError::Refused { status: status.as_u16(), detail: answer.text().await? }),
        }
    }

    fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token)
    }
}

async fn expect_success(request: reqwest::RequestBuilder) -> Result<Value, DemoError> {
    let answer = request.send().await?;
    let status = answer.status();
    if !status.is_success() {
        return Err(DemoError::Refused { status: status.as_u16(), detail: answer.text().await? });
    }
    Ok(answer.json().await?)
}

fn text(answer: &Value, field: &'static str) -> Result<String, DemoError> {
    answer[field].as_str().map(str::to_owned).ok_or(DemoError::Missing(field))
}
