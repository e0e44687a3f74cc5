//! Configuration: a flag, else an environment variable `GAVEL_…`, else a key of `gavel.toml`, else the default.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use figment2::Figment;
use figment2::providers::{Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

use crate::edge::category::{Category, shipped_categories};

/// The file that is read when it is there and none is named.
const DEFAULT_FILE: &str = "gavel.toml";
/// The longest auction, unless configured otherwise: thirty days.
const DEFAULT_MAX_DURATION_S: u32 = 30 * 24 * 60 * 60;

/// Each has a consumer and a producer of its own.
const THREADS_MAX: usize = 64;
/// Shorter, and a process that is only busy loses its partitions; longer, and nobody decides for minutes.
const SESSION_TIMEOUTS_MS: RangeInclusive<u32> = 1_000..=300_000;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value is missing, misspelt or of the wrong kind.
    #[error("configuration: {0}")]
    Invalid(String),
    /// The named file is not there.
    #[error("configuration: there is no file {}", .0.display())]
    NoFile(PathBuf),
}

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// The folder of the embedded log, SQLite and local state.
    pub data: PathBuf,
    /// Bootstrap servers; without them the embedded log is used.
    pub kafka: Option<String>,
    /// `postgres://…` or `sqlite:PATH`; without it, SQLite in the data folder.
    pub database: Option<String>,
    /// Partitions of each topic that is created.
    pub partitions: u32,
    /// The shortest auction.
    pub min_duration_s: u32,
    /// The longest auction.
    pub max_duration_s: u32,
    /// Whether clients are limited in how much they may ask.
    pub rate_limits: Switch,
    /// How long a request waits for the stream's decision.
    pub decision_wait_ms: u64,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// The address by which people reach the house, such as `https://auctions.example`.
    pub public_origin: Option<String>,
    /// Further names that the house answers to; one on loopback answers to local names besides.
    pub allowed_hosts: Vec<String>,
    /// Where weaknesses are reported: a `mailto:` or `https:` address for `security.txt`.
    pub security_contact: Option<String>,
    /// Words that no listing may hold, one a line; instead of the shipped list.
    pub prohibited_words: Option<PathBuf>,
    /// A MaxMind database; instead of the shipped country database.
    pub geo_database: Option<PathBuf>,
    /// The tree of categories.
    pub categories: Vec<Category>,
    /// Which log lines are written, as `tracing` filters.
    pub log: String,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// When an append to the embedded log counts as durable.
    pub fsync: Fsync,
    /// Name of this process among those of the same house: static membership.
    pub instance: Option<String>,
    /// After how long without a sign of life a process's partitions go to others.
    pub session_timeout_ms: u32,
    /// How many other workers keep each partition's state warm.
    pub standbys: usize,
    /// Threads for each topology, which share its partitions.
    pub threads: usize,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// When an append to the embedded log counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Fsync {
    /// When it is on the disk; one fsync serves all that wait.
    Group,
    /// When the operating system has it: survives the process, not the machine.
    Os,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            data: PathBuf::from("data"),
            kafka: None,
            database: None,
            partitions: 4,
            min_duration_s: 5,
            max_duration_s: DEFAULT_MAX_DURATION_S,
            rate_limits: Switch::On,
            decision_wait_ms: 5000,
            trusted_proxies: Vec::new(),
            public_origin: None,
            allowed_hosts: Vec::new(),
            security_contact: None,
            prohibited_words: None,
            geo_database: None,
            categories: shipped_categories(),
            log: "info".into(),
            log_format: LogFormat::Text,
            fsync: Fsync::Group,
            instance: None,
            session_timeout_ms: 10_000,
            standbys: 0,
            threads: 1,
        }
    }
}

