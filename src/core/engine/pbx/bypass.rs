//! Legs that a control link shows on their way out and that the gate was not asked about before: it
//! is asked now. What is done about a refusal is the site's to say, by line.

use crate::engine::input::{Bypass, Outputs, PbxIx};
use crate::engine::orders::OrderFor;
use crate::engine::rights::Asked;
use crate::engine::writer::Engine;
use crate::gate::{CallFacts, DecisionParts, Ruling};
use crate::model::{CallId, Detail, Entity, EventKind, LegId, Moment, Now, Verdict};
use crate::pbx::{ChannelId, Order};

/// Q.850 cause of a leg that the gate ends: call rejected.
const REJECTED: u8 = 21;
/// The PBX did not end it.
const NOT_CLEARED: &str = "not_cleared";

impl Engine {
    /// A leg has gone out to the world. On a trunk that comes by here only the proxy lets calls
    /// out: this one has gone another way. The gate is asked now and its answer told.
    pub(super) fn reached_outside(
        &mut self,
        now: Now,
        ix: PbxIx,
        id: &ChannelId,
        (call, leg): (CallId, LegId),
        astray: bool,
        out: &mut Outputs,
    ) {
        let Some(chan) = self.boards.find(ix, id) else { return };
        if chan.called() {
            return;
        }
        let at = chan.offered.unwrap_or(chan.born);
        // A conversation is not cut.
        let (endpoint, talks) = (
            chan.info.endpoint.clone(),
            chan.answered.is_some() || self.boards.talking.contains(id),
        );
        let dialed = chan.info.dialed.as_ref().or(chan.info.number.as_ref());
        let dialed = dialed.map(|d| d.reveal().clone()).unwrap_or_default();
        let refused = self.gate_refuses(now, ix, call, (&endpoint, &dialed), out);
        let switch = self.config.switches.get(usize::from(ix.0));
        let bypass = switch.map(|switch| switch.bypass_of(&endpoint)).unwrap_or_default();
        if bypass == Bypass::Observe || !(astray || refused) {
            return;
        }
        let clear = bypass == Bypass::Clear && refused && !talks;
        let done = if clear { Bypass::Clear } else { Bypass::Warn };
        self.tell_ungated(now, (call, leg), at, done.name(), out);
        if clear {
            let order = Order::Hangup { channel: id.clone(), q850: REJECTED };
            if !self.give_order(now, ix, order, OrderFor::Clearing(call, leg), out) {
                self.not_cleared(now, call, leg, out);
            }
        }
    }

    fn tell_ungated(
        &mut self,
        now: Now,
        (call, leg): (CallId, LegId),
        at: Moment,
        done: &str,
        out: &mut Outputs,
    ) {
        let (leg, at, key) = (Some(leg), Some(at), Some(done.into()));
        let detail = Detail { leg, at, key, ..Detail::default() };
        let kind = EventKind::OutboundUngated;
        self.feed_with(now, call, out, |machine, facts| machine.say(kind, detail, facts));
    }

    /// The PBX could not end a call that the gate refuses.
    pub(in crate::engine) fn not_cleared(
        &mut self,
        now: Now,
        call: CallId,
        leg: LegId,
        out: &mut Outputs,
    ) {
        self.tell_ungated(now, (call, leg), Moment::own(now), NOT_CLEARED, out);
    }

    /// Asks the gate about a call that is out already, and tells what it says.
    fn gate_refuses(
        &mut self,
        now: Now,
        ix: PbxIx,
        call: CallId,
        (endpoint, number): (&str, &str),
        out: &mut Outputs,
    ) -> bool {
        // The switch says that the leg is outside: nothing that it dials is an extension.
        let reading = self.plan_of_endpoint(ix, endpoint).look_outside(number);
        let switch = self.config.switches.get(usize::from(ix.0));
        let purpose = switch.and_then(|switch| switch.default_purpose.clone());
        let list_key = self.list_key(&reading.dialed);
        if let Some(decision) = self.dial_decision(call, list_key) {
            self.decided_by(call, decision);
            return false; // this very call was decided when a desk asked for it
        }
        let (purpose, facts) = match self.take_permit_for(now, list_key) {
            Some((permitted, facts)) => (permitted.or(purpose), facts),
            None => (purpose, CallFacts::default()),
        };
        let Asked { dialed, place, ruling, .. } =
            self.ask_gate(now, reading, purpose.as_deref(), &facts);
        let Ruling::Decided(decided) = ruling else {
            self.totals.gate_exempt += 1;
            return false;
        };
        let refused = decided.verdict == Verdict::Deny;
        let Some(entry) = self.table.get(call) else { return refused };
        let device = entry.machine.call().device.to_string();
        let parts = DecisionParts {
            id: self.decision_id(now),
            call_id: Some(call),
            purpose,
            to: self.desk_parties.with(number, "", &dialed),
            device,
            next_allowed_at: None,
            facts,
        };
        let detail = self.note_attempt(now, place, &parts); // it is out already
        self.decided_by(call, parts.id);
        let (kind, count) = match refused {
            true => (EventKind::OutboundDenied, &mut self.totals.gate_denied),
            false => (EventKind::OutboundAllowed, &mut self.totals.gate_allowed),
        };
        *count += 1;
        let entity = Entity::Decision(Box::new(decided.into_decision(parts)));
        self.emit(now, kind, entity, detail, out);
        refused
    }
}
