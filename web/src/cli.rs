//! The command line.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::command::{self, CommandError};
use crate::config::{Config, ConfigError, Flags, LogFormat};
use crate::house::Role;

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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refusal) if refusal.use_stderr() => {
            let text = refusal.to_string();
            let line = text.lines().next().unwrap_or_default();
            return fail(line.strip_prefix("error: ").unwrap_or(line), 2);
        }
        Err(help) => return if help.print().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE },
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string(), 1),
    }
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
    runtime.block_on(async {
        match command {
            Command::Serve => command::serve::run(config, Role::Both).await,
            Command::Web => command::serve::run(config, Role::Web).await,
            Command::Work => command::serve::run(config, Role::Work).await,
            Command::Topics(Topics::Create) => command::topics::create(&config).await,
            Command::Topics(Topics::Check) => command::topics::check(&config).await,
            Command::Rebuild => command::rebuild::run(&config).await,
            Command::Admin(Admin::Grant { email }) => command::admin::set(&config, &email, true).await,
            Command::Admin(Admin::Revoke { email }) => command::admin::set(&config, &email, false).await,
            Command::Demo(Demo { url, seed }) => command::demo::run(&url, seed).await,
            Command::Backtest(_) => Ok(()),
        }
    })
}

fn start_logging(config: &Config) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| ConfigError::Invalid(format!("log is not a filter such as info: {error}")))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}
