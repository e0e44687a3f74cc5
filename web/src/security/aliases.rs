//! Public names of bidders. At the edge nobody is called by an account id: `bidder_id`, `leader_id` and `winner_id` of the log
//! become names of one lot alone, by a keyed hash, so that who knows an account id cannot find its bids.
//!
//! The key is a record of `gavel.control`, made by the first process that finds none. Each candidate has a record key of its
//! own, so that compaction keeps all; the one at the lowest offset counts, whoever wrote later.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gavel_auctions::wire::topics;
use gavel_domain::{AccountId, ItemId};
use gavel_log::{Log, LogError, NewRecord, Record, Start, TopicPartition};
use hmac::{Hmac, KeyInit, Mac};
use newtype_uuid::GenericUuid;
use rand::TryRngCore;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::Sha256;
use uuid::Uuid;

const KEY_BYTES: usize = 32;
/// What the keys of candidates begin with.
const CANDIDATE: &str = "alias-key/";
const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// How many digits of a name stand before its stars, and how many after.
const DIGITS: (usize, usize) = (4, 4);
/// How long one poll of the topic waits, and how long all may take.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);
const READ_WITHIN: Duration = Duration::from_secs(30);
/// Members of public records that name an account, and what names it to the public.
const NAMED: [(&str, &str); 4] =
    [("bidder_id", "alias"), ("buyer_id", "alias"), ("leader_id", "leader_alias"), ("winner_id", "winner_alias")];
/// Members of public records that say where a bidder is.
const WHEREABOUTS: [&str; 2] = ["country", "grid"];

/// The record of a candidate.
#[derive(Serialize, Deserialize)]
struct AliasKey {
    #[serde(rename = "type")]
    kind: AliasKeyTag,
    v: u16,
    secret: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AliasKeyTag {
    AliasKey,
}

/// Gives bidders their public names. Cheap to clone.
#[derive(Clone)]
pub struct Aliases(Arc<[u8; KEY_BYTES]>);

impl std::fmt::Debug for Aliases {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Aliases")
    }
}

impl Aliases {
    /// Names by this key.
    #[must_use]
    pub fn of_key(key: [u8; KEY_BYTES]) -> Self {
        Self(Arc::new(key))
    }

    /// Names by the house's key, which is made if there is none. Blocks.
    ///
    /// # Errors
    /// As the log refuses; `Unavailable` if it takes too long.
    pub fn open(log: &dyn Log) -> gavel_log::Result<Self> {
        if let Some(key) = first_candidate(log)? {
            return Ok(Self::of_key(key));
        }
        log.producer()?.send(candidate()?).wait()?;
        // Another process may have been quicker.
        let key = first_candidate(log)?;
        key.map(Self::of_key).ok_or_else(|| LogError::Unavailable("the key of aliases cannot be read again".into()))
    }

    /// The public name of a bidder on an item.
    #[must_use]
    pub fn name(&self, item: ItemId, bidder: AccountId) -> String {
        let mut hash = Hmac::<Sha256>::new_from_slice(&*self.0).expect("a key of any length is taken");
        hash.update(item.as_untyped_uuid().as_bytes());
        hash.update(bidder.as_untyped_uuid().as_bytes());
        let hash: [u8; 32] = hash.finalize().into_bytes().into();
        let mut rest = hash[..8].iter().fold(0_u64, |rest, &byte| rest << 8 | u64::from(byte));
        let mut digits = |count: usize| -> String {
            let digit = |rest: &mut u64| {
                let digit = BASE36[usize::try_from(*rest % 36).unwrap_or_default()];
                *rest /= 36;
                char::from(digit)
            };
            (0..count).map(|_| digit(&mut rest)).collect()
        };
        let (first, last) = (digits(DIGITS.0), digits(DIGITS.1));
        format!("{first}***{last}")
    }

    /// The same of somebody, if there is somebody.
    #[must_use]
    pub fn name_of(&self, item: ItemId, bidder: Option<AccountId>) -> Option<String> {
        bidder.map(|bidder| self.name(item, bidder))
    }

    /// A history or completion record as the public may have it. What is no JSON object becomes an empty one.
    #[must_use]
    pub fn public(&self, item: ItemId, record: &str) -> String {
        let mut members: Map<String, Value> = serde_json::from_str(record).unwrap_or_default();
        for member in WHEREABOUTS {
            members.remove(member);
        }
        for (id, alias) in NAMED {
            let Some(account) = members.remove(id) else { continue };
            let account = serde_json::from_value::<Option<AccountId>>(account).ok().flatten();
            members.insert(alias.to_owned(), self.name_of(item, account).into());
        }
        Value::Object(members).to_string()
    }
}

