//! Whether the wall clock can be believed: windows are law, and a clock that was set tells any hour.
//!
//! The monotonic clock is the witness. What a time service does slowly moves both clocks; a step
//! moves the wall clock alone and closes the gate until it is undone, has settled, or an
//! administrator has looked. Emergency numbers, extensions and calls that come in never ask.

use super::Engine;
use super::input::Outputs;
use crate::model::{Mono, Now, SystemState, Wall};
use std::time::Duration;

/// Up to here a step is forgiven: leap seconds and time services do that.
const STEP_US: i64 = 2_000_000;
/// So much of the time that passes is forgiven of it; what comes faster adds up.
const FORGIVEN_DIVISOR: i64 = 10;
/// Longest time between two looks, and the longest that counts for what is forgiven.
const LOOK: Duration = Duration::from_secs(1);
/// Between looks that are closer nothing is forgiven: it would be rounded away.
const CLOSE: Duration = Duration::from_millis(1);
/// A clock that was set is believed again after so long without another step.
const STEADY: Duration = Duration::from_secs(120);

/// What the watch starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockStart {
    /// No clock of a machine that runs this program shows an earlier time.
    pub floor: Wall,
    /// A step up to so long settles by itself. Above it an administrator confirms.
    pub settles: Duration,
    /// Wall clock minus monotonic clock when it was last believed, in microseconds; `None`: that was
    /// before the machine was started.
    pub ahead_us: Option<i64>,
    /// An instant that has been: an earlier run wrote it down. Counts where `ahead_us` is not known.
    pub newest: Option<Wall>,
    /// An earlier run ended while it did not believe the clock.
    pub doubted: bool,
}

/// How the clock stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockState {
    /// Somebody watches.
    pub watched: bool,
    /// Why it is not believed; `None`: it is.
    pub fault: Option<ClockFault>,
    /// As in [`ClockStart`]; `None`: it was never believed.
    pub ahead_us: Option<i64>,
    /// As in [`ClockStart`], while the clock is behind it.
    pub newest: Option<Wall>,
    /// Steps seen.
    pub steps: u64,
}

/// Why the clock is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockFault {
    /// It shows a time before this program was made.
    BeforeBuild,
    /// It shows a time before one that has been.
    Behind {
        /// By so much at first, in microseconds.
        by_us: i64,
    },
    /// It was set.
    Stepped {
        /// By so much, in microseconds.
        by_us: i64,
    },
    /// An earlier run did not believe it, and the machine was started since.
    Doubted,
}

impl std::fmt::Display for ClockFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = |us: i64| us.saturating_add(us.signum() * 500_000) / 1_000_000;
        match self {
            Self::BeforeBuild => f.write_str("the clock shows a time before this program was made"),
            Self::Behind { by_us } => {
                write!(f, "the clock is {} s behind the newest entry", seconds(*by_us))
            }
            Self::Stepped { by_us } => write!(f, "the clock was set by {:+} s", seconds(*by_us)),
            Self::Doubted => f.write_str(
                "the clock was wrong before the machine was started, nobody has confirmed",
            ),
        }
    }
}

/// Why the clock is believed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Back,
    Settled,
}

/// A change of what is believed.
enum Change {
    Doubt(ClockFault),
    Trust(Why),
}

/// Where the clock has stood since its last step.
#[derive(Clone, Copy)]
struct Steady {
    ahead_us: i64,
    since: Mono,
    looked: Mono,
}

/// The watch. Without a start nobody watches: the clock is a test's own.
#[derive(Default)]
pub(super) struct ClockWatch(Option<Watch>);

struct Watch {
    start: ClockStart,
    state: ClockState,
    steady: Steady,
    /// Steps since the fault began.
    steps_since: u64,
}

fn ahead_us(now: Now) -> i64 {
    now.wall.0.saturating_sub(i64::try_from(now.mono.0 / 1000).unwrap_or(i64::MAX))
}

impl Steady {
    /// `true`: the clock was set since the last look.
    fn step(&mut self, now: Now) -> bool {
        let ahead_us = ahead_us(now);
        let off = ahead_us.saturating_sub(self.ahead_us);
        if off.saturating_abs() > STEP_US {
            *self = Self { ahead_us, since: now.mono, looked: now.mono };
            return true;
        }
        let passed = now.mono.since(self.looked);
        if passed >= CLOSE {
            let passed = i64::try_from(passed.min(LOOK).as_micros()).unwrap_or(0);
            let forgiven = passed / FORGIVEN_DIVISOR;
            self.ahead_us += off.clamp(-forgiven, forgiven);
            self.looked = now.mono;
        }
        false
    }
}

impl Watch {
    fn new(start: ClockStart, now: Now) -> (Self, Option<ClockFault>) {
        let here = ahead_us(now);
        let steady = Steady { ahead_us: here, since: now.mono, looked: now.mono };
        let known = start.ahead_us;
        let by_us = known.map_or(0, |known| here.saturating_sub(known));
        let behind = start.newest.filter(|_| known.is_none());
        let behind_us = behind.map_or(0, |newest| newest.0.saturating_sub(now.wall.0));
        let fault = if now.wall < start.floor {
            Some(ClockFault::BeforeBuild)
        } else if by_us.saturating_abs() > STEP_US {
            Some(ClockFault::Stepped { by_us })
        } else if behind_us > STEP_US {
            Some(ClockFault::Behind { by_us: behind_us })
        } else if known.is_none() && start.doubted {
            Some(ClockFault::Doubted)
        } else {
            None
        };
        let state = ClockState {
            watched: true,
            fault,
            ahead_us: known.or_else(|| fault.is_none().then_some(here)),
            newest: behind.filter(|_| fault.is_some()),
            steps: 0,
        };
        (Self { start, state, steady, steps_since: 0 }, fault)
    }

