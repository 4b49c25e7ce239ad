//! model -> proto.

use super::agent::{agent_to_pb, command_to_pb};
use super::attempt::topic_to_pb;
use super::claim::claims_to_pb;
use super::dossier::{data_to_pb, factors_to_pb, identity_name, label_to_pb, pop_to_pb};
use super::line::{duty_to_pb, line_to_pb, shift_to_pb};
use super::link::link_to_pb;
use super::overriding::override_to_pb;
use super::shadow::shadow_to_pb;
use super::signalling::signalling_to_pb;
use super::{Timestamp, frame_json, pb};
use crate::model::{
    Call, Cause, Decision, Detail, DncEntry, Entity, Event, Leg, LegRole, Moment, Named, Party,
    SystemStatus,
};

/// What a viewer may see of telephone numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum View {
    /// Masked numbers and blind references only.
    Masked,
    /// Everything.
    Full,
}

impl View {
    /// Both views.
    pub const ALL: [Self; 2] = [Self::Masked, Self::Full];

    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Masked => "masked",
            Self::Full => "full",
        }
    }
}

/// The `ev` frame of the desk protocol: `{"t":"ev","pos":..,"ts":..,"k":..,"o":{..},"d":{..}}`.
pub fn event_to_json(event: &Event, view: View) -> String {
    text(frame_json::event(&event_to_pb(event, view)))
}

/// What serde_json wrote is UTF-8.
pub(super) fn text(json: Vec<u8>) -> String {
    String::from_utf8(json).unwrap_or_default()
}

/// One event in a view.
pub fn event_to_pb(event: &Event, view: View) -> pb::Event {
    pb::Event {
        pos: event.pos.to_string(),
        ts: Some(event.ts.into()),
        k: event.kind.name().to_owned(),
        entity: Some(match &event.entity {
            Entity::Call(call) => pb::event::Entity::Call(call_to_pb(call, view)),
            Entity::Decision(d) => pb::event::Entity::Decision(decision_to_pb(d, view)),
            Entity::Dnc(entries) => pb::event::Entity::Dnc(dnc_to_pb(entries, view)),
            Entity::System(s) => pb::event::Entity::System(system_to_pb(s)),
            Entity::Line(l) => pb::event::Entity::Line(line_to_pb(l)),
            Entity::Duty(d) => pb::event::Entity::Duty(duty_to_pb(d)),
            Entity::Link(l) => pb::event::Entity::Link(link_to_pb(l)),
            Entity::Agent(a) => pb::event::Entity::Agent(agent_to_pb(a)),
            Entity::Command(c) => pb::event::Entity::Command(command_to_pb(c, view)),
            Entity::Override(o) => pb::event::Entity::Overriding(override_to_pb(o, view)),
            Entity::Shadow(s) => pb::event::Entity::Shadow(shadow_to_pb(s)),
            Entity::Claims(entries) => pb::event::Entity::Claims(claims_to_pb(entries, view)),
        }),
        d: detail_to_pb(&event.detail),
        caused_by: event.detail.caused_by.as_ref().map(|c| c.to_string()).unwrap_or_default(),
    }
}

fn detail_to_pb(detail: &Detail) -> Option<pb::Detail> {
    let only_cause = Detail { caused_by: detail.caused_by.clone(), ..Detail::default() };
    if *detail == only_cause {
        return None;
    }
    let moved = detail.transfer.as_ref();
    let waiver = detail.waiver.as_deref().cloned().unwrap_or_default();
    Some(pb::Detail {
        leg: detail.leg.map(|l| l.to_string()).unwrap_or_default(),
        sip_status: detail.sip_status.unwrap_or(0).into(),
        pbx_time: detail.at.map(|m| m.pbx_time.into()),
        observed_at: detail.at.map(|m| m.observed_at.into()),
        time_quality: detail.at.map(|m| m.quality.name().to_owned()).unwrap_or_default(),
        repair: detail.repair.map(|r| r.name().to_owned()).unwrap_or_default(),
        transfer: moved.map(|t| t.kind.name().to_owned()).unwrap_or_default(),
        to_call: moved.and_then(|t| t.to_call).map(|c| c.to_string()).unwrap_or_default(),
        shift: detail.shift.as_deref().map(shift_to_pb),
        digit: detail.digit.map(String::from).unwrap_or_default(),
        key: detail.key.as_deref().unwrap_or_default().to_owned(),
        confirm_by: detail.confirm_by.iter().map(ToString::to_string).collect(),
        reason: waiver.reason,
        waived_by: waiver.by,
    })
}

