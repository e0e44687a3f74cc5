//! The interface is what `/api/v1/openapi.json` says: every operation is called, and each answer has a status, a kind and a
//! shape that the document promises.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use gavel_tests::client::Person;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::ground::Ground;

/// The smallest picture.
const PIXEL: &[u8] = include_bytes!("pixel.png");

/// The document, and the operations that were called with success.
struct Document {
    http: Client,
    base: String,
    text: Value,
    called: BTreeSet<String>,
}

/// One request: an operation by its id, and what fills it in.
struct Call<'a> {
    id: &'a str,
    path: Vec<(&'a str, &'a str)>,
    query: &'a str,
    token: Option<&'a str>,
    key: Option<&'a str>,
    body: Option<Value>,
}

impl<'a> Call<'a> {
    fn new(id: &'a str) -> Self {
        Self { id, path: Vec::new(), query: "", token: None, key: None, body: None }
    }

    fn at(mut self, name: &'a str, value: &'a str) -> Self {
        self.path.push((name, value));
        self
    }

    fn query(self, query: &'a str) -> Self {
        Self { query, ..self }
    }

    fn by(self, person: &'a Person) -> Self {
        Self { token: Some(person.token()), ..self }
    }

    fn key(self, key: &'a str) -> Self {
        Self { key: Some(key), ..self }
    }

    fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

impl Document {
    async fn fetch(base: &str) -> Result<Self> {
        let http = Client::new();
        let text = http.get(format!("{base}/api/v1/openapi.json")).send().await?.json().await?;
        Ok(Self { http, base: base.to_owned(), text, called: BTreeSet::new() })
    }

    /// Every operation: method, path, description.
    fn operations(&self) -> Result<Vec<(Method, String, Value)>> {
        let mut operations = Vec::new();
        for (path, methods) in self.text["paths"].as_object().context("paths")? {
            for (method, operation) in methods.as_object().context("methods")? {
                operations.push((method.to_uppercase().parse()?, path.clone(), operation.clone()));
            }
        }
        Ok(operations)
    }