    fn look(&mut self, now: Now) -> Option<Change> {
        let stepped = self.steady.step(now);
        if stepped {
            self.state.steps += 1;
            self.steps_since += 1;
        }
        let fault = match self.state.fault {
            None if !stepped && now.wall >= self.start.floor => {
                self.state.ahead_us = Some(self.steady.ahead_us);
                return None;
            }
            fault => fault,
        };
        if now.wall < self.start.floor {
            return self.doubt(ClockFault::BeforeBuild);
        }
        if let Some(known) = self.state.ahead_us {
            let by_us = self.steady.ahead_us.saturating_sub(known);
            if by_us.saturating_abs() <= STEP_US {
                return self.trust(Why::Back);
            }
            let small = by_us.unsigned_abs() <= self.settles_us();
            return match small && self.is_steady(now) {
                true => self.trust(Why::Settled),
                // A fault that is told is told again only when the clock was set again.
                false if stepped || fault.is_none() => self.doubt(ClockFault::Stepped { by_us }),
                false => None,
            };
        }
        self.look_unknown(now, fault?)
    }

    /// The clock was not believed from the start on.
    fn look_unknown(&mut self, now: Now, fault: ClockFault) -> Option<Change> {
        let newest = self.state.newest.unwrap_or(now.wall);
        let behind_us = newest.0.saturating_sub(now.wall.0);
        let set_right = self.steps_since > 0 && self.is_steady(now);
        match fault {
            ClockFault::BeforeBuild if behind_us > STEP_US => {
                self.doubt(ClockFault::Behind { by_us: behind_us })
            }
            ClockFault::BeforeBuild if set_right => self.trust(Why::Settled),
            // What was a little behind has caught up; what was far behind was set, or never will.
            ClockFault::Behind { by_us } if behind_us <= 0 => {
                match by_us.unsigned_abs() <= self.settles_us() || set_right {
                    true => self.trust(Why::Settled),
                    false => None,
                }
            }
            ClockFault::BeforeBuild
            | ClockFault::Behind { .. }
            | ClockFault::Stepped { .. }
            | ClockFault::Doubted => None,
        }
    }

    fn settles_us(&self) -> u64 {
        u64::try_from(self.start.settles.as_micros()).unwrap_or(u64::MAX)
    }

    fn is_steady(&self, now: Now) -> bool {
        now.mono.since(self.steady.since) >= STEADY
    }

    fn doubt(&mut self, fault: ClockFault) -> Option<Change> {
        let known = self.state.fault.replace(fault);
        if known.is_none() {
            self.steps_since = 0;
        }
        (known != Some(fault)).then_some(Change::Doubt(fault))
    }

    fn trust(&mut self, why: Why) -> Option<Change> {
        self.state.fault = None;
        self.state.newest = None;
        self.state.ahead_us = Some(self.steady.ahead_us);
        Some(Change::Trust(why))
    }
}

impl ClockWatch {
    /// Begins to watch; what is wrong already comes back.
    pub(super) fn start(&mut self, start: Option<ClockStart>, now: Now) -> Option<ClockFault> {
        let (watch, fault) = Watch::new(start?, now);
        self.0 = Some(watch);
        fault
    }

    /// Why no gated call may be made.
    pub(super) fn fault(&self) -> Option<ClockFault> {
        self.0.as_ref().and_then(|watch| watch.state.fault)
    }

    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.0.as_ref().map(|watch| watch.steady.looked.after(LOOK))
    }
}

impl Engine {
    /// How the wall clock stands.
    pub fn clock(&self) -> ClockState {
        self.clock.0.as_ref().map(|watch| watch.state).unwrap_or_default()
    }

    pub(super) fn start_clock(&mut self, start: Option<ClockStart>, now: Now, out: &mut Outputs) {
        if let Some(fault) = self.clock.start(start, now) {
            self.tell_doubt(now, fault, out);
        }
    }

    /// Before anything is decided by it.
    pub(super) fn look_at_clock(&mut self, now: Now, out: &mut Outputs) {
        let Some(watch) = &mut self.clock.0 else { return };
        let why = match watch.look(now) {
            None => return,
            Some(Change::Doubt(fault)) => return self.tell_doubt(now, fault, out),
            Some(Change::Trust(Why::Back)) => "it shows the time that it should show",
            Some(Change::Trust(Why::Settled)) => "it was set, and has not been set again since",
        };
        self.tell_trust(now, why, out);
    }

    /// An administrator has looked at the clock. The ticket hears when that is durable.
    ///
    /// It stays closed while the clock shows a time before this program was made.
    pub(super) fn confirm_clock(&mut self, now: Now, who: &str, ticket: u64, out: &mut Outputs) {
        if let Some(watch) = &mut self.clock.0
            && now.wall >= watch.start.floor
            && watch.state.fault.is_some()
        {
            let _ = watch.trust(Why::Settled);
            self.tell_trust(now, &format!("confirmed by {who}"), out);
        }
        out.tickets.push((ticket, self.pos));
    }

    fn tell_doubt(&mut self, now: Now, fault: ClockFault, out: &mut Outputs) {
        let reason = format!("clock: {fault}: gated calls are refused");
        self.tell(now, SystemState::PartiallyDisabled, reason, out);
    }

    fn tell_trust(&mut self, now: Now, why: &str, out: &mut Outputs) {
        self.tell(now, SystemState::Normal, format!("clock: believed again, {why}"), out);
    }
}
