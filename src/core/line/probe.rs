//! When a line is probed, and what the newest probes said.

use super::settings::ProbeSettings;
use crate::model::{Dice, Mono, ProbeResult};
use std::collections::VecDeque;
use std::time::Duration;

/// Probes kept for people.
const KEPT: usize = 10;
/// Longest wait of a new line for its first probe.
const FIRST_MAX: Duration = Duration::from_secs(1);
/// Beyond its patience a probe has this long to be told; then it is forgotten.
const SLACK: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub(super) struct Prober {
    settings: Option<ProbeSettings>,
    next: Option<Mono>,
    /// Under way: when it is given up.
    out: Option<Mono>,
    kept: VecDeque<ProbeResult>,
    rtt_us: Option<u64>,
}

impl Prober {
    pub(super) fn new(settings: Option<ProbeSettings>, now: Mono, dice: &mut Dice) -> Self {
        let first = settings.map(|s| now.after(dice.spread(s.interval.min(FIRST_MAX), 0, 100)));
        Self { settings, next: first, out: None, kept: VecDeque::new(), rtt_us: None }
    }

    /// What an earlier run kept.
    pub(super) fn restore(&mut self, probes: Vec<ProbeResult>) {
        self.rtt_us = probes.iter().rev().find_map(|p| p.rtt_us);
        self.kept = probes.into_iter().rev().take(KEPT).rev().collect();
    }

    pub(super) fn settings(&self) -> Option<ProbeSettings> {
        self.settings
    }

    /// Longest wait for an answer, also of a probe that an operator asks for.
    pub(super) fn patience(&self) -> Duration {
        self.settings.unwrap_or_default().patience
    }

    pub(super) fn next(&self) -> Option<Mono> {
        self.next
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        [self.next, self.out].into_iter().flatten().min()
    }

    /// Is one due? It counts as sent then.
    pub(super) fn take_due(&mut self, now: Mono) -> bool {
        let due = self.next.is_some_and(|at| at <= now);
        if due {
            self.next = None;
            self.out = Some(now.after(self.patience().saturating_add(SLACK)));
        }
        due
    }

    /// Was the one under way forgotten by whoever should have told its end?
    pub(super) fn is_lost(&self, now: Mono) -> bool {
        self.out.is_some_and(|at| at <= now)
    }

    /// One has ended; the next comes sooner while something is wrong.
    pub(super) fn ended(&mut self, now: Mono, result: ProbeResult, bad: bool, dice: &mut Dice) {
        self.rtt_us = result.rtt_us.or(self.rtt_us);
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(result);
        self.out = None;
        if let Some(settings) = self.settings {
            let wait = if bad { settings.down_interval } else { settings.interval };
            self.next = Some(now.after(dice.spread(wait, 90, 110)));
        }
    }

    pub(super) fn kept(&self) -> Vec<ProbeResult> {
        self.kept.iter().cloned().collect()
    }

    pub(super) fn rtt_us(&self) -> Option<u64> {
        self.rtt_us
    }
}
