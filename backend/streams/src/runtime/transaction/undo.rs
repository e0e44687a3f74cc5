//! What stops a unit of work from being sent, and how what was sent of it is taken back.

use gavel_log::{ErrorClass, LogError};

use crate::runtime::interruption::Interruption;
use crate::runtime::live_task::LiveTask;
use crate::runtime::session::Session;

/// Where sending stopped.
pub(super) enum Unsent {
    /// The log refused; the class says what to do.
    Refused(LogError),
    /// Reading on was interrupted.
    Interrupted(Interruption),
    /// The group moves partitions, or a task failed: what is sent is of no use, or not all there.
    Dropped,
    /// This task began its unit of work anew.
    Recalled { partition: u32 },
    /// The unit of work of this task asks for a larger record than the log takes.
    TooLarge { partition: u32, detail: String },
}

impl From<LogError> for Unsent {
    fn from(error: LogError) -> Self {
        Self::Refused(error)
    }
}

impl From<Interruption> for Unsent {
    fn from(interruption: Interruption) -> Self {
        Self::Interrupted(interruption)
    }
}

impl Session {
    /// Takes back what was sent. Where that need not end the turn, what is still in the unit of work can be sent again at once.
    pub(super) fn undo(&mut self, unsent: Unsent) -> Result<(), Interruption> {
        match unsent {
            Unsent::Refused(error) if error.class() == ErrorClass::Fatal => Err(error.into()),
            Unsent::Refused(error) => {
                self.abort()?;
                self.roll_back(error.class() == ErrorClass::Abort, |_| true);
                Err(error.into())
            }
            Unsent::Interrupted(interruption @ Interruption::Retry(_)) => {
                self.abort()?;
                self.roll_back(false, |_| true);
                Err(interruption)
            }
            Unsent::Interrupted(interruption) => Err(interruption),
            Unsent::Dropped => {
                self.abort()?;
                self.roll_back(false, |_| true);
                Ok(())
            }
            Unsent::Recalled { partition } => {
                self.abort()?;
                self.roll_back(false, |other| other != partition);
                Ok(())
            }
            Unsent::TooLarge { partition, detail } => {
                self.abort()?;
                self.roll_back(false, |other| other != partition);
                let running = self.tasks.get_mut(&partition).and_then(LiveTask::running);
                if let Some(Err(error)) = running.map(|running| running.begin_anew(detail)) {
                    self.fail(partition, &error);
                }
                Ok(())
            }
        }
    }

    /// Has the records of these tasks wait again.
    fn roll_back(&mut self, aborted: bool, which: impl Fn(u32) -> bool) {
        metrics::counter!("gavel_streams_rollbacks_total").increment(1);
        self.in_unit().filter(|(partition, _)| which(*partition)).for_each(|(_, running)| running.rollback(aborted));
    }

    /// An abort that fails leaves a transaction that only a new producer of the same id can end.
    fn abort(&mut self) -> Result<(), Interruption> {
        match self.producer.abort() {
            // Nothing was open: the refusal came from `begin`.
            Ok(()) | Err(LogError::Misuse(_)) => Ok(()),
            Err(error) => Err(Interruption::Rejoin(error)),
        }
    }
}