fn candidate() -> gavel_log::Result<NewRecord> {
    let mut key = [0; KEY_BYTES];
    rand::rngs::OsRng
        .try_fill_bytes(&mut key)
        .map_err(|error| LogError::Storage(format!("the system has no randomness: {error}")))?;
    let secret = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let record = AliasKey { kind: AliasKeyTag::AliasKey, v: 1, secret };
    Ok(NewRecord {
        topic: topics::CONTROL.into(),
        partition: Some(0),
        key: Some(format!("{CANDIDATE}{}", Uuid::new_v4()).into()),
        value: Some(serde_json::json!(record).to_string().into()),
        headers: Vec::new(),
    })
}

/// The key at the lowest offset.
fn first_candidate(log: &dyn Log) -> gavel_log::Result<Option<[u8; KEY_BYTES]>> {
    let partition = TopicPartition::new(topics::CONTROL, 0);
    let end = log.watermarks(&partition)?.stable_end;
    let mut consumer = log.consumer(None)?;
    consumer.assign(&[(partition.clone(), Start::Earliest)])?;
    let deadline = Instant::now() + READ_WITHIN;
    let mut records = Vec::new();
    while consumer.position(&partition)? < end {
        consumer.poll(&mut records, 1_000, POLL_TIMEOUT)?;
        if let Some(key) = records.iter().find_map(key_of) {
            return Ok(Some(key));
        }
        records.clear();
        if Instant::now() > deadline {
            return Err(LogError::Unavailable(format!("{} cannot be read to its end", topics::CONTROL)));
        }
    }
    Ok(None)
}

fn key_of(record: &Record) -> Option<[u8; KEY_BYTES]> {
    record.key.as_deref().filter(|key| key.starts_with(CANDIDATE.as_bytes()))?;
    let AliasKey { secret, .. } = serde_json::from_slice(record.value.as_deref()?).ok()?;
    let bytes: Option<Vec<u8>> =
        (0..KEY_BYTES).map(|at| u8::from_str_radix(secret.get(2 * at..2 * at + 2)?, 16).ok()).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions};
    use gavel_log::{Cleanup, TopicSpec};
    use serde_json::json;

    use super::*;

    fn item(number: u128) -> ItemId {
        ItemId::from_untyped_uuid(Uuid::from_u128(number))
    }

    fn bidder(number: u128) -> AccountId {
        AccountId::from_untyped_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn a_bidder_has_one_name_for_each_item_and_key() {
        let (ours, theirs) = (Aliases::of_key([1; 32]), Aliases::of_key([2; 32]));
        assert_eq!(ours.name(item(1), bidder(2)), "qf7w***37pu");
        assert_ne!(ours.name(item(1), bidder(2)), theirs.name(item(1), bidder(2)));
        assert_ne!(ours.name(item(1), bidder(2)), ours.name(item(2), bidder(2)));
        assert_ne!(ours.name(item(1), bidder(2)), ours.name(item(1), bidder(3)));
    }

    #[test]
    fn a_public_record_names_nobody_and_keeps_what_it_does_not_know() {
        let aliases = Aliases::of_key([1; 32]);
        let record = json!({
            "type": "bid_decided", "item_id": item(1), "bidder_id": bidder(2), "alias": "old", "leader_id": null,
            "leader_alias": "old", "country": "GB", "grid": "gcpv", "sequence": 7, "of_the_future": {"x": [1]},
        });
        let public: Value = serde_json::from_str(&aliases.public(item(1), &record.to_string())).unwrap();
        let expected = json!({
            "type": "bid_decided", "item_id": item(1), "alias": aliases.name(item(1), bidder(2)), "leader_alias": null,
            "sequence": 7, "of_the_future": {"x": [1]},
        });
        assert_eq!(public, expected);
    }

    #[test]
    fn all_processes_have_the_same_key_however_they_race() {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(folder.path(), EmbeddedOptions::default()).unwrap();
        let spec = TopicSpec { name: topics::CONTROL.into(), partitions: 1, cleanup: Cleanup::Compact };
        log.create_topic(&spec).unwrap();
        let names: Vec<_> = std::thread::scope(|scope| {
            let opened: Vec<_> = (0..4).map(|_| scope.spawn(|| Aliases::open(&*log).unwrap())).collect();
            opened.into_iter().map(|opened| opened.join().unwrap().name(item(1), bidder(1))).collect()
        });
        assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
        log.producer().unwrap().send(candidate().unwrap()).wait().unwrap();
        assert_eq!(Aliases::open(&*log).unwrap().name(item(1), bidder(1)), names[0], "a later one changes nothing");
    }
}
