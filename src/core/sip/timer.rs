//! A timer wheel: 4096 slots of 10 ms. Arming is a push, cancelling is forgetting: the owner of a
//! timer compares what fires with what it still wants.

use crate::model::{Mono, Now};
use std::time::Duration;

const SLOT_NS: u64 = 10_000_000;
const SLOTS: usize = 4096;
/// Longest wait that is kept in one go; later deadlines are looked at again on the way.
const LAP: u64 = SLOTS as u64 - 1;

/// Places that lie together in memory.
const CHUNK: usize = 512;
/// Where a list ends.
const NONE: u32 = u32::MAX;

/// A timer that waits, in the list of its slot, or a place that is free.
#[derive(Clone, Copy, Debug)]
struct Node<T> {
    tick: u64,
    timer: T,
    next: u32,
}

/// First and last of a slot's list.
#[derive(Clone, Copy, Debug)]
struct Ends {
    first: u32,
    last: u32,
}

const EMPTY: Ends = Ends { first: NONE, last: NONE };

/// Timers with a payload. Fires up to 10 ms late, never early.
///
/// All slots share their places, so that memory is what the most timers at one time took, and a
/// slot that is used for the first time allocates nothing. It grows by chunks, as `Slab` does.
#[derive(Debug)]
pub struct Wheel<T> {
    chunks: Vec<Vec<Node<T>>>,
    /// Free places.
    free: u32,
    slots: Vec<Ends>,
    busy: [u64; SLOTS / 64],
    /// Slots up to this one have fired.
    done: u64,
    len: usize,
}

impl<T: Copy> Wheel<T> {
    /// An empty wheel.
    pub fn new() -> Self {
        let slots = vec![EMPTY; SLOTS];
        Self { chunks: Vec::new(), free: NONE, slots, busy: [0; SLOTS / 64], done: 0, len: 0 }
    }

    /// Timers that wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds a timer.
    pub fn arm(&mut self, at: Mono, timer: T) {
        let tick = at.0.div_ceil(SLOT_NS).max(self.done + 1);
        let node = Node { tick, timer, next: NONE };
        let place = self.free;
        let place = match self.node(place) {
            Some(free) => {
                self.free = std::mem::replace(free, node).next;
                place
            }
            None => self.grow(node),
        };
        self.append(place, tick);
        self.len += 1;
    }

    fn node(&mut self, place: u32) -> Option<&mut Node<T>> {
        let place = place as usize;
        self.chunks.get_mut(place / CHUNK)?.get_mut(place % CHUNK)
    }

    fn grow(&mut self, node: Node<T>) -> u32 {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let last = self.chunks.len() - 1;
        let chunk = &mut self.chunks[last];
        chunk.push(node);
        (last * CHUNK + chunk.len() - 1) as u32
    }

    /// Puts a place at the end of its slot's list.
    fn append(&mut self, place: u32, tick: u64) {
        let slot = (tick % SLOTS as u64) as usize;
        let last = std::mem::replace(&mut self.slots[slot].last, place);
        match self.node(last) {
            Some(last) => last.next = place,
            None => self.slots[slot].first = place,
        }
        self.busy[slot / 64] |= 1 << (slot % 64);
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
        let mut place = std::mem::replace(&mut self.slots[slot], EMPTY).first;
        self.busy[slot / 64] &= !(1 << (slot % 64));
        let mut free = self.free;
        while let Some(node) = self.node(place) {
            let Node { tick: due, timer, next } = *node;
            if due <= until {
                node.next = std::mem::replace(&mut free, place);
                self.len -= 1;
                fired.push(timer);
            } else {
                node.next = NONE;
                self.append(place, due);
            }
            place = next;
        }
        self.free = free;
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
