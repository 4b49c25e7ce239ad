//! Evidence in, health out.
//!
//! | standing | probe answered | probe failed | call answered | call failed |
//! |---|---|---|---|---|
//! | unknown | up | counts; `down_after`: down | up | counts; `down_after`: down |
//! | up | its count is 0 | counts; `down_after`: down | both counts are 0 | counts; `down_after`: down |
//! | down by probes | `up_after` in a row: up | starts the row anew | `up_after` in a row: up | starts the row anew |
//! | down by calls | no change: it answers, but takes no calls | may be down by probes too | `up_after` in a row: up | starts the row anew, longer wait |
//! | down by both | as down by probes | starts the row anew | `up_after` in a row: up | starts the row anew |
//!
//! A probe does not clear what calls alone have said, because an overloaded carrier answers
//! OPTIONS and refuses calls. Where probes have failed as well, the line was gone, and both end
//! together.

use super::settings::HealthSettings;
use crate::model::Mono;
use std::time::Duration;

/// A trial call whose end was not told in this time is forgotten: longer than 64 × T1.
const TRIAL_MAX: Duration = Duration::from_secs(64);

/// One piece of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// A probe or a REGISTER was answered.
    ProbeAnswered,
    /// It was not.
    ProbeFailed,
    /// A call had a sign of life.
    CallAnswered,
    /// A call had none, or 503.
    CallFailed,
}

/// What evidence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing yet.
    Unknown,
    /// Alive.
    Up,
    /// Not alive.
    Down,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    failures: u32,
    successes: u32,
}

impl Row {
    fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.successes = 0;
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        self.successes = self.successes.saturating_add(1);
    }
}

/// The judge of one line.
#[derive(Clone, Debug)]
pub(super) struct Health {
    settings: HealthSettings,
    heard: bool,
    probes: Row,
    calls: Row,
    down_by_probes: bool,
    down_by_calls: bool,
    /// Calls have taken it out: not before this one may try it.
    trial_at: Mono,
    trial_wait: Duration,
    trial: Option<Mono>,
}

impl Health {
    pub(super) fn new(settings: HealthSettings) -> Self {
        Self {
            settings,
            heard: false,
            probes: Row::default(),
            calls: Row::default(),
            down_by_probes: false,
            down_by_calls: false,
            trial_at: Mono(0),
            trial_wait: settings.trial_after,
            trial: None,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        match (self.down_by_probes || self.down_by_calls, self.heard) {
            (true, _) => Standing::Down,
            (false, true) => Standing::Up,
            (false, false) => Standing::Unknown,
        }
    }

    /// Taken down by probes, by calls.
    pub(super) fn down_by(&self) -> (bool, bool) {
        (self.down_by_probes, self.down_by_calls)
    }

    pub(super) fn probe_failures(&self) -> u32 {
        self.probes.failures
    }

    pub(super) fn call_failures(&self) -> u32 {
        self.calls.failures
    }

    /// Takes one piece of evidence.
    pub(super) fn take(&mut self, now: Mono, evidence: Evidence) {
        match evidence {
            Evidence::ProbeAnswered => {
                self.heard = true;
                self.probes.succeeded();
                if self.down_by_probes && self.probes.successes >= self.settings.up_after {
                    self.come_up(); // it was gone altogether, which is why calls failed too
                }
            }
            Evidence::ProbeFailed => {
                self.probes.failed();
                self.down_by_probes |= self.probes.failures >= self.settings.down_after;
            }
            Evidence::CallAnswered => {
                self.heard = true;
                self.trial = None;
                self.calls.succeeded();
                if self.standing() != Standing::Down {
                    self.probes.failures = 0;
                } else if self.calls.successes >= self.settings.up_after {
                    self.come_up();
                }
            }
            Evidence::CallFailed => self.call_failed(now),
        }
    }

    fn come_up(&mut self) {
        self.down_by_probes = false;
        self.down_by_calls = false;
        self.probes.failures = 0;
        self.calls.failures = 0;
        self.trial_wait = self.settings.trial_after;
    }

    fn call_failed(&mut self, now: Mono) {
        let tried = self.trial.take().is_some();
        self.calls.failed();
        if self.down_by_calls {
            if tried {
                let doubled = self.trial_wait.saturating_mul(2);
                self.trial_wait = doubled.min(self.settings.trial_after_max);
                self.trial_at = now.after(self.trial_wait);
            }
        } else if self.calls.failures >= self.settings.down_after {
            self.down_by_calls = true;
            self.trial_wait = self.settings.trial_after;
            self.trial_at = now.after(self.trial_wait);
        }
    }

    /// May the next call try it although calls have taken it out of service?
    pub(super) fn offers_trial(&self, now: Mono) -> bool {
        let busy = self.trial.is_some_and(|since| now.since(since) < TRIAL_MAX);
        let silent = self.down_by_probes || self.probes.failures > 0;
        self.down_by_calls && !silent && !busy && now >= self.trial_at
    }

    /// A call goes to it.
    pub(super) fn began(&mut self, now: Mono) {
        if self.offers_trial(now) {
            self.trial = Some(now);
        }
    }

    /// That call ended without saying anything about the line.
    pub(super) fn dropped(&mut self) {
        self.trial = None;
    }

    /// For the reason that a person reads.
    pub(super) fn reason(&self, last: &str) -> String {
        let (probes, calls) = (self.probes, self.calls);
        match (self.down_by_probes, self.down_by_calls) {
            (true, _) => format!("{} probes failed in a row: {last}", probes.failures),
            (false, true) => format!("{} calls failed in a row: {last}", calls.failures),
            (false, false) if calls.successes > 0 => "calls are answered".to_owned(),
            (false, false) if probes.successes > 0 => "probes are answered".to_owned(),
            (false, false) => "nothing was heard of it yet".to_owned(),
        }
    }
}
