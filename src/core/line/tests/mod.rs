//! Lines against fed outcomes and a virtual clock.

#![allow(clippy::unwrap_used)]

mod order;
mod properties;
mod table;

use super::*;
use crate::model::{LineRole, LineState, Mono, Now, Reply, Wall};
use std::time::Duration;

/// One line and its clock.
struct Bench {
    line: LineMachine,
    now: Now,
    facts: Vec<LineFact>,
}

impl Bench {
    fn new(settings: LineSettings) -> Self {
        let now = at_ms(1_000_000);
        Self { line: LineMachine::new(settings, now, 7), now, facts: Vec::new() }
    }

    fn plain() -> Self {
        Self::new(LineSettings::named("main", LineRole::Primary))
    }

    fn pass(&mut self, wait: Duration) {
        let ms = u64::try_from(wait.as_millis()).unwrap();
        self.now = at_ms(self.now.mono.0 / 1_000_000 + ms);
        self.line.tick(self.now, &mut self.facts);
    }

    fn probe(&mut self, reply: Reply) {
        self.line.probed(self.now, &reply, &mut self.facts);
    }

    fn call(&mut self, outcome: CallOutcome) {
        self.line.call_said(self.now, outcome, &mut self.facts);
    }

    fn state(&self) -> LineState {
        self.line.state()
    }

    /// States passed through since the last look.
    fn changes(&mut self) -> usize {
        let changed = |f: &LineFact| matches!(f, LineFact::Changed { .. });
        std::mem::take(&mut self.facts).iter().filter(|f| changed(f)).count()
    }
}

fn at_ms(ms: u64) -> Now {
    let wall = Wall(1_763_863_200_000_000 + i64::try_from(ms).unwrap() * 1000);
    Now { mono: Mono(ms * 1_000_000), wall }
}

fn answer(status: u16) -> Reply {
    Reply::Final {
        status,
        phrase: "Whatever".into(),
        rtt: Duration::from_millis(3),
        expires_s: None,
        retry_after_s: None,
    }
}

fn granted(expires_s: u32) -> Reply {
    Reply::Final {
        status: 200,
        phrase: "OK".into(),
        rtt: Duration::from_millis(3),
        expires_s: Some(expires_s),
        retry_after_s: None,
    }
}
