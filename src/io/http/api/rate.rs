//! How often a user may ask.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Users that are remembered. Beyond: who has not asked for long is forgotten; if nobody is, the
/// newcomer is refused.
const USERS_MAX: usize = 20_000;

struct Bucket {
    credit: f64,
    at: Instant,
}

/// A bucket for each user.
pub(super) struct Rates {
    per_s: f64,
    burst: f64,
    users: Mutex<HashMap<String, Bucket>>,
}

impl Rates {
    /// So many a second, so many at once.
    pub(super) fn new(per_s: u32, burst: u32) -> Self {
        Self { per_s: per_s.into(), burst: burst.into(), users: Mutex::default() }
    }

    /// Takes one; else says after how long there is one.
    pub(super) fn take(&self, user: &str, now: Instant) -> Result<(), Duration> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if !users.contains_key(user) && users.len() >= USERS_MAX {
            users.retain(|_, bucket| self.filled(bucket, now) < self.burst);
            if users.len() >= USERS_MAX {
                return Err(Duration::from_secs(1));
            }
        }
        let full = || Bucket { credit: self.burst, at: now };
        let bucket = users.entry(user.to_owned()).or_insert_with(full);
        (bucket.credit, bucket.at) = (self.filled(bucket, now), now);
        if bucket.credit < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.credit) / self.per_s));
        }
        bucket.credit -= 1.0;
        Ok(())
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_s;
        (bucket.credit + gained).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_burst_and_then_the_rate() {
        let (rates, now) = (Rates::new(2, 3), Instant::now());
        let at = |ms: u64| now + Duration::from_millis(ms);
        for _ in 0..3 {
            assert_eq!(rates.take("u", at(0)), Ok(()));
        }
        assert_eq!(rates.take("u", at(0)), Err(Duration::from_millis(500)));
        assert_eq!(rates.take("v", at(0)), Ok(()), "another user has its own");
        assert_eq!(rates.take("u", at(500)), Ok(()));
        assert_eq!(rates.take("u", at(750)), Err(Duration::from_millis(250)));
        for _ in 0..3 {
            assert_eq!(rates.take("u", at(60_000)), Ok(()), "never more than the burst");
        }
        assert!(rates.take("u", at(60_000)).is_err());
    }

    #[test]
    fn the_table_is_bounded() {
        let (rates, now) = (Rates::new(1, 2), Instant::now());
        for n in 0..USERS_MAX {
            assert_eq!(rates.take(&n.to_string(), now), Ok(()));
        }
        assert!(rates.take("new", now).is_err(), "everybody has asked just now");
        assert_eq!(rates.take("new", now + Duration::from_secs(1)), Ok(()));
        assert_eq!(rates.users.lock().map(|users| users.len()).unwrap_or(0), 1);
    }
}
