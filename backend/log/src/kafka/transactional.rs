//! The transactional producer. Its calls block, and belong on the thread of the unit of work.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use super::KafkaOptions;
use super::client::{SOCKET_TIMEOUT_MS, offset, owned_list, tells_the_log};
use super::error::{log_error, record_error};
use super::producer::producer_config;
use super::record::to_kafka;
use crate::port::{ConsumedOffset, GroupMetadata, LogError, NewRecord, Result, TopicPartition, TransactionalProducer};

/// While the coordinator still ends what an older producer left open, librdkafka asks again only after half a second; a new
/// client asks at once. So some that are soon dropped ask first, so often, and for so long each.
const QUICK_BEGINS: usize = 4;
const QUICK_BEGIN: Duration = Duration::from_millis(80);
/// What waits to be sent: enough for the batches that are under way.
const QUEUE_KIB: &str = "8192";
/// How long delivery reports are waited for while the queue is full.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);
/// How often a delivery that is waited for is asked whether it can still come.
const DELIVERY_STEP: Duration = Duration::from_millis(200);
/// How long librdkafka needs to drop a report that was heard, or less.
const REPORT_STEP: Duration = Duration::from_micros(50);

/// Records that were handed over. What is asked for each record takes no lock.
#[derive(Default)]
struct InFlight {
    /// Those of which nothing has been heard yet.
    count: AtomicUsize,
    /// For each partition that records named: the offset after the last that was delivered there.
    ends: Mutex<Vec<u64>>,
    none_left: Condvar,
}

impl InFlight {
    fn ends(&self) -> MutexGuard<'_, Vec<u64>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits so long, or until none is left; true if so.
    fn drained_within(&self, timeout: Duration) -> bool {
        let is_flying = |_: &mut Vec<u64>| self.count.load(Ordering::SeqCst) > 0;
        let waited = self.none_left.wait_timeout_while(self.ends(), timeout, is_flying);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// One is heard of.
    fn landed(&self) {
        if self.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            // Whoever waits has either not looked yet, or hears of it.
            drop(self.ends());
            self.none_left.notify_all();
        }
    }
}

/// Hears of deliveries, on the producer's own thread. Why one failed, its transaction tells.
struct Deliveries(Arc<InFlight>);

tells_the_log!(Deliveries);

impl ProducerContext for Deliveries {
    /// The place among the named partitions, from 1; 0 for a record that named none.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, place: usize) {
        if let (Ok(message), Some(place)) = (result, place.checked_sub(1))
            && let Some(end) = self.0.ends().get_mut(place)
        {
            *end = offset(message.offset()) + 1;
        }
        self.0.landed();
    }
}

/// See [`TransactionalProducer`].
pub(super) struct KafkaTransactionalProducer {
    producer: ThreadedProducer<Deliveries>,
    /// Told with each offset that is committed: see [`super::takeover`].
    transactional_id: String,
    in_flight: Arc<InFlight>,
    timeout: Duration,
    is_open: bool,
    /// Topics that exist: librdkafka tells of a missing one only later, and then the transaction is lost.
    known: HashSet<Arc<str>, foldhash::fast::RandomState>,
    /// The partitions that records named, and where the last commit ended in them.
    named: Vec<(TopicPartition, Option<u64>)>,
}

impl KafkaTransactionalProducer {
    pub(super) fn connect(bootstrap: &str, transactional_id: &str, options: &KafkaOptions) -> Result<Self> {
        let mut config = producer_config(bootstrap);
        let timeout_ms = options.transaction_timeout.as_millis();
        config
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", timeout_ms.to_string())
            .set("message.timeout.ms", timeout_ms.to_string())
            .set("socket.timeout.ms", timeout_ms.min(SOCKET_TIMEOUT_MS).to_string())
            // A unit of work fills its batches at once; waiting for more would only add to its commit.
            .set("linger.ms", "0")
            // While one request is answered the next fills: less work for both sides than many small ones on their way. A broker
            // takes the requests of a connection one by one anyhow.
            .set("max.in.flight", "1")
            // Who begins the next transaction while the last one's end is still being marked is told to ask again:
            // with the usual tenth of a second most of a commit would be that wait.
            .set("retry.backoff.ms", "1")
            .set("batch.size", "1000000")
            .set("batch.num.messages", "100000")
            .set("queue.buffering.max.kbytes", QUEUE_KIB)
            .set("compression.type", "lz4");
        let in_flight = Arc::<InFlight>::default();
        let producer = begun(&config, &in_flight, options.request_timeout)?;
        Ok(Self {
            producer,
            transactional_id: transactional_id.to_owned(),
            in_flight,
            timeout: options.request_timeout,
            is_open: false,
            known: HashSet::default(),
            named: Vec::new(),
        })
    }

    /// Asks for all topics, for to name one might create it.
    fn require_topic(&mut self, topic: &Arc<str>) -> Result<()> {
        if self.known.contains(topic) {
            return Ok(());
        }
        let metadata = self.producer.client().fetch_metadata(None, self.timeout);
        let metadata = metadata.map_err(|error| log_error(&error, topic))?;
        self.known = metadata.topics().iter().map(|found| found.name().into()).collect();
        self.known.contains(topic).then_some(()).ok_or_else(|| LogError::UnknownTopic(topic.to_string()))
    }

    /// The place of the partition that a record names among all that were named, from 1.
    fn place_of(&mut self, record: &NewRecord) -> usize {
        let Some(partition) = record.partition else { return 0 };
        let is_it = |(named, _): &(TopicPartition, _)| named.partition == partition && named.topic == record.topic;
        let place = self.named.iter().position(is_it).unwrap_or_else(|| {
            self.named.push((TopicPartition::new(Arc::clone(&record.topic), partition), None));
            self.in_flight.ends().push(0);
            self.named.len() - 1
        });
        place + 1
    }