/// What can be set on the command line. Lists are separated by commas.
#[derive(Debug, Default, clap::Args, Serialize)]
pub struct Flags {
    /// The configuration file [default: gavel.toml, if it is there]
    #[arg(long, env = "GAVEL_CONFIG", global = true, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Where HTTP is served [default: 127.0.0.1:8080]
    #[arg(long, env = "GAVEL_LISTEN", global = true, value_name = "ADDR:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    /// The folder of the embedded log, SQLite and local state [default: ./data]
    #[arg(long, env = "GAVEL_DATA", global = true, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// Kafka's bootstrap servers, instead of the embedded log
    #[arg(long, env = "GAVEL_KAFKA", global = true, value_name = "HOST:PORT,…")]
    #[serde(skip_serializing_if = "Option::is_none")]
    kafka: Option<String>,
    /// postgres://…, instead of SQLite in the data folder
    #[arg(long, env = "GAVEL_DATABASE", hide_env_values = true, global = true, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
    /// Partitions of each topic that is created [default: 4]
    #[arg(long, env = "GAVEL_PARTITIONS", global = true, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    partitions: Option<u32>,
    /// The shortest auction, in seconds [default: 5]
    #[arg(long, env = "GAVEL_MIN_DURATION_S", global = true, value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    min_duration_s: Option<u32>,
    /// The longest auction, in seconds [default: 30 days]
    #[arg(long, env = "GAVEL_MAX_DURATION_S", global = true, value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_duration_s: Option<u32>,
    /// Limits on what one client may ask; off is for load tests [default: on]
    #[arg(long, env = "GAVEL_RATE_LIMITS", global = true, value_name = "on|off")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limits: Option<Switch>,
    /// How long a bid's request waits for its decision [default: 5000]
    #[arg(long, env = "GAVEL_DECISION_WAIT_MS", global = true, value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_wait_ms: Option<u64>,
    /// Proxies whose X-Forwarded-For is believed
    #[arg(long, env = "GAVEL_TRUSTED_PROXIES", global = true, value_name = "IP,…", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_proxies: Option<Vec<IpAddr>>,
    /// The address by which people reach the house
    #[arg(long, env = "GAVEL_PUBLIC_ORIGIN", global = true, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    public_origin: Option<String>,
    /// Further names that the house answers to
    #[arg(long, env = "GAVEL_ALLOWED_HOSTS", global = true, value_name = "NAME,…", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_hosts: Option<Vec<String>>,
    /// Where weaknesses are reported: mailto:… or https://…
    #[arg(long, env = "GAVEL_SECURITY_CONTACT", global = true, value_name = "URI")]
    #[serde(skip_serializing_if = "Option::is_none")]
    security_contact: Option<String>,
    /// Words that no listing may hold, one a line
    #[arg(long, env = "GAVEL_PROHIBITED_WORDS", global = true, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    prohibited_words: Option<PathBuf>,
    /// A MaxMind database, instead of the shipped one
    #[arg(long, env = "GAVEL_GEO_DATABASE", global = true, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    geo_database: Option<PathBuf>,
    /// Which log lines are written [default: info]
    #[arg(long, env = "GAVEL_LOG", global = true, value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    /// How log lines are written [default: text]
    #[arg(long, env = "GAVEL_LOG_FORMAT", global = true, value_name = "text|json")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_format: Option<LogFormat>,
    /// When an append to the embedded log counts as durable [default: group]
    #[arg(long, env = "GAVEL_FSYNC", global = true, value_name = "group|os")]
    #[serde(skip_serializing_if = "Option::is_none")]
    fsync: Option<Fsync>,
    /// Name of this process among those of the same house
    #[arg(long, env = "GAVEL_INSTANCE", global = true, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// After how long without a sign of life a process's partitions go to others [default: 10000]
    #[arg(long, env = "GAVEL_SESSION_TIMEOUT_MS", global = true, value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    session_timeout_ms: Option<u32>,
    /// How many other workers keep the state of each partition warm, to take over at once [default: 0]
    #[arg(long, env = "GAVEL_STANDBYS", global = true, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    standbys: Option<usize>,
    /// How many threads of a process work on each topology, of at most as many partitions [default: 1]
    #[arg(long, env = "GAVEL_THREADS", global = true, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<usize>,
}

impl Config {
    /// Reads flags, environment, file and defaults.
    ///
    /// # Errors
    /// Says which key is wrong, and where it was set.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        figment = match &flags.config {
            Some(file) if !file.is_file() => return Err(ConfigError::NoFile(file.clone())),
            Some(file) => figment.merge(Toml::file(file).search(false)),
            None if Path::new(DEFAULT_FILE).is_file() => figment.merge(Toml::file(DEFAULT_FILE).search(false)),
            None => figment,
        };
        let config: Self = figment
            .merge(Serialized::defaults(flags))
            .extract()
            .map_err(|error| ConfigError::Invalid(error.to_string()))?;
        config.checked()
    }

    fn checked(mut self) -> Result<Self, ConfigError> {
        let invalid = |text: &str| Err(ConfigError::Invalid(text.into()));
        if self.partitions == 0 || self.partitions > 1000 {
            return invalid("partitions must be from 1 to 1000");
        }
        if self.min_duration_s == 0 || self.min_duration_s > self.max_duration_s {
            return invalid("min_duration_s must be at least 1 and not above max_duration_s");
        }
        if !SESSION_TIMEOUTS_MS.contains(&self.session_timeout_ms) {
            return invalid("session_timeout_ms must be from 1000 to 300000");
        }
        if self.threads == 0 || self.threads > THREADS_MAX {
            return invalid("threads must be from 1 to 64");
        }
        if self.categories.is_empty() {
            return invalid("categories must name at least one");
        }
        if let Some(text) = &self.public_origin {
            match origin(text) {
                Some(origin) => self.public_origin = Some(origin),
                None => return invalid("public_origin must be an address such as https://auctions.example"),
            }
        }
        Ok(self)
    }
}

/// Scheme, host and port of an address that says no more.
fn origin(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_open = url.username().is_empty() && url.password().is_none();
    let is_origin = matches!(url.scheme(), "http" | "https") && is_bare && is_open;
    is_origin.then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        assert_eq!(origin("https://Auctions.example:443/").as_deref(), Some("https://auctions.example"));
        assert_eq!(origin("http://127.0.0.1:8080").as_deref(), Some("http://127.0.0.1:8080"));
        for bad in [
            "auctions.example",
            "ftp://a.example",
            "https://a.example/house",
            "https://a.example/?x",
            "https://u:p@a.example",
        ] {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }
}
