//! What the herald must know of a lot, and how it is stored: a version byte, then postcard.

use bytes::Bytes;
use gavel_domain::AccountId;
use gavel_streams::ProcessorError;
use serde::{Deserialize, Serialize};

use crate::decode::damaged;

const VERSION: u8 = 1;

/// A lot that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lot {
    pub(super) seller: AccountId,
    pub(super) title: String,
    pub(super) currency: String,
    pub(super) leader: Option<AccountId>,
}

impl Lot {
    /// As bytes.
    pub(super) fn encode(&self) -> Bytes {
        postcard::to_extend(self, vec![VERSION]).expect("fields of known length always encode into memory").into()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// `State` if it is damaged or of a newer version.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ProcessorError> {
        match bytes.split_first() {
            Some((&VERSION, fields)) => postcard::from_bytes(fields).map_err(|_| damaged("a lot")),
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
        let lot = Lot { seller: account(1), title: "Vase".into(), currency: "USD".into(), leader: Some(account(2)) };
        let golden =
            b"\x01\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x04Vase\x03USD\x01\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02";
        assert_eq!(lot.encode(), &golden[..]);
        assert_eq!(Lot::decode(golden).unwrap(), lot);
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        for bytes in [&b""[..], b"\x02", b"\x01\x10"] {
            assert!(Lot::decode(bytes).is_err());
        }
    }
}
