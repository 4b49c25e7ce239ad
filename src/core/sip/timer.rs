//! A timer wheel: 4096 slots of 10 ms. Arming is a push, cancelling is forgetting: the owner of a
//! timer compares what fires with what it still wants.

use crate::model::{Mono, Now};
use std::time::Duration;

const SLOT_NS: u64 = 10_000_000;
const SLOTS: usize = 4096;
/// Longest wait that is kept in one go; later deadlines are looked at again on the way.
const LAP: u64 = SLOTS as u64 - 1;

/// Timers with a payload. Fires up to 10 ms late, never early.
#[derive(Debug)]
pub struct Wheel<T> {
    slots: Vec<Vec<(u64, T)>>,
    busy: [u64; SLOTS / 64],
    /// Slots up to this one have fired.
    done: u64,
    len: usize,
}

impl<T> Wheel<T> {
    /// An empty wheel.
    pub fn new() -> Self {
        let slots = (0..SLOTS).map(|_| Vec::new()).collect();
        Self { slots, busy: [0; SLOTS / 64], done: 0, len: 0 }
    }

    /// Timers that wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds a timer.
    pub fn arm(&mut self, at: Mono, timer: T) {
        let tick = at.0.div_ceil(SLOT_NS).max(self.done + 1);
        let slot = (tick % SLOTS as u64) as usize;
        self.slots[slot].push((tick, timer));
        self.busy[slot / 64] |= 1 << (slot % 64);
        self.len += 1;
    }

    /// Moves what is due to `fired`, in the order of their slots.
    pub fn due(&mut self, now: Now, fired: &mut Vec<T>) {
        let until = now.mono.0 / SLOT_NS;
        if until <= self.done {
            return;
        }
        // Everything lies within one lap of `done`, so a longer sleep needs no second lap.
        let last = until.min(self.done + SLOTS as u64);
        while let Some(tick) = self.next_busy().filter(|tick| *tick <= last) {
            self.done = tick;
            self.empty_slot(tick, until, fired);
        }
        self.done = until;
    }

    fn empty_slot(&mut self, tick: u64, until: u64, fired: &mut Vec<T>) {
        let slot = (tick % SLOTS as u64) as usize;
        let mut waiting = std::mem::take(&mut self.slots[slot]);
        self.busy[slot / 64] &= !(1 << (slot % 64));
        for (due, timer) in waiting.drain(..) {
            self.len -= 1;
            if due <= until {
                fired.push(timer);
            } else {
                self.arm(Mono(due * SLOT_NS), timer);
            }
        }
        if self.slots[slot].is_empty() {
            self.slots[slot] = waiting; // keeps its memory
        }
    }

    /// The first slot after `done` that is not empty, as a tick.
    fn next_busy(&self) -> Option<u64> {
        let start = self.done + 1;
        let mut ahead = 0;
        while ahead <= LAP {
            let slot = ((start + ahead) % SLOTS as u64) as usize;
            let word = self.busy[slot / 64] >> (slot % 64);
            if word != 0 {
                let found = ahead + u64::from(word.trailing_zeros());
                return (found <= LAP).then_some(start + found);
            }
            ahead += 64 - (slot % 64) as u64;
        }
        None
    }

    /// When `due` should be called. It may then find that a later lap is meant.
    pub fn next(&self) -> Option<Mono> {
        if self.len == 0 {
            return None;
        }
        self.next_busy().map(|tick| Mono(tick * SLOT_NS))
    }
}

/// How far ahead a timer is armed; what is due later is armed again on the way. So a cancelled
/// long timer (C) leaves the wheel after 64*T1.
pub fn horizon(now: Now, at: Mono, longest: Duration) -> Mono {
    let reach = longest.min(Duration::from_nanos(SLOT_NS * (LAP - 1)));
    at.min(now.mono.after(reach))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Now {
        Now { mono: Mono(ms * 1_000_000), ..Now::default() }
    }

    #[test]
    fn fires_late_by_less_than_a_slot_and_never_early() {
        let mut wheel = Wheel::new();
        let mut fired = Vec::new();
        wheel.due(at(1_000_000), &mut fired);
        wheel.arm(at(1_000_005).mono, 'a');
        wheel.arm(at(1_000_020).mono, 'b');
        wheel.arm(at(1_030_000).mono, 'c');
        assert_eq!(wheel.next(), Some(at(1_000_010).mono));
        wheel.due(at(1_000_009), &mut fired);
        assert_eq!(fired, []);
        wheel.due(at(1_000_025), &mut fired);
        assert_eq!(fired, ['a', 'b']);
        wheel.due(at(9_000_000), &mut fired);
        assert_eq!((fired.len(), wheel.len(), wheel.next()), (3, 0, None));
    }

    proptest! {
        /// Whatever is armed fires once, after its deadline, by following `next`.
        #[test]
        fn everything_fires_once(deadlines in prop::collection::vec(0u64..100_000, 0..40)) {
            let mut wheel = Wheel::new();
            for deadline in &deadlines {
                wheel.arm(at(*deadline).mono, *deadline);
            }
            let (mut fired, mut steps) = (Vec::new(), 0);
            while let Some(next) = wheel.next() {
                let before = fired.len();
                let now = Now { mono: next, ..Now::default() };
                wheel.due(now, &mut fired);
                for deadline in &fired[before..] {
                    let late = next.0 as i64 - at(*deadline).mono.0 as i64;
                    prop_assert!((0..=10_000_000).contains(&late), "late {late}");
                }
                steps += 1;
                prop_assert!(steps < 1000);
            }
            fired.sort_unstable();
            let mut expected = deadlines;
            expected.sort_unstable();
            prop_assert_eq!(fired, expected);
        }
    }
}
