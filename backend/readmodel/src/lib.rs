//! The read model: projections of the log into SQLite or PostgreSQL, and every query that pages ask.
//!
//! Start at [`Database`]: its methods are the queries, one file per projection, each with its SQL. `statement` runs one
//! SQL text on both databases; `search` is the only place where their dialects differ. A [`Projector`] keeps the
//! projections up with the log; [`rebuild`] replays them from its start.
//!
//! Invariants:
//! - A projection's rows and the offsets they reflect are written in one database transaction, and the offsets move only
//!   from where they were read: no record is projected twice or skipped, by however many projectors.
//! - Projections depend on the order within a topic, never on the order between topics: a rebuild gives the same rows.
//! - No maximum and no reserve is ever stored; a dead letter is stored without its record.
//! - Accounts, sessions, images, watches and what was seen of the inbox are no projections: a rebuild leaves them.

mod accounts;
mod database;
mod dead_letters;
mod error;
mod history;
mod images;
mod item_lists;
mod items;
mod measures;
mod meter;
mod notices;
mod page;
mod progress;
mod projection;
mod row;
mod search;
mod sessions;
mod statement;
mod watches;

pub use accounts::AccountRow;
pub use database::{Database, DatabaseUrl};
pub use dead_letters::{DeadLetterCount, DeadLetterRow};
pub use error::{Error, ErrorClass, Result};
pub use history::{CommandPosition, EventPage, EventRow, OwnBidRow, Receipt};
pub use images::{ImageRow, NewImage};
pub use item_lists::{CategoryCount, ItemQuery, ItemSort, StatusFilter};
pub use items::{ItemRow, ItemStatus};
pub use measures::{MeasureRow, TotalRow};
pub use meter::{Meter, Percentiles, keep_reporting};
pub use notices::NoticeRow;
pub use page::{PAGE_MAX, Page};
pub use progress::ProjectedOffset;
pub use projection::{
    PartitionLag, ProjectionReport, ProjectionTag, Projector, ProjectorConfig, ProjectorStatus, RebuildProgress, lag,
    projected_topics, rebuild,
};
pub use sessions::{NewSession, SessionKind, SessionRow, TokenHash};
pub use watches::WatchRow;
