//! Two clocks: durations come from `Mono`, moments told to people come from `Wall`.

use std::time::Duration;

/// Nanoseconds of a monotonic clock with an arbitrary start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(pub u64);

impl Mono {
    /// This moment plus `wait`, saturating.
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Time since `earlier`; zero if that lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(pub i64);

impl Wall {
    /// This moment plus `wait`, saturating.
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This moment minus `earlier`, saturating.
    pub fn before(self, back: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(back.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Whole milliseconds since `earlier`; zero if that lies ahead.
    pub fn ms_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0) / 1000).unwrap_or(0)
    }

    /// RFC 3339 in UTC with microseconds, e.g. `2026-01-05T02:30:00.000000Z`.
    pub fn rfc3339(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(ts) => format!("{ts:.6}"),
            Err(_) => format!("out-of-range:{}", self.0),
        }
    }
}

/// The present moment by both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For durations and deadlines.
    pub mono: Mono,
    /// For people and law.
    pub wall: Wall,
}

/// When a peer's message reached this machine: both clocks moved back by its age.
pub type Arrival = Now;

/// How a moment is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeQuality {
    /// Kernel receive stamp on our own SIP leg.
    Measured,
    /// Stamped by the switch.
    Pbx,
    /// Computed from other moments.
    Derived,
    /// Learnt after a restart or a lost link.
    Reconciled,
}

/// A moment by two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The source's own stamp.
    pub pbx_time: Wall,
    /// Our clock when we saw it.
    pub observed_at: Wall,
    /// How good `pbx_time` is.
    pub quality: TimeQuality,
}

impl Moment {
    /// A message of our own SIP leg: stamped by the kernel at `arrived`, read at `now`.
    pub fn measured(arrived: Arrival, now: Now) -> Self {
        Self { pbx_time: arrived.wall, observed_at: now.wall, quality: TimeQuality::Measured }
    }

    /// A moment that we made ourselves.
    pub fn own(now: Now) -> Self {
        Self { pbx_time: now.wall, observed_at: now.wall, quality: TimeQuality::Derived }
    }
}
