//! Gateways: they hand requests to the log, remember what was acknowledged, and try again what was not.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use anyhow::Result;
use gavel_log::{Appended, Delivery, Log, LogError, NewRecord, Producer};

use crate::log::SimulatedLog;
use crate::random::Random;
use crate::workload::Request;

/// How often a request is tried.
const ATTEMPTS: u32 = 4;

struct Waiting {
    request: Request,
    attempts: u32,
    delivery: Delivery,
}

/// A request that the log has acknowledged.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    pub(crate) request: Request,
    pub(crate) appended: Appended,
}

pub(crate) struct Gateways {
    producers: Vec<Arc<dyn Producer>>,
    waiting: Vec<Waiting>,
    /// To be handed over at their times: earliest last.
    to_come: Vec<(Request, u32)>,
    pub(crate) acknowledged: Vec<Acknowledged>,
    random: Random,
}

impl Gateways {
    pub(crate) fn new(log: &SimulatedLog, requests: Vec<Request>, mut random: Random) -> Self {
        let producer = |_| loop {
            if let Ok(producer) = log.connect().producer() {
                break producer;
            }
        };
        let mut to_come: Vec<(Request, u32)> = requests.into_iter().map(|request| (request, 0)).collect();
        to_come.reverse();
        let producers = (0..random.between(1, 3)).map(producer).collect();
        Self { producers, waiting: Vec::new(), to_come, acknowledged: Vec::new(), random }
    }

    /// Hands over what is due, and hears what became of what was.
    pub(crate) fn turn(&mut self, now_ms: i64) -> Result<()> {
        while let Some((request, attempts)) = self.to_come.pop_if(|(request, _)| request.at_ms <= now_ms) {
            let record = NewRecord {
                topic: request.topic.into(),
                partition: None,
                key: request.key.clone(),
                value: Some(request.value.clone()),
                headers: Vec::new(),
            };
            let delivery = self.random.pick(&self.producers).send(record);
            self.waiting.push(Waiting { request, attempts: attempts + 1, delivery });
        }
        for mut waiting in std::mem::take(&mut self.waiting) {
            match Pin::new(&mut waiting.delivery).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => self.waiting.push(waiting),
                Poll::Ready(Ok(appended)) => {
                    self.acknowledged.push(Acknowledged { request: waiting.request, appended });
                }
                Poll::Ready(Err(LogError::Unavailable(_) | LogError::Storage(_))) => self.try_again(waiting, now_ms),
                Poll::Ready(Err(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Nobody knows whether it was appended.
    fn try_again(&mut self, Waiting { mut request, attempts, .. }: Waiting, now_ms: i64) {
        if attempts < ATTEMPTS {
            request.at_ms = now_ms + self.random.between(0, 800);
            let place = self.to_come.partition_point(|(other, _)| other.at_ms > request.at_ms);
            self.to_come.insert(place, (request, attempts));
        }
    }

    /// Whether all was handed over and answered.
    pub(crate) fn is_done(&self) -> bool {
        self.to_come.is_empty() && self.waiting.is_empty()
    }
}
