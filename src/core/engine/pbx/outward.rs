//! Transfers and consultations that a desk asks for, to somebody outside, at a PBX whose calls do
//! not pass our trunk: the gate is asked before the order is given. Elsewhere the INVITE asks it.

use crate::engine::commands::CommandKey;
use crate::engine::input::{Outputs, PbxIx};
use crate::engine::rights::Asked;
use crate::engine::writer::Engine;
use crate::gate::{CallFacts, DecisionParts, Dialed, Ruling};
use crate::model::{CallId, CommandCode, CommandError, Detail, Entity, EventKind, Now, Verdict};
use crate::pbx::Order;

impl Engine {
    /// Why this order must not be given; the refusal is journaled. What is no outside number may
    /// be anything that the PBX knows.
    pub(in crate::engine) fn outward_refused(
        &mut self,
        now: Now,
        (key, pbx, call): (&CommandKey, PbxIx, CallId),
        order: &Order,
        out: &mut Outputs,
    ) -> Option<CommandError> {
        let (Order::TransferBlind { to, .. } | Order::Consult { to, .. }) = order else {
            return None;
        };
        let switch = self.config.switches.get(usize::from(pbx.0))?;
        let about = self.table.get(call)?.machine.shared();
        if switch.peer.is_some() {
            return None;
        }
        let purpose =
            about.purpose.as_deref().map(str::to_owned).or_else(|| switch.default_purpose.clone());
        let facts = CallFacts::default();
        let number = self.plan_of_pbx(pbx).look(to.reveal());
        let Asked { dialed, ruling, .. } = self.ask_gate(now, number, purpose.as_deref(), &facts);
        let (Dialed::Number(_), Ruling::Decided(decided)) = (&dialed, ruling) else { return None };
        if decided.verdict == Verdict::Allow {
            return None; // the leg that goes out has its own decision
        }
        self.totals.gate_denied += 1;
        let parts = DecisionParts {
            id: self.decision_id(now),
            call_id: Some(call),
            purpose,
            to: self.desk_parties.with(to.reveal(), "", &dialed),
            device: about.device.to_string(),
            next_allowed_at: None,
            facts,
        };
        let rule = format!("rule {}", decided.denying_rule());
        let error = CommandError {
            decision_id: Some(parts.id),
            ..CommandError::plain(CommandCode::PolicyDenied, rule)
        };
        let entity = Entity::Decision(Box::new(decided.into_decision(parts)));
        let detail = Detail { caused_by: Some(Box::new(key.id)), ..Detail::default() };
        self.emit(now, EventKind::OutboundDenied, entity, detail, out);
        Some(error)
    }
}
