//! Flap damping in the manner of RFC 2439: a penalty a flap, decaying by halves.

use super::settings::DampingSettings;
use crate::model::Mono;
use std::time::Duration;

/// Penalty of one flap.
const FLAP: f64 = 1000.0;

/// How badly a line has flapped.
#[derive(Clone, Debug)]
pub(super) struct Damping {
    settings: DampingSettings,
    penalty: f64,
    at: Mono,
    held: bool,
}

impl Damping {
    pub(super) fn new(settings: DampingSettings) -> Self {
        Self { settings, penalty: 0.0, at: Mono(0), held: false }
    }

    /// The penalty as it has decayed until now.
    pub(super) fn penalty(&self, now: Mono) -> u32 {
        self.decayed(now).round() as u32
    }

    /// The line flapped once more.
    pub(super) fn flap(&mut self, now: Mono) {
        if self.settings.half_life.is_zero() {
            return;
        }
        self.penalty = (self.decayed(now) + FLAP).min(f64::from(self.settings.ceiling));
        self.at = now;
        self.held |= self.penalty > f64::from(self.settings.suppress);
    }

    /// Held back now? Forgets it once the penalty is at `reuse`.
    pub(super) fn is_held(&mut self, now: Mono) -> bool {
        // Half a point of tolerance: the deadline is rounded to whole milliseconds.
        if self.held && self.decayed(now) <= f64::from(self.settings.reuse) + 0.5 {
            self.held = false;
        }
        self.held
    }

    /// Time until the penalty is at `reuse`; `None` while nothing is held back.
    pub(super) fn left(&self, now: Mono) -> Option<Duration> {
        let reuse = f64::from(self.settings.reuse.max(1));
        let halves = (self.decayed(now) / reuse).log2().max(0.0);
        let wait = self.settings.half_life.as_secs_f64() * halves;
        self.held.then(|| Duration::from_millis((wait * 1000.0).ceil() as u64))
    }

    /// For the reason that a person reads.
    pub(super) fn reason(&self, now: Mono) -> String {
        let left = self.left(now).unwrap_or_default().as_secs();
        format!(
            "held back by flap damping: penalty {} was above {}; first choice again in about {left} s",
            self.penalty(now),
            self.settings.suppress
        )
    }

    fn decayed(&self, now: Mono) -> f64 {
        let half_life = self.settings.half_life.as_secs_f64();
        if half_life <= 0.0 {
            return 0.0;
        }
        self.penalty * (-now.since(self.at).as_secs_f64() / half_life).exp2()
    }
}