/// A call in a view.
pub fn call_to_pb(call: &Call, view: View) -> pb::Call {
    let (data, masked_data) = data_to_pb(call, view);
    pb::Call {
        id: call.id.to_string(),
        rev: to_u32(call.rev),
        tenant: call.tenant.to_string(),
        site: call.site.to_string(),
        direction: call.direction.name().to_owned(),
        state: call.state.name().to_owned(),
        purpose: call.purpose.as_deref().unwrap_or_default().to_owned(),
        from: Some(party_to_pb(&call.from, view)),
        to: Some(party_to_pb(&call.to, view)),
        dialed: Some(party_to_pb(&call.dialed, view)),
        trunk: call.trunk.to_string(),
        thread_id: call.thread_id.to_string(),
        sip_call_ids: call.sip_call_ids().into_iter().map(str::to_owned).collect(),
        started: Some(moment_to_pb(&call.started)),
        alerting: call.alerting.as_ref().map(moment_to_pb),
        network_reached: call.network_reached.as_ref().map(moment_to_pb),
        answered: call.answered.as_ref().map(moment_to_pb),
        ended: call.ended.as_ref().map(moment_to_pb),
        ring_ms: call.ring_ms,
        wait_ms: call.wait_ms,
        talk_ms: call.talk_ms,
        hold_ms: call.hold_ms,
        rings: call.rings,
        answered_in_time: call.answered_in_time,
        service_basis: call.service_basis.name().to_owned(),
        released_by: call.released_by.map(|r| r.name().to_owned()).unwrap_or_default(),
        cause: call.cause.as_ref().map(cause_to_pb),
        decision_id: call.decision_id.map(|d| d.to_string()).unwrap_or_default(),
        legs: call.legs.iter().map(|l| leg_to_pb(l, &call.dialog.call_id)).collect(),
        device: call.device.to_string(),
        signalling: call.signalling.as_ref().map(|s| signalling_to_pb(s, view)),
        parent_id: call.parent_id.map(|c| c.to_string()).unwrap_or_default(),
        queue: call.queue.as_deref().unwrap_or_default().to_owned(),
        data,
        identity: identity_name(call),
        factors: factors_to_pb(call),
        masked_data,
        label: label_to_pb(call),
    }
}

fn leg_to_pb(leg: &Leg, trunk_call_id: &str) -> pb::Leg {
    let sip_call_id = match (&leg.sip_call_id, leg.role) {
        (Some(own), _) => own,
        (None, LegRole::Customer | LegRole::Trunk) => trunk_call_id,
        (None, _) => "",
    };
    pb::Leg {
        id: leg.id.to_string(),
        role: leg.role.name().to_owned(),
        device: leg.device.to_string(),
        state: leg.state.name().to_owned(),
        alerting_basis: leg.alerting_basis.map(|b| b.name().to_owned()).unwrap_or_default(),
        since: Some(leg.since.into()),
        alerting: leg.alerting.as_ref().map(moment_to_pb),
        answered: leg.answered.as_ref().map(moment_to_pb),
        held_since: leg.held_since.as_ref().map(moment_to_pb),
        ended: leg.ended.as_ref().map(moment_to_pb),
        cause: leg.cause.as_deref().map(cause_to_pb),
        sip_call_id: sip_call_id.to_owned(),
        agent_id: leg.agent.as_deref().unwrap_or_default().to_owned(),
        channel: leg
            .channel
            .as_ref()
            .map(|c| pb::Channel { pbx: c.pbx.to_string(), id: c.id.to_string() }),
        permitted_actions: leg.permitted_actions().iter().map(|a| a.name().to_owned()).collect(),
        pop: leg.pop.as_deref().map(pop_to_pb),
    }
}

