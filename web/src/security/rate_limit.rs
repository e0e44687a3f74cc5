//! How often one address or account may ask: a bucket for each, refilled steadily.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use gavel_domain::AccountId;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};

use crate::config::Switch;
use crate::error::WebError;

/// The limits of one process.
#[derive(Debug)]
pub struct RateLimits {
    bids: Bucket,
    bids_by_address: Bucket,
    listings: Bucket,
    logins: Bucket,
    logins_by_address: Bucket,
    receipts: Bucket,
    registrations: Bucket,
    uploads: Bucket,
}

#[derive(Debug)]
struct Bucket(Option<DefaultKeyedRateLimiter<String>>);

impl Bucket {
    /// `burst` at once, and one more every `refill`.
    fn new(switch: Switch, burst: u32, refill: Duration) -> Self {
        let quota =
            NonZeroU32::new(burst).zip(Quota::with_period(refill)).map(|(burst, quota)| quota.allow_burst(burst));
        Self(quota.filter(|_| switch == Switch::On).map(DefaultKeyedRateLimiter::keyed))
    }

    fn take(&self, key: &impl ToString) -> Result<(), WebError> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        limiter.check_key(&key.to_string()).map_err(|early| {
            let wait = early.wait_time_from(DefaultClock::default().now());
            WebError::TooMany { retry_after_s: wait.as_secs() + 1 }
        })
    }

    fn forget_idle(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
        }
    }
}

impl RateLimits {
    /// The limits that ship, or none.
    #[must_use]
    pub fn new(switch: Switch) -> Self {
        Self {
            bids: Bucket::new(switch, 30, Duration::from_millis(100)),
            bids_by_address: Bucket::new(switch, 300, Duration::from_millis(10)),
            listings: Bucket::new(switch, 60, Duration::from_secs(6)),
            logins: Bucket::new(switch, 30, Duration::from_secs(6)),
            logins_by_address: Bucket::new(switch, 300, Duration::from_secs(1)),
            receipts: Bucket::new(switch, 30, Duration::from_secs(1)),
            registrations: Bucket::new(switch, 300, Duration::from_secs(2)),
            uploads: Bucket::new(switch, 60, Duration::from_secs(6)),
        }
    }

    /// Before a bid: by account, and by address whoever bids from it.
    ///
    /// # Errors
    /// `TooMany`.
    pub fn bid(&self, account: AccountId, address: IpAddr) -> Result<(), WebError> {
        self.bids.take(&account)?;
        self.bids_by_address.take(&network(address))
    }

    /// Before a listing or a withdrawal.
    ///
    /// # Errors
    /// `TooMany`.
    pub fn listing(&self, account: AccountId) -> Result<(), WebError> {
        self.listings.take(&account)
    }

    /// Before a password is tried: by address, and by account wherever it is tried from.
    ///
    /// # Errors
    /// `TooMany`.
    pub fn login(&self, address: IpAddr, email: &str) -> Result<(), WebError> {
        self.logins_by_address.take(&network(address))?;
        self.logins.take(&email.to_lowercase())
    }

    /// Before a bid that is not decided yet is read from the log.
    ///
    /// # Errors
    /// `TooMany`.
    pub fn receipt(&self, account: AccountId) -> Result<(), WebError> {
        self.receipts.take(&account)
    }

    /// Before an account is made.
    ///
    /// # Errors
    /// `TooMany`.
    pub fn registration(&self, address: IpAddr) -> Result<(), WebError> {
        self.registrations.take(&network(address))
    }

    /// Before a picture is taken.
    ///
    /// # Errors
    /// `TooMany`.
    pub fn upload(&self, account: AccountId) -> Result<(), WebError> {
        self.uploads.take(&account)
    }

    /// Forgets those who have not asked for long, so that memory stays bounded.
    pub fn forget_idle(&self) {
        let Self { bids, bids_by_address, listings, logins, logins_by_address, receipts, registrations, uploads } =
            self;
        for bucket in [bids, bids_by_address, listings, logins, logins_by_address, receipts, registrations, uploads] {
            bucket.forget_idle();
        }
    }
}

/// One client: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer gets.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn many_accounts_may_share_an_address_up_to_a_point() {
        let limits = RateLimits::new(Switch::On);
        let logins = |count: u32| (0..count).filter(|n| limits.login(HERE, &n.to_string()).is_ok()).count();
        assert_eq!(logins(300), 300);
        assert!(limits.login(HERE, "another@b.example").is_err());
        assert!((0..31).any(|_| limits.login([192, 0, 2, 7].into(), "A@b.example").is_err()));
    }

    #[test]
    fn a_bucket_refuses_once_it_is_empty_and_says_when_to_come_back() {
        let limits = RateLimits::new(Switch::On);
        let account = AccountId::nil();
        let refusals = (0..31).filter_map(|_| limits.bid(account, HERE).err()).collect::<Vec<_>>();
        assert!(matches!(refusals.as_slice(), [WebError::TooMany { retry_after_s: 1 }]), "{refusals:?}");
    }

    #[test]
    fn nothing_is_refused_when_limits_are_off() {
        let limits = RateLimits::new(Switch::Off);
        assert!((0..1000).all(|_| limits.bid(AccountId::nil(), HERE).is_ok()));
    }

    #[test]
    fn one_customer_of_ipv6_is_one_client() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8:1:2:3::4"), address("2001:db8:1:2:ffff::1"));
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
    }
}
