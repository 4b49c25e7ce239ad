//! The one clock of the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use trunkline_core::model::{Arrival, Mono, Now, Wall};

/// A message older than this when it is read was not waiting for us: the stamp is not believed.
const AGE_MAX: Duration = Duration::from_secs(1);
/// Readings that are closer are of one moment.
const ONE_MOMENT: Duration = Duration::from_millis(100);

/// Wall and monotonic time. Clones share one offset.
///
/// The monotonic clock counts the time that the machine slept, too (`CLOCK_BOOTTIME`): a sleep is no
/// step of the wall clock, and timers that ran out meanwhile are due.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Since the machine was started.
    start: Duration,
    /// The wall clock is somebody's own.
    is_virtual: bool,
    offset_us: Arc<AtomicI64>,
    clamps: Arc<AtomicU64>,
}

impl Clock {
    /// The system's time.
    pub fn system() -> Self {
        Self {
            start: since_boot(),
            is_virtual: false,
            offset_us: Arc::new(AtomicI64::new(0)),
            clamps: Arc::new(AtomicU64::new(0)),
        }
    }

    /// A clock that shows `wall` at this moment and runs on from there: for the demo and tests.
    pub fn starting_at(wall: Wall) -> Self {
        let clock = Self { is_virtual: true, ..Self::system() };
        clock.move_to(wall);
        clock
    }

    /// Sets the wall time. Durations do not change: they come from `mono`.
    pub fn move_to(&self, wall: Wall) {
        self.offset_us.store(wall.0 - real_us(), Ordering::Relaxed);
    }

    /// Microseconds that this clock is ahead of the system's.
    pub fn offset_us(&self) -> i64 {
        self.offset_us.load(Ordering::Relaxed)
    }

    /// Wall time.
    pub fn wall(&self) -> Wall {
        Wall(real_us() + self.offset_us())
    }

    /// Monotonic time.
    pub fn mono(&self) -> Mono {
        let since = since_boot().saturating_sub(self.start);
        Mono(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The machine's start by the monotonic clock, in microseconds: zero or less.
    pub fn boot_us(&self) -> i64 {
        -i64::try_from(self.start.as_micros()).unwrap_or(i64::MAX)
    }

    /// The wall clock is not the system's: it shows what a demo or a test wants.
    pub fn is_virtual(&self) -> bool {
        self.is_virtual
    }

    /// Both, of one moment: a process that is stopped between the two readings reads again, or it
    /// would take its own pause for a wall clock that was set.
    pub fn now(&self) -> Now {
        loop {
            let now = Now { mono: self.mono(), wall: self.wall() };
            if self.mono().since(now.mono) < ONE_MOMENT {
                return now;
            }
        }
    }

    /// When a datagram with this kernel stamp (system time) arrived, by both clocks: the present
    /// minus its age. An age outside [0, 1 s] is clamped and counted.
    pub fn arrival(&self, now: Now, kernel: Option<Duration>) -> Arrival {
        let Some(kernel) = kernel else { return now };
        // The age by the same reading that made `now`: a later one would give each datagram of a
        // batch another error, and the second could seem to have come before the first.
        let real = u64::try_from(now.wall.0 - self.offset_us()).unwrap_or(0);
        let stamp = u64::try_from(kernel.as_micros()).unwrap_or(0);
        let age = Duration::from_micros(real.saturating_sub(stamp));
        if age > AGE_MAX || stamp > real {
            self.clamps.fetch_add(1, Ordering::Relaxed);
        }
        let age = age.min(AGE_MAX);
        let mono = Mono(now.mono.0.saturating_sub(u64::try_from(age.as_nanos()).unwrap_or(0)));
        Arrival { mono, wall: now.wall.before(age) }
    }

    /// Stamps that were clamped.
    pub fn clamps(&self) -> u64 {
        self.clamps.load(Ordering::Relaxed)
    }
}

/// Names this run of the machine; `None` where the kernel does not tell.
pub fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

fn since_boot() -> Duration {
    // Every Linux since 2.6.39 has it; the other one stands still while the machine sleeps.
    let read = |id| nix::time::clock_gettime(id).ok().map(Duration::from);
    read(nix::time::ClockId::CLOCK_BOOTTIME)
        .or_else(|| read(nix::time::ClockId::CLOCK_MONOTONIC))
        .unwrap_or_default()
}

fn real_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_moves_the_arrival_back_by_its_age_but_never_beyond_a_second() {
        let clock = Clock::starting_at(Wall(1_000_000_000_000));
        let now = clock.now();
        let stamp = |back_us: i64| {
            Some(Duration::from_micros(u64::try_from(real_us() - back_us).unwrap_or(0)))
        };
        let age = |back_us: i64| now.wall.0 - clock.arrival(now, stamp(back_us)).wall.0;
        assert!((200_000..=300_000).contains(&age(300_000)));
        assert_eq!(age(50_000_000), 1_000_000);
        assert_eq!(age(-5_000_000), 0);
        assert_eq!(clock.clamps(), 2);
        assert_eq!(clock.arrival(now, None), now);
    }

    #[test]
    fn distances_of_stamps_are_kept_to_the_microsecond() {
        let clock = Clock::starting_at(Wall(1_000_000_000_000));
        let first = Duration::from_micros(u64::try_from(real_us()).unwrap_or(0));
        let second = first + Duration::from_micros(7);
        std::thread::sleep(Duration::from_millis(1));
        let early = clock.arrival(clock.now(), Some(first));
        std::thread::sleep(Duration::from_millis(1));
        let late = clock.arrival(clock.now(), Some(second));
        assert_eq!(late.wall.0 - early.wall.0, 7);
    }
}