fn moment_to_pb(moment: &Moment) -> pb::Moment {
    pb::Moment {
        pbx_time: Some(Timestamp::from(moment.pbx_time)),
        observed_at: Some(Timestamp::from(moment.observed_at)),
        time_quality: moment.quality.name().to_owned(),
    }
}

fn cause_to_pb(cause: &Cause) -> pb::Cause {
    pb::Cause {
        csta: cause.csta.name().to_owned(),
        sip_status: cause.sip_status.map(u32::from),
        q850: cause.q850.map(u32::from),
        text: cause.text.to_string(),
    }
}

pub(super) fn party_to_pb(party: &Party, view: View) -> pb::Party {
    let full = view == View::Full;
    let shown = |text: Option<&String>| text.filter(|_| full).cloned().unwrap_or_default();
    pb::Party {
        e164: party
            .e164
            .as_ref()
            .filter(|_| full)
            .map(|n| n.reveal().as_str().to_owned())
            .unwrap_or_default(),
        display: shown(party.display.as_ref().map(|d| d.reveal())),
        masked: party.masked.clone(),
        r#ref: party.number_ref.to_string(),
        raw: shown(Some(party.raw.reveal())),
    }
}

/// A decision in a view.
pub fn decision_to_pb(decision: &Decision, view: View) -> pb::Decision {
    pb::Decision {
        id: decision.id.to_string(),
        call_id: decision.call_id.map(|c| c.to_string()).unwrap_or_default(),
        verdict: decision.verdict.name().to_owned(),
        rules: decision
            .rules
            .iter()
            .map(|r| pb::RuleVerdict {
                id: r.id.to_string(),
                verdict: r.outcome.name().to_owned(),
                citation: r.citation.to_string(),
                inputs: r.inputs.clone(),
            })
            .collect(),
        ruleset: decision.ruleset.clone(),
        ruleset_hash: decision.ruleset_hash.clone(),
        calendar_version: decision.calendar_version.clone(),
        list_version: decision.list_version.clone(),
        tzdb_version: decision.tzdb_version.clone(),
        local_time: decision.local_time.clone(),
        zone: decision.zone.clone(),
        day_class: decision.day_class.map(|c| c.name().to_owned()).unwrap_or_default(),
        next_allowed_at: decision.next_allowed_at.clone().unwrap_or_default(),
        purpose: decision.purpose.clone().unwrap_or_default(),
        expires_at: Some(decision.expires_at.into()),
        to: Some(party_to_pb(&decision.to, view)),
        device: decision.device.clone(),
        facts: decision.topic.as_ref().map(|facts| topic_to_pb(facts, view)),
    }
}

pub(super) fn dnc_to_pb(entries: &[DncEntry], view: View) -> pb::DoNotCall {
    pb::DoNotCall { entries: entries.iter().map(|e| entry_to_pb(e, view)).collect() }
}

fn entry_to_pb(entry: &DncEntry, view: View) -> pb::DoNotCallEntry {
    pb::DoNotCallEntry {
        number: Some(party_to_pb(&entry.number, view)),
        until: entry.until.clone().unwrap_or_default(),
        reason: entry.reason.clone(),
        asked_at: Some(entry.asked_at.into()),
        added_by: entry.added_by.clone(),
        scope: entry.scope.name().to_owned(),
        purpose: entry.purpose.clone().unwrap_or_default(),
        source: entry.source.clone(),
        removed: entry.removed.as_ref().map(|removed| pb::DoNotCallRemoval {
            at: Some(removed.at.into()),
            reason: removed.reason.clone(),
            by: removed.by.clone(),
            approved_by: removed.approved_by.clone(),
        }),
    }
}

pub(super) fn system_to_pb(status: &SystemStatus) -> pb::SystemStatus {
    pb::SystemStatus {
        status: status.state.name().to_owned(),
        reason: status.reason.clone(),
        lost: to_u32(status.lost),
    }
}

/// Milliseconds and counts on the wire are 32 bits (49 days); beyond that they stay at the top.
pub(super) fn to_u32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