    /// Calls an operation, expects the status, and holds the answer against the document.
    async fn call(&mut self, call: Call<'_>, expected: u16) -> Result<Value> {
        let operations = self.operations()?;
        let found = operations.into_iter().find(|(_, _, operation)| operation["operationId"] == call.id);
        let (method, mut path, operation) = found.with_context(|| format!("no operation {}", call.id))?;
        for (name, value) in &call.path {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        let mut request = self.http.request(method, format!("{}{path}{}", self.base, call.query));
        if let Some(token) = call.token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = call.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = response.bytes().await?;
        let shown = || format!("{} answered {status}: {}", call.id, String::from_utf8_lossy(&body));
        ensure!(status == expected, "{}, not {expected}", shown());
        let promised =
            operation["responses"].get(status.to_string()).with_context(|| format!("{} is not promised", shown()))?;
        if status < 300 {
            self.called.insert(call.id.to_owned());
        }
        let Some(contents) = promised["content"].as_object() else {
            ensure!(body.is_empty(), "{}, though nothing is promised", shown());
            return Ok(Value::Null);
        };
        let kind = kind.with_context(shown)?;
        let kind = kind.split(';').next().unwrap_or_default();
        let content = contents.get(kind).with_context(|| format!("{kind} is not promised: {}", shown()))?;
        if !kind.ends_with("json") {
            return Ok(Value::Null);
        }
        let body: Value = serde_json::from_slice(&body)?;
        if let Some(schema) = content.get("schema") {
            self.hold(schema, &body).with_context(shown)?;
        }
        Ok(body)
    }

    /// Whether a body is of the shape that a schema of the document describes.
    fn hold(&self, schema: &Value, body: &Value) -> Result<()> {
        let whole = json!({"allOf": [schema], "components": self.text["components"]});
        let validator = jsonschema::validator_for(&whole).map_err(|error| anyhow::anyhow!("the schema: {error}"))?;
        let faults: Vec<String> = validator.iter_errors(body).map(|error| error.to_string()).collect();
        ensure!(faults.is_empty(), "{faults:#?}");
        Ok(())
    }
}

fn lot(duration_s: u32) -> Value {
    json!({"title": "A sextant", "description": "", "category": "collectibles", "currency": "USD", "starting_minor": 500,
        "duration_s": duration_s})
}

#[tokio::test]
async fn the_interface_is_what_its_description_says() -> Result<()> {
    let ground = Ground::embedded(&[])?;
    let url = ground.url();
    let mut document = Document::fetch(&url).await?;
    let (seller, ann) = (Person::register(&url, "Sela").await?, Person::register(&url, "Ann").await?);
    accounts(&mut document, &ann).await?;
    let item = items(&mut document, &seller).await?;
    bids(&mut document, &seller, &ann, &item).await?;
    pictures(&mut document, &seller).await?;
    withdrawals(&mut document, &seller, &ann, &item).await?;
    document.call(Call::new("describe"), 200).await?;
    document.call(Call::new("sign_out").by(&ann), 204).await?;
    document.call(Call::new("sign_out").by(&ann), 401).await?;

    let all: BTreeSet<String> = document
        .operations()?
        .iter()
        .filter_map(|(_, _, operation)| operation["operationId"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(document.called, all, "every operation was called with success");
    Ok(())
}

async fn accounts(document: &mut Document, ann: &Person) -> Result<()> {
    let new = |email: &str| json!({"email": email, "password": "a horse, a battery, a staple", "display_name": "Cleo"});
    document.call(Call::new("register").body(new("cleo@people.example")), 201).await?;
    document.call(Call::new("register").body(new(&ann.email)), 409).await?;
    document.call(Call::new("register").body(json!({"email": "no", "password": "short"})), 422).await?;
    let credentials = |password: &str| json!({"email": "cleo@people.example", "password": password});
    document.call(Call::new("sign_in").body(credentials("a horse, a battery, a staple")), 200).await?;
    document.call(Call::new("sign_in").body(credentials("another horse entirely")), 401).await?;
    Ok(())
}

async fn items(document: &mut Document, seller: &Person) -> Result<String> {
    let created = document.call(Call::new("list_item").by(seller).body(lot(3600)), 201).await?;
    let item = created["item_id"].as_str().context("an item_id")?.to_owned();
    document.call(Call::new("list_item").body(lot(3600)), 401).await?;
    let wrong = json!({"title": "", "category": "spaceships", "currency": "XXX", "starting_minor": -1});
    let refused = document.call(Call::new("list_item").by(seller).body(wrong), 422).await?;
    for field in ["title", "category", "currency", "starting_minor"] {
        assert!(refused["errors"][field].is_array(), "{field} is told: {refused}");
    }
    document.call(Call::new("browse_items").query("?q=sextant&status=open&sort=newest&limit=1"), 200).await?;
    document.call(Call::new("browse_items").query("?sort=sideways"), 400).await?;
    document.call(Call::new("show_item").at("item_id", &item), 200).await?;
    document.call(Call::new("show_item").at("item_id", &uuid::Uuid::new_v4().to_string()), 404).await?;
    document.call(Call::new("watch_item").at("item_id", &item).by(seller), 204).await?;
    document.call(Call::new("unwatch_item").at("item_id", &item).by(seller), 204).await?;
    Ok(item)
}

async fn bids(document: &mut Document, seller: &Person, ann: &Person, item: &str) -> Result<()> {
    let place = |max: i64| Call::new("place_bid").at("item_id", item).body(json!({"max_minor": max}));
    let counted = document.call(place(900).by(ann).key("a"), 200).await?;
    let refused = document.call(place(900).by(ann).key("b"), 409).await?;
    assert_eq!(refused["decision"], "not_above_own_max", "{refused}");
    document.call(place(900).by(seller).key("a"), 409).await?;
    document.call(place(900).key("c"), 401).await?;
    document.call(place(900).by(ann), 422).await?;
    document.call(place(-5).by(ann).key("d"), 422).await?;
    let unknown = uuid::Uuid::new_v4().to_string();
    let elsewhere = Call::new("place_bid").at("item_id", &unknown).by(ann).key("e").body(json!({"max_minor": 900}));
    document.call(elsewhere, 404).await?;
    document.call(Call::new("list_bids").at("item_id", item).query("?after=0"), 200).await?;
    document.call(Call::new("list_bids").at("item_id", item).query("?after=x"), 400).await?;
    let receipt = |bid: &Value| bid["bid_id"].as_str().context("a bid_id").map(str::to_owned);
    document.call(Call::new("show_bid").at("bid_id", &receipt(&counted)?).by(ann), 200).await?;
    document.call(Call::new("show_bid").at("bid_id", &receipt(&refused)?).by(ann), 200).await?;
    document.call(Call::new("show_bid").at("bid_id", &receipt(&refused)?).by(seller), 404).await?;
    Ok(())
}

async fn pictures(document: &mut Document, seller: &Person) -> Result<()> {
    let upload = document
        .http
        .post(format!("{}/api/v1/images", document.base))
        .bearer_auth(seller.token())
        .header("content-type", "image/png")
        .body(PIXEL)
        .send()
        .await?;
    ensure!(upload.status().as_u16() == 201, "the picture answered {}", upload.status());
    let created: Value = upload.json().await?;
    document.called.insert("upload_image".into());
    let image = created["image_id"].as_str().context("an image_id")?;
    document.call(Call::new("show_image").at("image_id", image), 200).await?;
    document.call(Call::new("show_thumbnail").at("image_id", image), 200).await?;
    Ok(())
}

async fn withdrawals(document: &mut Document, seller: &Person, ann: &Person, item: &str) -> Result<()> {
    let withdraw = || Call::new("withdraw_item").at("item_id", item);
    document.call(withdraw(), 401).await?;
    document.call(withdraw().by(ann), 403).await?;
    document.call(withdraw().by(seller), 200).await?;
    document.call(withdraw().by(seller), 409).await?;
    let ended = document.call(Call::new("show_item").at("item_id", item), 200).await?;
    assert_eq!(ended["outcome"], "withdrawn", "{ended}");
    Ok(())
}
