//! What the herald must know of a lot, and how it is stored: a version byte, then postcard.

use bytes::Bytes;
use gavel_domain::AccountId;
use gavel_streams::ProcessorError;
use serde::{Deserialize, Serialize};

use crate::decode::damaged;
use crate::wire::CompletionRecord;

const VERSION: u8 = 1;
const ENDED_MARK: u8 = 2;

/// All that is kept of a lot that has ended, so that a listing repeated later does not bring it back.
pub(super) const ENDED: Bytes = Bytes::from_static(&[ENDED_MARK]);

/// A lot that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lot {
    pub(super) seller: AccountId,
    pub(super) title: String,
    pub(super) currency: String,
    pub(super) leader: Option<AccountId>,
    /// The last sequence of its history that was read.
    pub(super) sequence: u64,
    /// The outcome as it was read, if that was before the history was.
    pub(super) waiting: Option<String>,
}

impl Lot {
    /// Keeps the outcome until the history before it has been read.
    pub(super) fn wait_with(&mut self, completion: &CompletionRecord) {
        let json = serde_json::to_string(completion).expect("a record of plain fields always serialises into memory");
        self.waiting = Some(json);
    }

    /// The outcome that waits.
    ///
    /// # Errors
    /// `State` if it cannot be read.
    pub(super) fn waiting(&self) -> Result<Option<CompletionRecord>, ProcessorError> {
        let parse = |json: &String| serde_json::from_str(json).map_err(|_| damaged("an outcome that waits"));
        self.waiting.as_ref().map(parse).transpose()
    }

    /// As bytes.
    pub(super) fn encode(&self) -> Bytes {
        postcard::to_extend(self, vec![VERSION]).expect("fields of known length always encode into memory").into()
    }

    /// Reads what [`encode`](Self::encode) wrote; `None` of a lot that has [`ENDED`].
    ///
    /// # Errors
    /// `State` if it is damaged or of a newer version.
    pub(super) fn decode(bytes: &[u8]) -> Result<Option<Self>, ProcessorError> {
        match bytes.split_first() {
            Some((&VERSION, fields)) => postcard::from_bytes(fields).map(Some).map_err(|_| damaged("a lot")),
            Some((&ENDED_MARK, [])) => Ok(None),
            _ => Err(damaged("a lot")),
        }
    }
}

#[cfg(test)]
mod tests {
    use newtype_uuid::GenericUuid;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn version_1_stays_readable() {
        let account = |number| AccountId::from_untyped_uuid(Uuid::from_u128(number));
        let lot = Lot {
            seller: account(1),
            title: "Vase".into(),
            currency: "USD".into(),
            leader: Some(account(2)),
            sequence: 300,
            waiting: Some("{}".into()),
        };
        let golden =
            b"\x01\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x04Vase\x03USD\x01\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\xac\x02\x01\x02{}";
        assert_eq!(lot.encode(), &golden[..]);
        assert_eq!(Lot::decode(golden).unwrap(), Some(lot));
        assert_eq!(ENDED, &b"\x02"[..]);
        assert_eq!(Lot::decode(b"\x02").unwrap(), None);
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        for bytes in [&b""[..], b"\x03", b"\x02\x01", b"\x01\x10"] {
            assert!(Lot::decode(bytes).is_err());
        }
    }
}
