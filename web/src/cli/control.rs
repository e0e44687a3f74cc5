//! `gavel control …` on the command line.

use std::num::NonZeroU32;

use clap::{Args, Subcommand};
use gavel_streams::control::ALL;

use crate::operator::{Change, Command, Control};

/// What can be ordered.
#[derive(Debug, Subcommand)]
pub(super) enum Ordered {
    /// Says what is ordered
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Processes nothing, while what comes is kept, until it is resumed
    Pause(Whom),
    /// Ends a pause or a drain
    Resume(Whom),
    /// Processes what was appended up to now, and then nothing
    Drain(Whom),
    /// Processes no more than so many records a second
    Rate {
        /// Records a second of each topology, in all processes together; or off
        #[arg(value_name = "N|off", value_parser = rate)]
        rate: Rate,
        #[command(flatten)]
        whom: Whom,
    },
}

/// For whom, and how it is said.
#[derive(Debug, Args)]
pub(super) struct Whom {
    /// all, a topology or a processor
    #[arg(value_name = "SCOPE", default_value = ALL)]
    scope: String,
    /// How long to wait until all workers follow it, and a drain is done [default: 5, for a drain only until it is followed]
    #[arg(long, value_name = "S")]
    wait: Option<u32>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Rate(Option<NonZeroU32>);

fn rate(text: &str) -> Result<Rate, String> {
    match text {
        "off" => Ok(Rate(None)),
        number => {
            number.parse().map(|rate| Rate(Some(rate))).map_err(|_| "it is neither a number from 1 nor off".into())
        }
    }
}

impl From<Ordered> for Command {
    fn from(ordered: Ordered) -> Self {
        let (change, whom) = match ordered {
            Ordered::Show { json } => return Self::ShowControl { json },
            Ordered::Pause(whom) => (Change::Pause, whom),
            Ordered::Resume(whom) => (Change::Resume, whom),
            Ordered::Drain(whom) => (Change::Drain, whom),
            Ordered::Rate { rate: Rate(rate_per_s), whom } => (Change::Rate(rate_per_s), whom),
        };
        Self::Control(Control { change, scope: whom.scope, wait_s: whom.wait, json: whom.json })
    }
}
