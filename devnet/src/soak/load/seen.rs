//! What the clients saw.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::StatusCode;

use crate::show::line;

/// What clients do.
pub(super) const KINDS: [&str; 5] = ["reads", "sign_ins", "uploads", "quotes", "streams"];
/// Within so long clients are told that there is no database.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
/// Odd answers that are shown.
const SHOWN: u32 = 20;

/// What an answer was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    /// A good one.
    Good,
    /// None, or another.
    Odd,
    /// A good one while Postgres was away.
    GoodAway,
    /// Told that it is away.
    Refused,
    /// Late while it was away, or something else.
    Wrong,
}

impl Told {
    /// As it has to be, with Postgres.
    pub(super) fn is_good(&self) -> bool {
        *self == Self::Good
    }

    /// As it has to be, without.
    pub(super) fn is_told(&self) -> bool {
        matches!(self, Self::GoodAway | Self::Refused)
    }

    fn of(away: bool, took: Duration, status: Option<StatusCode>) -> Self {
        let good = status.is_some_and(|status| status.is_success());
        let refused = status == Some(StatusCode::SERVICE_UNAVAILABLE);
        match (away, good, refused) {
            (false, true, _) => Self::Good,
            (false, false, _) => Self::Odd,
            (true, ..) if took > TOLD_WITHIN => Self::Wrong,
            (true, true, _) => Self::GoodAway,
            (true, false, true) => Self::Refused,
            (true, false, false) => Self::Wrong,
        }
    }
}

/// All answers.
#[derive(Default)]
pub(super) struct Seen {
    away: AtomicBool,
    counts: Mutex<BTreeMap<(&'static str, Told), u32>>,
    slowest_away: Mutex<Duration>,
}

impl Seen {
    /// From now on Postgres is away, or no longer.
    pub(super) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    pub(super) fn is_away(&self) -> bool {
        self.away.load(Ordering::SeqCst)
    }

    /// Counts an answer, or that there was none. `began_away` is whether Postgres was away when it was asked for.
    pub(super) fn count(
        &self,
        kind: &'static str,
        began_away: bool,
        took: Duration,
        answer: Result<StatusCode, String>,
    ) {
        let away = began_away || self.is_away();
        let told = Told::of(away, took, answer.as_ref().ok().copied());
        if away {
            let mut slowest = locked(&self.slowest_away);
            *slowest = took.max(*slowest);
        }
        *locked(&self.counts).entry((kind, told)).or_default() += 1;
        if matches!(told, Told::Odd | Told::Wrong) && self.all(|told| matches!(told, Told::Odd | Told::Wrong)) <= SHOWN
        {
            let answer = answer.map_or_else(|none| none, |status| status.to_string());
            line(format!("{kind}: {answer} after {} ms, Postgres away: {away}", took.as_millis()));
        }
    }

    /// How many answers are so.
    pub(super) fn all(&self, so: impl Fn(&Told) -> bool) -> u32 {
        locked(&self.counts).iter().filter(|((_, told), _)| so(told)).map(|(_, count)| count).sum()
    }

    /// How many answers of a kind are this.
    pub(super) fn of(&self, kind: &'static str, told: &Told) -> u32 {
        locked(&self.counts).get(&(kind, *told)).copied().unwrap_or(0)
    }

    /// The longest wait for an answer while Postgres was away.
    pub(super) fn slowest_away(&self) -> Duration {
        *locked(&self.slowest_away)
    }
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_has_to_be_told_and_in_time() {
        let (soon, late) = (Duration::from_millis(1999), Duration::from_millis(2001));
        let [ok, away, odd] =
            [StatusCode::CREATED, StatusCode::SERVICE_UNAVAILABLE, StatusCode::UNAUTHORIZED].map(Some);
        assert_eq!(Told::of(false, late, ok), Told::Good);
        assert_eq!(Told::of(false, soon, away), Told::Odd);
        assert_eq!(Told::of(false, soon, None), Told::Odd);
        assert_eq!(Told::of(true, soon, ok), Told::GoodAway);
        assert_eq!(Told::of(true, soon, away), Told::Refused);
        assert_eq!(Told::of(true, soon, odd), Told::Wrong);
        assert_eq!(Told::of(true, soon, None), Told::Wrong);
        assert_eq!(Told::of(true, late, ok), Told::Wrong);
        assert_eq!(Told::of(true, late, away), Told::Wrong);
    }

    #[test]
    fn what_overlaps_the_outage_belongs_to_it() {
        let seen = Seen::default();
        let count = |began_away| seen.count("reads", began_away, Duration::ZERO, Ok(StatusCode::OK));
        count(false);
        seen.set_away(true);
        count(false);
        seen.set_away(false);
        count(true);
        assert_eq!((seen.of("reads", &Told::Good), seen.of("reads", &Told::GoodAway)), (1, 2));
        assert_eq!((seen.all(Told::is_good), seen.all(Told::is_told)), (1, 2));
    }
}
