//! How often one client may ask: by its address, by its wallet once it has signed in, and more strictly for sign-ins.
//!
//! Each server counts for itself. A client that is over its rate is told when to come back.

use std::{hash::Hash, net::IpAddr, num::NonZeroU32, time::Duration};

use alloy::primitives::Address;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

use super::{
    client::household,
    problem::{ApiError, Kind},
};

/// Seconds' worth of requests that a client may send at once after a pause.
const BURST_SECONDS: u32 = 10;

/// What is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Requests per second of one address.
    pub address_per_second: NonZeroU32,
    /// Requests per second of one wallet, over all its sessions and addresses.
    pub wallet_per_second: NonZeroU32,
    /// Nonces and sessions that one address may ask for per minute.
    pub sign_ins_per_minute: NonZeroU32,
}

/// What has been used of it.
#[derive(Debug)]
pub(crate) struct Rates {
    addresses: Limiter<IpAddr>,
    wallets: Limiter<Address>,
    sign_ins: Limiter<IpAddr>,
}

#[derive(Debug)]
struct Limiter<K: Hash + Eq + Clone> {
    buckets: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
    name: &'static str,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(name: &'static str, quota: Quota) -> Self {
        Self { buckets: RateLimiter::dashmap(quota), clock: DefaultClock::default(), name }
    }

    fn take(&self, key: &K) -> Result<(), ApiError> {
        self.buckets.check_key(key).map_err(|refused| {
            metrics::counter!("atoll_rate_limited_total", "by" => self.name).increment(1);
            too_many(self.name, refused.wait_time_from(self.clock.now()))
        })
    }

    /// Forgets those whose bucket is full again, so that memory follows the clients of now.
    fn forget(&self) {
        self.buckets.retain_recent();
        self.buckets.shrink_to_fit();
    }
}

fn too_many(name: &str, wait: Duration) -> ApiError {
    // A header in whole seconds (RFC 9110); never too early.
    let seconds = (wait.as_millis().div_ceil(1000).max(1)).try_into().unwrap_or(u32::MAX);
    let detail = format!("There were too many requests of this {name}; try again in {seconds} s, and then less often.");
    ApiError::new(Kind::RateLimited, detail).retry_after(seconds)
}

impl Rates {
    pub(crate) fn new(quotas: Quotas) -> Self {
        let per_second = |rate: NonZeroU32| {
            Quota::per_second(rate).allow_burst(rate.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1)))
        };
        Self {
            addresses: Limiter::new("address", per_second(quotas.address_per_second)),
            wallets: Limiter::new("wallet", per_second(quotas.wallet_per_second)),
            sign_ins: Limiter::new("sign-in", Quota::per_minute(quotas.sign_ins_per_minute)),
        }
    }

    /// Counts a request of an address.
    pub(crate) fn address(&self, client: IpAddr, signs_in: bool) -> Result<(), ApiError> {
        let client = household(client);
        self.addresses.take(&client)?;
        if signs_in { self.sign_ins.take(&client) } else { Ok(()) }
    }

    /// Counts a request of a wallet.
    pub(crate) fn wallet(&self, wallet: Address) -> Result<(), ApiError> {
        self.wallets.take(&wallet)
    }

    /// To be called now and then.
    pub(crate) fn forget(&self) {
        self.addresses.forget();
        self.wallets.forget();
        self.sign_ins.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(address: u32, wallet: u32, sign_ins: u32) -> Rates {
        let some = |n| NonZeroU32::new(n).unwrap();
        Rates::new(Quotas {
            address_per_second: some(address),
            wallet_per_second: some(wallet),
            sign_ins_per_minute: some(sign_ins),
        })
    }

    fn allowed(mut take: impl FnMut() -> Result<(), ApiError>) -> usize {
        (0..1000).take_while(|_| take().is_ok()).count()
    }

    #[test]
    fn each_client_has_a_bucket_of_its_own() {
        let rates = rates(1, 2, 3);
        let [a, b]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        assert_eq!(allowed(|| rates.address(a, false)), 10);
        assert_eq!(allowed(|| rates.address(b, true)), 3);
        // The refused sign-in counted as a request all the same.
        assert_eq!(allowed(|| rates.address(b, false)), 6);
        assert_eq!(allowed(|| rates.wallet(Address::repeat_byte(1))), 20);
        assert_eq!(allowed(|| rates.wallet(Address::repeat_byte(2))), 20);
        let refused = rates.wallet(Address::repeat_byte(1)).unwrap_err();
        assert_eq!((refused.kind(), refused.retry_after_seconds()), (Kind::RateLimited, Some(1)));
    }

    #[test]
    fn the_pause_is_told_in_whole_seconds_and_never_too_early() {
        let rates = rates(1000, 1, 2);
        let client = "2001:db8::1".parse().unwrap();
        assert_eq!(allowed(|| rates.address(client, true)), 2);
        // Another address of the same household.
        let refused = rates.address("2001:db8::2".parse().unwrap(), true).unwrap_err();
        assert_eq!(refused.retry_after_seconds(), Some(30));
    }

    #[test]
    fn those_who_have_gone_are_forgotten() {
        let rates = rates(1000, 1, 2);
        for last in 0..200 {
            rates.address(IpAddr::from([192, 0, 2, last]), false).unwrap();
        }
        assert_eq!(rates.addresses.buckets.len(), 200);
        std::thread::sleep(Duration::from_millis(50));
        rates.forget();
        assert!(rates.addresses.buckets.is_empty());
    }
}
