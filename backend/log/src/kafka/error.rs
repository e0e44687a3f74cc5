//! Errors of librdkafka, sorted by what the caller can do.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::port::{LogError, RECORD_BYTES_MAX};

/// Sorts an error of a call about `topic`.
pub(super) fn log_error(error: &KafkaError, topic: &str) -> LogError {
    if let KafkaError::Transaction(failure) = error {
        let text = failure.string();
        return match failure.code() {
            code if is_fencing(code) => LogError::Fenced(text),
            _ if failure.is_fatal() => LogError::Fenced(text),
            _ if failure.txn_requires_abort() => LogError::TransactionAborted(text),
            Code::State | Code::InvalidTransactionalState => LogError::Misuse(text),
            _ => LogError::Unavailable(text),
        };
    }
    match error.rdkafka_error_code() {
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
            LogError::UnknownTopic(topic.to_owned())
        }
        Some(code) if is_fencing(code) => LogError::Fenced(error.to_string()),
        Some(Code::State | Code::InvalidArgument) => LogError::Misuse(error.to_string()),
        _ => match error {
            KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => LogError::Misuse(error.to_string()),
            _ => LogError::Unavailable(error.to_string()),
        },
    }
}

/// Sorts the refusal of a record for `topic` of that size. The log's own limit was checked before: a lower one is the
/// topic's, which is not told.
pub(super) fn record_error(error: &KafkaError, topic: &str, size_bytes: usize) -> LogError {
    match error.rdkafka_error_code() {
        Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => {
            LogError::RecordTooLarge { size_bytes, limit_bytes: size_bytes.saturating_sub(1).min(RECORD_BYTES_MAX) }
        }
        _ => log_error(error, topic),
    }
}

/// A newer owner of the transactional id or of the group membership exists.
fn is_fencing(code: Code) -> bool {
    matches!(
        code,
        Code::Fenced
            | Code::ProducerFenced
            | Code::InvalidProducerEpoch
            | Code::FencedInstanceId
            | Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::TransactionCoordinatorFenced
            | Code::InvalidProducerIdMapping
    )
}
