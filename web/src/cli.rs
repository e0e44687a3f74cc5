//! The command line.

mod control;
mod replay;

use std::ffi::OsStr;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use self::control::Ordered;
use self::replay::Replayed;
use crate::command::{self, CommandError, dead_letters};
use crate::config::{Config, ConfigError, Flags, LogFormat};
use crate::house::Role;
use crate::operator;

/// How long calls that block, such as to a broker that is away, may keep the process once all is closed.
const END_WITHIN: Duration = Duration::from_millis(500);

/// An auction house on event streams. Without a command: `serve`.
#[derive(Debug, Parser)]
#[command(name = "gavel", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Web and workers in one process
    Serve,
    /// The web half: pages, API, live. Needs Kafka and PostgreSQL
    Web,
    /// The working half: streams and projections. Needs Kafka and PostgreSQL
    Work,
    /// The topics of the log
    #[command(subcommand)]
    Topics(Topics),
    /// Replays recorded commands on a virtual clock, without a broker
    Backtest(Backtest),
    /// Empties the projections and replays the log into them
    Rebuild,
    /// Recomputes every outcome from the log, and prints what is recorded otherwise
    Verify,
    /// Runs processors over what was recorded, beside the live ones, into topics of their own
    Replay(Replayed),
    /// Who runs what, how far it is, and what is ordered. Fails unless every partition is run
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Pauses, slows or drains the processing of a running house
    #[command(subcommand)]
    Control(Ordered),
    /// Records that could not be processed
    #[command(subcommand)]
    DeadLetters(dead_letters::Words),
    /// Who may see the desk
    #[command(subcommand)]
    Admin(Admin),
    /// Fills a running house with a market of sellers, lots and bidders
    Demo(Demo),
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Topics {
    /// Creates those that are missing
    Create,
    /// Says which are missing or differ
    Check,
}

#[derive(Debug, clap::Args)]
struct Backtest {
    /// Recorded records of auctions.items, one JSON object a line
    #[arg(long, value_name = "FILE")]
    items: PathBuf,
    /// Recorded records of auctions.bids, one JSON object a line
    #[arg(long, value_name = "FILE")]
    bids: PathBuf,
    /// Where history and completions go [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Makes the account of this e-mail address an admin
    Grant {
        /// The e-mail address
        email: String,
    },
    /// Takes it back
    Revoke {
        /// The e-mail address
        email: String,
    },
    /// Sets a new password, read from the terminal or from standard input, and ends all sessions
    Password {
        /// The e-mail address
        email: String,
    },
    /// Lets the account bid no more
    Suspend {
        /// The e-mail address
        email: String,
    },
    /// Lets a suspended account bid again
    Restore {
        /// The e-mail address
        email: String,
    },
}

#[derive(Debug, clap::Args)]
struct Demo {
    /// The house to fill
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Draws the same market again
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Runs what the command line asks for. Every failure is one line on standard error.
#[must_use]
pub fn main() -> ExitCode {
    let is_empty = |variable: &OsStr| std::env::var_os(variable).is_some_and(|value| value.is_empty());
    let command = without_empty_variables(Cli::command(), is_empty);
    let cli = match command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(refusal) => return refuse(&refusal),
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string(), 1),
    }
}

/// A variable that is set to nothing counts as unset.
fn without_empty_variables(command: clap::Command, is_empty: impl Fn(&OsStr) -> bool) -> clap::Command {
    command.mut_args(|arg| match arg.get_env() {
        Some(variable) if is_empty(variable) => arg.env(None),
        _ => arg,
    })
}

/// Help where help was asked for, or a command is missing; else one line.
fn refuse(refusal: &clap::Error) -> ExitCode {
    let code = if refusal.use_stderr() { 2 } else { 0 };
    match refusal.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            if refusal.print().is_ok() {
                ExitCode::from(code)
            } else {
                ExitCode::FAILURE
            }
        }
        _ => fail(&one_line(&refusal.to_string()), code),
    }
}

