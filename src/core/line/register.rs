//! Our registration with a carrier (RFC 3261 §10.2): renewed before it ends, tried again after a
//! failure with the waits of RFC 5626 §4.5.

use super::settings::RegisterSettings;
use crate::model::{Dice, LineRegistration, Mono, Now, RegistrationState, Reply, Wall};
use std::time::Duration;

/// `base-time` when no flow is registered, and `max-time` (RFC 5626 §4.5).
const BASE: Duration = Duration::from_secs(30);
const MAX: Duration = Duration::from_secs(1800);
/// A REGISTER ends after 64 × T1 = 32 s at the latest; later it is forgotten.
const OUT_MAX: Duration = Duration::from_secs(40);
/// Asked for at most this long after `423 Interval Too Brief`.
const EXPIRES_MAX_S: u32 = 7200;

#[derive(Clone, Debug)]
pub(super) struct Registrar {
    expires_s: u32,
    state: RegistrationState,
    reason: String,
    failures: u32,
    next: Option<Mono>,
    out: Option<Mono>,
    /// In force until then.
    until: Option<(Mono, Wall)>,
}

impl Registrar {
    pub(super) fn new(settings: RegisterSettings, now: Mono, dice: &mut Dice) -> Self {
        Self {
            expires_s: settings.expires_s,
            state: RegistrationState::Trying,
            reason: "not registered yet".to_owned(),
            failures: 0,
            next: Some(now.after(dice.spread(Duration::from_secs(1), 0, 100))),
            out: None,
            until: None,
        }
    }

    pub(super) fn state(&self) -> RegistrationState {
        self.state
    }

    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        let until = self.until.filter(|_| self.state == RegistrationState::Registered);
        [self.next, self.out, until.map(|u| u.0)].into_iter().flatten().min()
    }

    /// Seconds to ask for, if a REGISTER is due; it counts as sent then.
    pub(super) fn take_due(&mut self, now: Mono) -> Option<u32> {
        self.next.filter(|at| *at <= now)?;
        self.next = None;
        self.out = Some(now.after(OUT_MAX));
        Some(self.expires_s)
    }

    /// What only time brings: a registration that ran out, a REGISTER that nobody told about.
    pub(super) fn tick(&mut self, now: Now, dice: &mut Dice) {
        if self.out.is_some_and(|at| at <= now.mono) {
            self.answered(now, &Reply::Silent, dice);
        }
        let over = self.until.is_some_and(|(at, _)| at <= now.mono);
        if over && self.state == RegistrationState::Registered {
            self.state = RegistrationState::Failed;
            self.until = None;
        }
    }

    /// The outcome of a REGISTER.
    pub(super) fn answered(&mut self, now: Now, reply: &Reply, dice: &mut Dice) {
        self.out = None;
        self.reason = reply.to_string();
        match reply {
            Reply::Final { status: 200..=299, expires_s, .. } => {
                let granted = expires_s.unwrap_or(self.expires_s);
                if granted == 0 {
                    "answered, but our contact is not bound".clone_into(&mut self.reason);
                    return self.failed(now, None, dice);
                }
                let granted = Duration::from_secs(granted.into());
                self.failures = 0;
                self.state = RegistrationState::Registered;
                self.until = Some((now.mono.after(granted), now.wall.after(granted)));
                self.next = Some(now.mono.after(dice.spread(granted, 50, 90)));
            }
            Reply::Final { status: 423, .. } if self.expires_s < EXPIRES_MAX_S => {
                // RFC 3261 §10.2.8: longer, at once.
                self.expires_s = self.expires_s.saturating_mul(2).min(EXPIRES_MAX_S);
                self.next = Some(now.mono);
            }
            Reply::Final { retry_after_s, .. } => self.failed(now, *retry_after_s, dice),
            Reply::Silent | Reply::Unsent(_) => self.failed(now, None, dice),
        }
    }

    /// RFC 5626 §4.5: `min(max-time, base-time * 2 ^ failures)`, of which 50 to 100 % are waited.
    fn failed(&mut self, now: Now, retry_after_s: Option<u32>, dice: &mut Dice) {
        let factor = 1u32.checked_shl(self.failures.min(16)).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        let bound = BASE.saturating_mul(factor).min(MAX);
        let asked = Duration::from_secs(retry_after_s.unwrap_or(0).into()).min(MAX * 2);
        let mut wait = dice.spread(bound, 50, 100).max(asked);
        match self.until {
            // Still in force: what is left decides, not the back-off.
            Some((until, _)) if self.state == RegistrationState::Registered => {
                let left = until.since(now.mono);
                wait = wait.min(left / 2).max(Duration::from_secs(1));
            }
            _ => self.state = RegistrationState::Failed,
        }
        self.next = Some(now.mono.after(wait));
    }

    pub(super) fn entity(&self) -> LineRegistration {
        LineRegistration {
            state: self.state,
            reason: self.reason.clone(),
            expires_at: self.until.map(|(_, at)| at),
        }
    }
}
