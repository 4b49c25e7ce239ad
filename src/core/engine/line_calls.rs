//! What becomes of real calls, as evidence about their lines.

use super::input::Outputs;
use super::table::LineUse;
use super::writer::Engine;
use crate::line::{CallOutcome, Ending, LineIx, Way};
use crate::model::{CallId, EventKind, Now, Shift};
use crate::sip::{AskId, PeerId};
use std::time::Duration;

/// A call that ends here and had no sign of life for longer than this had a 100 that is not told:
/// without any answer the transaction ends after 64 × T1 = 32 s.
const SILENCE_MAX: Duration = Duration::from_secs(60);

impl Engine {
    /// A call came in by this carrier.
    pub(super) fn line_came_in(&mut self, now: Now, call: CallId, peer: PeerId) {
        if let Some(ix) = self.trunk.of_peer(peer) {
            self.line_begins(now, call, ix, Way::In);
        }
    }

    fn line_begins(&mut self, now: Now, call: CallId, line: LineIx, way: Way) {
        let Some(entry) = self.table.entry(call) else { return };
        entry.line = Some(LineUse::new(line, way, now.mono));
        if let Some(machine) = self.trunk.lines.get_mut(line) {
            machine.began(now, way);
        }
    }

    /// The INVITE of a call went to a neighbour.
    pub(super) fn line_forwarded(&mut self, now: Now, ask: AskId, peer: PeerId, out: &mut Outputs) {
        let Some(ix) = self.trunk.of_peer(peer) else { return };
        let Some(call) = self.table.of_ask(ask) else { return };
        let Some(entry) = self.table.entry(call) else { return };
        if entry.line.as_ref().is_some_and(|used| used.line == ix) {
            return; // another address of the same line
        }
        let before = entry.line.take();
        self.line_begins(now, call, ix, Way::Out);
        let Some(before) = before else { return };
        let reason = match &before.failure {
            Some(failure) => failure.to_string(),
            None => silence(now, &before),
        };
        let from = before.line;
        self.line_fails_call(now, before, out);
        self.totals.line_failovers += 1;
        let name = |ix| self.trunk.lines.get(ix).map(|l| l.name().to_owned()).unwrap_or_default();
        let shift = Shift { call: Some(call), from: name(from), to: name(ix), reason };
        if let Some(line) = self.trunk.lines.get_mut(ix) {
            line.revise();
        }
        self.tell_line(now, ix, EventKind::LineFailover, Some(shift), out);
    }

    /// The call has left a line that did not serve it.
    fn line_fails_call(&mut self, now: Now, used: LineUse, out: &mut Outputs) {
        let told = used.failure.is_some() || used.heard;
        let outcome = match told {
            true => CallOutcome::Nothing, // what it said was weighed when it came
            false => CallOutcome::Failed(silence(now, &used)),
        };
        self.with_line(now, used.line, out, |line, facts| {
            if !used.counted {
                line.count(now, Ending::Ineffective);
            }
            line.call_said(now, outcome, facts);
            line.ended(now, used.way, facts);
        });
    }

    /// A carrier answered an INVITE, 101 to 699.
    pub(super) fn line_response(
        &mut self,
        now: Now,
        ask: AskId,
        peer: PeerId,
        status: u16,
        phrase: &str,
        out: &mut Outputs,
    ) {
        let Some(ix) = self.trunk.of_peer(peer) else { return };
        let alive = !matches!(status, 408 | 503);
        let entry = self.table.of_ask(ask).and_then(|call| self.table.entry(call));
        let current = entry.and_then(|e| e.line.as_mut()).filter(|used| used.line == ix);
        let Some(used) = current else {
            if alive {
                // The call is elsewhere by now, but the line lives.
                self.with_line(now, ix, out, |l, f| l.call_said(now, CallOutcome::Alive, f));
            }
            return;
        };
        let first = !std::mem::replace(&mut used.heard, true);
        used.rung |= matches!(status, 180 | 183);
        let ending = (status >= 200 && !is_challenge(status) && !used.counted)
            .then(|| Ending::of_status(status, used.rung));
        used.counted |= ending.is_some();
        let failure = (!alive).then(|| format!("{status} {phrase}"));
        used.failure = failure.as_deref().map(Box::from);
        if !first && ending.is_none() {
            return;
        }
        self.with_line(now, ix, out, |line, facts| {
            if let Some(ending) = ending {
                line.count(now, ending);
            }
            match failure {
                Some(why) => line.call_said(now, CallOutcome::Failed(why), facts),
                None if first => line.call_said(now, CallOutcome::Alive, facts),
                None => {}
            }
        });
        if alive && first {
            self.meet_by_backup(now, ix, "carries calls", out);
        }
    }

    /// The attempt is over with a final answer to the caller; before the call hears of it.
    pub(super) fn line_rejected(
        &mut self,
        now: Now,
        ask: AskId,
        status: u16,
        local: bool,
        out: &mut Outputs,
    ) {
        let Some(entry) = self.table.of_ask(ask).and_then(|call| self.table.entry(call)) else {
            return;
        };
        let Some(used) = entry.line.take_if(|used| used.way == Way::Out) else { return };
        let silent = local && !used.heard && status != 487;
        if silent && now.mono.since(used.since) < SILENCE_MAX {
            return self.line_fails_call(now, used, out);
        }
        self.with_line(now, used.line, out, |line, facts| {
            if !used.counted && !is_challenge(status) {
                line.count(now, Ending::of_status(status, used.rung));
            }
            if !used.heard {
                line.call_said(now, CallOutcome::Nothing, facts);
            }
            line.ended(now, used.way, facts);
        });
    }

    /// A call is over.
    pub(super) fn line_left(&mut self, now: Now, used: &LineUse, out: &mut Outputs) {
        self.with_line(now, used.line, out, |line, facts| {
            if !used.heard {
                line.call_said(now, CallOutcome::Nothing, facts);
            }
            line.ended(now, used.way, facts);
        });
    }

    /// A carrier answered a call that had gone elsewhere; the core has released it.
    pub(super) fn line_answered_late(&mut self, now: Now, peer: PeerId, out: &mut Outputs) {
        if let Some(ix) = self.trunk.of_peer(peer) {
            self.with_line(now, ix, out, |line, facts| line.answered_late(now, facts));
        }
    }
}

/// The same call comes again with credentials.
fn is_challenge(status: u16) -> bool {
    matches!(status, 401 | 407 | 422)
}

fn silence(now: Now, used: &LineUse) -> String {
    format!("no answer in {} ms", now.mono.since(used.since).as_millis())
}