/// What a refusal says, without how to use the command.
fn one_line(refusal: &str) -> String {
    let said = refusal.lines().map(str::trim);
    let said = said.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let line = said.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

fn fail(line: &str, code: u8) -> ExitCode {
    // Where even standard error is gone, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "gavel: {}", line.replace('\n', " "));
    ExitCode::from(code)
}

fn run(cli: Cli) -> Result<(), CommandError> {
    let command = cli.command.unwrap_or(Command::Serve);
    if let Command::Backtest(Backtest { items, bids, out }) = &command {
        return command::backtest::run(items, bids, out.as_deref());
    }
    let config = Config::load(&cli.flags)?;
    start_logging(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CommandError::Threads)?;
    let ended = runtime.block_on(async {
        match command {
            Command::Serve => command::serve::run(config, Role::Both).await,
            Command::Web => command::serve::run(config, Role::Web).await,
            Command::Work => command::serve::run(config, Role::Work).await,
            Command::Topics(Topics::Create) => command::topics::create(&config).await,
            Command::Topics(Topics::Check) => command::topics::check(&config).await,
            Command::Rebuild => command::rebuild::run(&config).await,
            Command::Verify => operate(&config, operator::Command::Verify).await,
            Command::Replay(replayed) => operate(&config, replayed.into()).await,
            Command::Status { json } => operate(&config, operator::Command::Status { json }).await,
            Command::Control(ordered) => operate(&config, ordered.into()).await,
            Command::DeadLetters(words) => dead_letters::run(&config, words).await,
            Command::Admin(Admin::Grant { email }) => command::admin::set(&config, &email, true).await,
            Command::Admin(Admin::Revoke { email }) => command::admin::set(&config, &email, false).await,
            Command::Admin(Admin::Password { email }) => command::admin::set_password(&config, &email).await,
            Command::Admin(Admin::Suspend { email }) => command::admin::suspend(&config, &email, true).await,
            Command::Admin(Admin::Restore { email }) => command::admin::suspend(&config, &email, false).await,
            Command::Demo(Demo { url, seed }) => command::demo::run(&url, seed).await,
            Command::Backtest(_) => Ok(()),
        }
    });
    runtime.shutdown_timeout(END_WITHIN);
    ended
}

async fn operate(config: &Config, command: operator::Command) -> Result<(), CommandError> {
    operator::perform(config, command, std::io::stdout()).await?;
    Ok(())
}

fn start_logging(config: &Config) -> Result<(), ConfigError> {
    // What libraries say of themselves is left out unless it is asked for by name.
    let filter = EnvFilter::try_new(format!("fjall=warn,lsm_tree=warn,sqlx=warn,{}", config.log))
        .map_err(|error| ConfigError::Invalid(format!("log is not a filter such as info: {error}")))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(arguments: &[&str]) -> clap::Error {
        Cli::try_parse_from([&["gavel"], arguments].concat()).unwrap_err()
    }

    #[test]
    fn a_refusal_is_one_line_with_all_that_is_missing() {
        let line = one_line(&refusal(&["backtest"]).to_string());
        assert_eq!(line, "the following required arguments were not provided: --items <FILE> --bids <FILE>");
        let line = one_line(&refusal(&["--partitions", "many"]).to_string());
        assert!(line.starts_with("invalid value 'many' for '--partitions <N>'") && !line.contains('\n'), "{line}");
    }

    #[test]
    fn a_command_without_its_own_gets_help() {
        for command in ["topics", "admin", "control", "dead-letters"] {
            let refusal = refusal(&[command]);
            assert_eq!(refusal.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
            assert!(refusal.use_stderr());
        }
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        // A variable that any process has; only its emptiness is played.
        let command = || clap::Command::new("gavel").arg(clap::Arg::new("kafka").long("kafka").env("PATH"));
        let given = |is_empty: bool| {
            let matches = without_empty_variables(command(), |_| is_empty).get_matches_from(["gavel"]);
            matches.get_one::<String>("kafka").is_some()
        };
        assert_eq!((given(false), given(true)), (true, false));
    }
}