    fn require_open(&self) -> Result<()> {
        self.is_open.then_some(()).ok_or_else(|| LogError::Misuse("no transaction is open".into()))
    }

    /// Waits until all records are delivered; not for those of a transaction that has failed, which never are.
    fn deliver(&self) -> Result<()> {
        let begun = Instant::now();
        while !self.in_flight.drained_within(DELIVERY_STEP) {
            self.require_well()?;
            self.require_time(begun)?;
        }
        // A record counts until its report is dropped, just after it was heard. If one still does when the commit looks,
        // the commit waits for a tenth of a second.
        while self.producer.in_flight_count() > 0 {
            std::thread::sleep(REPORT_STEP);
            self.require_time(begun)?;
        }
        Ok(())
    }

    fn require_time(&self, begun: Instant) -> Result<()> {
        let late = || LogError::Unavailable("records of the transaction were not delivered in time".into());
        (begun.elapsed() <= self.timeout).then_some(()).ok_or_else(late)
    }

    /// librdkafka tells how the open transaction does only in refusing: to begin another is refused because it is open,
    /// or because it has failed.
    fn require_well(&self) -> Result<()> {
        match self.producer.begin_transaction() {
            Err(KafkaError::Transaction(failure)) if failure.txn_requires_abort() || failure.is_fatal() => {
                Err(log_error(&KafkaError::Transaction(failure), ""))
            }
            _ => Ok(()),
        }
    }

    /// Waits for room in the queue, no longer than a request may take.
    fn send_when_there_is_room(&self, record: &NewRecord, place: usize) -> Result<()> {
        let deadline = Instant::now() + self.timeout;
        let mut message = to_kafka(record, place)?;
        self.in_flight.count.fetch_add(1, Ordering::SeqCst);
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if Instant::now() < deadline =>
                {
                    self.in_flight.drained_within(QUEUE_FULL_PAUSE);
                    message = back;
                }
                Err((error, _)) => {
                    self.in_flight.landed();
                    return Err(self.refusal(&error, record));
                }
            }
        }
    }

    /// Why a record was refused. An open transaction that takes no more has failed in the background.
    fn refusal(&self, error: &KafkaError, record: &NewRecord) -> LogError {
        if let Some((_, reason)) = self.producer.client().fatal_error() {
            return LogError::Fenced(reason);
        }
        match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::State) if self.is_open => {
                LogError::TransactionAborted("one of its records was refused, or it took too long".into())
            }
            _ => record_error(error, &record.topic, record.size_bytes()),
        }
    }
}

/// A producer whose older selves are fenced, and what they left open is ended.
fn begun(config: &ClientConfig, in_flight: &Arc<InFlight>, timeout: Duration) -> Result<ThreadedProducer<Deliveries>> {
    let fence = || -> KafkaResult<()> {
        let herald: BaseProducer<Deliveries> = config.create_with_context(Deliveries(Arc::clone(in_flight)))?;
        init(&herald, QUICK_BEGIN)
    };
    // Where none of them succeeds, the producer itself is more patient.
    let _ = std::iter::repeat_with(fence).take(QUICK_BEGINS).find(KafkaResult::is_ok);
    let begin = || -> KafkaResult<_> {
        let producer: ThreadedProducer<Deliveries> = config.create_with_context(Deliveries(Arc::clone(in_flight)))?;
        init(&producer, timeout).map(|()| producer)
    };
    begin().map_err(|error| log_error(&error, ""))
}

/// librdkafka looks for the coordinator at once; where no broker is reached yet, again only after half a second. So one is
/// reached first.
fn init(producer: &impl Producer<Deliveries>, timeout: Duration) -> KafkaResult<()> {
    producer.client().fetch_metadata(None, timeout)?;
    producer.init_transactions(timeout)
}

impl TransactionalProducer for KafkaTransactionalProducer {
    fn begin(&mut self) -> Result<()> {
        self.producer.begin_transaction().map_err(|error| log_error(&error, ""))?;
        self.is_open = true;
        Ok(())
    }

    fn send(&mut self, record: NewRecord) -> Result<()> {
        self.require_open()?;
        self.require_topic(&record.topic)?;
        let place = self.place_of(&record);
        self.send_when_there_is_room(&record, place)
    }

    fn send_offsets(&mut self, offsets: &[ConsumedOffset], group: &GroupMetadata) -> Result<()> {
        let Some(metadata) = group.proof::<ConsumerGroupMetadata>() else {
            return Err(LogError::Misuse("this proof of membership is of another log".into()));
        };
        let list = owned_list(offsets, &self.transactional_id)?;
        self.producer.send_offsets_to_transaction(&list, metadata, self.timeout).map_err(|error| log_error(&error, ""))
    }

    fn commit(&mut self) -> Result<()> {
        self.require_open()?;
        self.deliver()?;
        self.producer.commit_transaction(self.timeout).map_err(|error| log_error(&error, ""))?;
        self.is_open = false;
        let ends = self.in_flight.ends();
        for ((_, committed), &end) in self.named.iter_mut().zip(ends.iter()) {
            *committed = Some(end);
        }
        Ok(())
    }

    fn committed_end(&self, partition: &TopicPartition) -> Option<u64> {
        self.named.iter().find(|(named, _)| named == partition).and_then(|(_, committed)| *committed)
    }

    fn abort(&mut self) -> Result<()> {
        self.producer.abort_transaction(self.timeout).map_err(|error| log_error(&error, ""))?;
        self.is_open = false;
        Ok(())
    }
}
