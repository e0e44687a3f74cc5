//! Who may ask what, and how often.

pub mod account;
pub mod aliases;
pub mod client_address;
pub mod headers;
pub mod hosts;
pub mod login;
pub mod password;
pub mod rate_limit;
pub mod session;
