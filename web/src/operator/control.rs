//! `gavel control`: gives an order, and waits until every worker that lives says that it follows it.

use std::io::Write;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gavel_auctions::wire::topics;
use gavel_log::{Appended, Log};
use gavel_streams::control::{ALL, Mode, Order, OrderedState, Orders, Regime, present_orders};
use gavel_streams::presence::{Listener, Report};
use gavel_streams::runtime::TaskState;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::OperatorError;
use super::scope::Scope;
use super::status::now_ms;

/// How long is waited unless it is said.
const WAIT_S: u32 = 5;
/// How often it is looked who follows.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is to be otherwise; the rest of a scope's order stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Process nothing.
    Pause,
    /// Process what comes.
    Resume,
    /// Process what was appended up to now, and nothing after it.
    Drain,
    /// Process so many records a second; as many as there are.
    Rate(Option<NonZeroU32>),
}

/// An order to give.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Control {
    /// What is to be otherwise.
    pub change: Change,
    /// For whom: everything, a topology or a processor.
    pub scope: String,
    /// How long to wait until it is followed; a drain is waited for to its end then.
    pub wait_s: Option<u32>,
    /// Say as JSON what came of it.
    pub json: bool,
}

/// Who follows an order, and who not yet.
#[derive(Debug, Default)]
struct Following {
    followed_by: Vec<String>,
    late: Vec<String>,
}

impl Control {
    /// Does it.
    pub(super) fn run(&self, log: &Arc<dyn Log>, out: &mut dyn Write) -> Result<(), OperatorError> {
        let scope = Scope::find(&self.scope)?;
        let order = self.change.of(present_orders(log, topics::CONTROL)?.of(&scope.name));
        let appended = log.producer()?.send(order.record(topics::CONTROL, &scope.name)).wait()?;
        let following = self.wait(log, &scope, appended, out)?;
        let orders = present_orders(log, topics::CONTROL)?;
        if self.json {
            let said = json!({
                "scope": scope.name, "order": order, "offset": appended.offset, "append_ms": appended.append_ms,
                "followed_by": following.followed_by, "late": following.late, "topologies": regimes(&scope, &orders),
            });
            writeln!(out, "{said}")?;
        } else {
            say(&scope, order, &orders, &following, out)?;
        }
        if following.late.is_empty() {
            return Ok(());
        }
        Err(OperatorError::NotFollowed { wait_s: self.wait_s.unwrap_or(WAIT_S), late: following.late })
    }

    fn wait(
        &self,
        log: &Arc<dyn Log>,
        scope: &Scope,
        appended: Appended,
        out: &mut dyn Write,
    ) -> Result<Following, OperatorError> {
        let is_to_be_drained = self.change == Change::Drain && self.wait_s.is_some();
        let deadline = Instant::now() + Duration::from_secs(self.wait_s.unwrap_or(WAIT_S).into());
        let mut listener = Listener::open(&**log, topics::METRICS)?;
        loop {
            let following = following(listener.presence.live(now_ms()), scope, appended, is_to_be_drained);
            if following.late.is_empty() || Instant::now() >= deadline {
                return Ok(following);
            }
            listener.step(LOOK_EVERY)?;
            out.flush()?;
        }
    }
}

impl Change {
    fn of(self, order: Order) -> Order {
        match self {
            Self::Pause => Order { state: OrderedState::Paused, ..order },
            Self::Resume => Order { state: OrderedState::Running, ..order },
            Self::Drain => Order { state: OrderedState::Draining, ..order },
            Self::Rate(rate_per_s) => Order { rate_per_s, ..order },
        }
    }
}

/// A worker follows an order once all its threads that it concerns have read it.
fn following<'a>(
    live: impl Iterator<Item = &'a Report>,
    scope: &Scope,
    appended: Appended,
    is_to_be_drained: bool,
) -> Following {
    let mut following = Following::default();
    for Report { instance, status, .. } in live {
        let threads =
            status.threads.iter().filter(|thread| thread.running && scope.topologies.contains(&thread.topology));
        let mut threads = threads.peekable();
        if threads.peek().is_none() {
            continue;
        }
        let is_done = |state: TaskState| !is_to_be_drained || matches!(state, TaskState::Drained | TaskState::Paused);
        let follows = threads.all(|thread| {
            thread.control_next > Some(appended.offset) && thread.tasks.iter().all(|task| is_done(task.state))
        });
        if follows { &mut following.followed_by } else { &mut following.late }.push(instance.clone());
    }
    following
}

/// `gavel control show`.
pub(super) fn show(log: &Arc<dyn Log>, json: bool, out: &mut dyn Write) -> Result<(), OperatorError> {
    let (scope, orders) = (Scope::find(ALL)?, present_orders(log, topics::CONTROL)?);
    if json {
        let standing: serde_json::Map<_, _> =
            orders.standing().map(|(scope, order)| (scope.to_owned(), json!(order))).collect();
        return Ok(writeln!(out, "{}", json!({"orders": standing, "topologies": regimes(&scope, &orders)}))?);
    }
    if orders.standing().next().is_none() {
        return Ok(writeln!(out, "nothing is ordered: all runs")?);
    }
    for (scope, order) in orders.standing() {
        writeln!(out, "ordered for {scope}: {}", order_in_words(order))?;
    }
    for topology in &scope.topologies {
        writeln!(out, "{topology}: {}", regime_in_words(orders.regime(topology)))?;
    }
    Ok(())
}

fn regimes(scope: &Scope, orders: &Orders) -> serde_json::Value {
    scope.topologies.iter().map(|topology| (topology.clone(), json!(orders.regime(topology)))).collect()
}

fn say(
    scope: &Scope,
    order: Order,
    orders: &Orders,
    following: &Following,
    out: &mut dyn Write,
) -> Result<(), OperatorError> {
    writeln!(out, "ordered for {}: {}", scope.name, order_in_words(order))?;
    for topology in &scope.topologies {
        writeln!(out, "{topology}: {}", regime_in_words(orders.regime(topology)))?;
    }
    match &following.followed_by[..] {
        [] if following.late.is_empty() => writeln!(out, "no worker lives; those that start will follow it")?,
        [] => {}
        followers => writeln!(out, "followed by {}", followers.join(", "))?,
    }
    Ok(())
}

/// What is ordered for a scope.
pub(super) fn order_in_words(Order { state, rate_per_s }: Order) -> String {
    let state = match state {
        OrderedState::Running => "running",
        OrderedState::Paused => "paused",
        OrderedState::Draining => "draining",
    };
    state.to_owned() + &rate_in_words(rate_per_s)
}

/// What a topology does by all orders together.
pub(super) fn regime_in_words(Regime { mode, rate_per_s }: Regime) -> String {
    let state = match mode {
        Mode::Running => "runs",
        Mode::Paused => "is paused",
        Mode::Draining { .. } => "drains",
    };
    state.to_owned() + &rate_in_words(rate_per_s)
}

fn rate_in_words(rate_per_s: Option<NonZeroU32>) -> String {
    rate_per_s.map_or_else(String::new, |rate_per_s| format!(", at most {rate_per_s} records a second"))
}
