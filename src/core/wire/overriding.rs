//! Overrides, both ways.

use super::decode::{DecodeError, bad, call_id, decision_id, named, party, wall};
use super::encode::{party_to_pb, to_u32};
use super::{View, pb};
use crate::model::{Named, Override};

/// An override in a view; its reason may name people.
pub(super) fn override_to_pb(one: &Override, view: View) -> pb::Override {
    pb::Override {
        id: one.id.to_string(),
        rev: to_u32(one.rev),
        state: one.state.name().to_owned(),
        to: Some(party_to_pb(&one.to, view)),
        purpose: one.purpose.clone(),
        reason: if view == View::Full { one.reason.clone() } else { String::new() },
        agent: one.agent.clone(),
        device: one.device.clone(),
        requested_by: one.requested_by.clone(),
        approved_by: one.approved_by.clone(),
        requested_at: Some(one.requested_at.into()),
        expires_at: Some(one.expires_at.into()),
        call_id: one.call_id.map(|id| id.to_string()).unwrap_or_default(),
        decision_id: one.decision_id.map(|id| id.to_string()).unwrap_or_default(),
    }
}

pub(super) fn overriding(o: pb::Override) -> Result<Override, DecodeError> {
    Ok(Override {
        id: o.id.parse().map_err(|_| bad("override.id", &o.id))?,
        rev: o.rev.into(),
        state: named("override.state", &o.state)?,
        to: party(o.to)?,
        purpose: o.purpose,
        reason: o.reason,
        agent: o.agent,
        device: o.device,
        requested_by: o.requested_by,
        approved_by: o.approved_by,
        requested_at: wall("override.requested_at", o.requested_at)?,
        expires_at: wall("override.expires_at", o.expires_at)?,
        call_id: match o.call_id.as_str() {
            "" => None,
            id => Some(call_id("override.call_id", id)?),
        },
        decision_id: decision_id("override.decision_id", &o.decision_id)?,
    })
}
