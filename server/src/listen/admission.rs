//! How many connections there may be, in all and of one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::api::{ApiError, Kind, household};

/// The count.
pub(super) struct Admission {
    counts: Arc<Mutex<Counts>>,
    all: usize,
    per_address: usize,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why a connection is one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// In all.
    All,
    /// Of its address.
    Address,
}

impl Full {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Address => "address",
        }
    }

    /// A whole answer; there is no request yet that it could have the id of.
    pub(super) fn answer(self) -> String {
        let (kind, detail) = match self {
            Self::All => {
                (Kind::Overloaded, "The server has as many connections as it takes; try again in a few seconds.")
            }
            Self::Address => {
                (Kind::RateLimited, "Your address has as many connections as one may have; use those that are open.")
            }
        };
        let problem = ApiError::new(kind, detail).problem(None);
        let body = serde_json::to_string(&problem).unwrap_or_default();
        format!(
            "HTTP/1.1 {}\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\nRetry-After: 5\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}",
            kind.status(),
            body.len()
        )
    }
}

/// A connection's place; dropping it frees the place.
pub(super) struct Pass {
    counts: Arc<Mutex<Counts>>,
    address: Option<IpAddr>,
}

impl Admission {
    pub(super) fn new(all: usize, per_address: usize) -> Self {
        Self { counts: Arc::default(), all, per_address }
    }

    /// Takes a place. A proxy's connections are not counted by address: they carry many clients.
    pub(super) fn enter(&self, address: IpAddr, proxy: bool) -> Result<Pass, Full> {
        let mut counts = locked(&self.counts);
        if counts.all >= self.all {
            return Err(Full::All);
        }
        let address = (!proxy).then(|| household(address));
        if let Some(address) = address {
            let count = counts.by_address.entry(address).or_default();
            if *count >= self.per_address {
                return Err(Full::Address);
            }
            *count += 1;
        }
        counts.all += 1;
        metrics::gauge!("atoll_connections").increment(1.0);
        drop(counts);
        Ok(Pass { counts: Arc::clone(&self.counts), address })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut counts = locked(&self.counts);
        counts.all -= 1;
        metrics::gauge!("atoll_connections").decrement(1.0);
        let Some(address) = self.address else { return };
        if let Some(count) = counts.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&address);
            }
        }
    }
}

fn locked(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_address_has_its_share_and_all_have_theirs() {
        let admission = Admission::new(5, 2);
        let mut passes = vec![admission.enter(ip("192.0.2.1"), false).unwrap()];
        passes.push(admission.enter(ip("192.0.2.1"), false).unwrap());
        assert_eq!(admission.enter(ip("192.0.2.1"), false).err(), Some(Full::Address));
        passes.push(admission.enter(ip("192.0.2.2"), false).unwrap());
        for _ in 0..2 {
            passes.push(admission.enter(ip("10.0.0.1"), true).unwrap());
        }
        assert_eq!(admission.enter(ip("10.0.0.1"), true).err(), Some(Full::All));
        passes.remove(0);
        assert!(admission.enter(ip("192.0.2.1"), false).is_ok());
        passes.clear();
        let counts = locked(&admission.counts);
        assert_eq!((counts.all, counts.by_address.len()), (0, 0));
    }

    #[test]
    fn a_household_of_ipv6_has_one_share() {
        let admission = Admission::new(5, 1);
        let _pass = admission.enter(ip("2001:db8::1"), false).unwrap();
        assert_eq!(admission.enter(ip("2001:db8::2"), false).err(), Some(Full::Address));
    }

    #[test]
    fn a_refusal_is_a_whole_answer() {
        for full in [Full::All, Full::Address] {
            let answer = full.answer();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let problem: serde_json::Value = serde_json::from_str(body).unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {} ", problem["status"])), "{head}");
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
        }
    }
}
