//! One event, by its type.

use super::facts::{Facts, Seen, tell};
use super::raw::{Channel, Endpoint, Event, stamp};
use crate::model::{Mono, Wall};
use crate::pbx::asterisk;
use crate::pbx::{
    BridgeId, ChannelEnd, ChannelId, Dequeued, DeviceState, EndedBy, Fact, LinkOutputs,
};
use std::sync::Arc;

/// The types that mean something here. All others are none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ChannelCreated,
    ChannelStateChange,
    ChannelDestroyed,
    ChannelHangupRequest,
    /// Nothing but the channel itself: dialplan steps, connected line, start and end of Stasis.
    ChannelMentioned,
    StasisStart,
    Dial,
    EnteredBridge,
    LeftBridge,
    Hold,
    Unhold,
    Dtmf,
    Varset,
    Userevent,
    BlindTransfer,
    AttendedTransfer,
    AskedTransfer,
    DeviceState,
    EndpointState,
    Replaced,
    RestResponse,
}

impl Kind {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "ChannelCreated" => Self::ChannelCreated,
            "ChannelStateChange" => Self::ChannelStateChange,
            "ChannelDestroyed" => Self::ChannelDestroyed,
            "ChannelHangupRequest" => Self::ChannelHangupRequest,
            "ChannelDialplan" | "ChannelConnectedLine" | "ChannelCallerId" | "StasisEnd" => {
                Self::ChannelMentioned
            }
            "StasisStart" => Self::StasisStart,
            "Dial" => Self::Dial,
            "ChannelEnteredBridge" => Self::EnteredBridge,
            "ChannelLeftBridge" => Self::LeftBridge,
            "ChannelHold" => Self::Hold,
            "ChannelUnhold" => Self::Unhold,
            "ChannelDtmfReceived" => Self::Dtmf,
            "ChannelVarset" => Self::Varset,
            "ChannelUserevent" => Self::Userevent,
            "BridgeBlindTransfer" => Self::BlindTransfer,
            "BridgeAttendedTransfer" => Self::AttendedTransfer,
            "ChannelTransfer" => Self::AskedTransfer,
            "DeviceStateChanged" => Self::DeviceState,
            "EndpointStateChange" | "PeerStatusChange" | "ContactStatusChange" => {
                Self::EndpointState
            }
            "ApplicationReplaced" => Self::Replaced,
            "RESTResponse" => Self::RestResponse,
            _ => return None,
        })
    }
}

impl Facts {
    /// Tells what an event means.
    pub(super) fn event(&mut self, now: Mono, kind: Kind, e: &Event<'_>, out: &mut LinkOutputs) {
        let at = stamp(&e.timestamp);
        match kind {
            Kind::Dial => return self.dial(e, at, out),
            Kind::BlindTransfer => return self.blind_transfer(e, at, out),
            Kind::AttendedTransfer => return self.attended_transfer(e, at, out),
            Kind::AskedTransfer => return self.asked_transfer(e, at, out),
            Kind::DeviceState => return self.device(e, at, out),
            Kind::EndpointState => return self.endpoint(e.endpoint.as_ref(), at, out),
            _ => {}
        }
        let Some(channel) = &e.channel else { return };
        let seen = match kind {
            Kind::ChannelCreated => Seen::Created,
            _ => Seen::Mentioned,
        };
        // The last snapshot of a channel shows what was torn down, not what it was.
        let id = match kind {
            Kind::ChannelDestroyed => self.id_of(channel),
            _ => self.see(channel, seen, at, out),
        };
        let Some(id) = id else { return };
        match kind {
            Kind::ChannelStateChange => self.state(&id, &channel.state, at, out),
            Kind::ChannelHangupRequest => self.hangup_request(&id, e),
            Kind::ChannelDestroyed => self.destroyed(&id, e, at, out),
            Kind::StasisStart => self.stasis_start(e, &id, at, out),
            Kind::EnteredBridge => self.entered(&id, e, at, out),
            Kind::LeftBridge => self.left(&id, e, at, out),
            Kind::Hold => self.hold(&id, e, at, out),
            Kind::Unhold => self.retrieve(now, &id, at),
            Kind::Dtmf => self.key(&id, &e.digit, at, out),
            Kind::Varset => self.value(&id, &e.variable, &e.value, at, out),
            Kind::Userevent => self.user_event(e, &id, at, out),
            _ => {}
        }
    }

    fn id_of(&self, channel: &Channel<'_>) -> Option<Arc<str>> {
        let counts = !channel.id.is_empty() && asterisk::matters(&channel.name);
        let known = self.known.get_key_value(&*channel.id).map(|(id, _)| Arc::clone(id));
        counts.then(|| known.unwrap_or_else(|| Arc::from(&*channel.id)))
    }

    fn state(&mut self, id: &Arc<str>, state: &str, at: Option<Wall>, out: &mut LinkOutputs) {
        match state {
            "Ringing" => self.ringing(id, at, out),
            "Up" => self.answered(id, at, out),
            _ => {}
        }
    }

    fn ringing(&mut self, id: &Arc<str>, at: Option<Wall>, out: &mut LinkOutputs) {
        let told = self.known.get_mut(id).is_some_and(|k| std::mem::replace(&mut k.ringing, true));
        if !told {
            tell(at, Fact::Ringing(ChannelId(Arc::clone(id))), out);
        }
    }

    fn answered(&mut self, id: &Arc<str>, at: Option<Wall>, out: &mut LinkOutputs) {
        let told = self.known.get_mut(id).is_some_and(|k| std::mem::replace(&mut k.answered, true));
        if !told {
            tell(at, Fact::Answered(ChannelId(Arc::clone(id))), out);
        }
    }

    /// A step of an offer. Its status names the step and, at the end, not the cause: a 403, a 480
    /// and a 603 are all `NOANSWER`.
    fn dial(&mut self, e: &Event<'_>, at: Option<Wall>, out: &mut LinkOutputs) {
        let caller = e.caller.as_ref().and_then(|c| self.see(c, Seen::Mentioned, at, out));
        let Some(raw) = &e.peer else { return };
        let Some(peer) = self.see(raw, Seen::Mentioned, at, out) else { return };
        match &*e.dialstatus {
            "" => self.offered(&peer, caller, &e.dialstring, at, out),
            "RINGING" => self.ringing(&peer, at, out),
            "PROGRESS" => {
                let known = self.known.get_mut(&peer);
                if !known.is_some_and(|k| std::mem::replace(&mut k.progress, true)) {
                    tell(at, Fact::Progress(ChannelId(peer)), out);
                }
            }
            "ANSWER" => self.answered(&peer, at, out),
            "NOANSWER" | "BUSY" | "CONGESTION" | "CHANUNAVAIL" => {
                self.missed(&peer, caller, at, out);
            }
            _ => {}
        }
    }

    fn offered(
        &mut self,
        peer: &Arc<str>,
        by: Option<Arc<str>>,
        dial_string: &str,
        at: Option<Wall>,
        out: &mut LinkOutputs,
    ) {
        let channel = ChannelId(Arc::clone(peer));
        if let Some(known) = self.known.get_mut(peer) {
            let was_known = known.info.dialed.is_some();
            known.learn_dialed(asterisk::dialed(dial_string).unwrap_or_default());
            if known.announced && !was_known && known.info.dialed.is_some() {
                tell(at, Fact::Channel(channel.clone(), known.info.clone()), out);
            }
            if std::mem::replace(&mut known.offered, true) {
                return;
            }
        }
        tell(at, Fact::Offered { channel, by: by.map(ChannelId) }, out);
    }

    /// A member of the queue in which the caller waits did not take the call.
    fn missed(
        &mut self,
        peer: &Arc<str>,
        caller: Option<Arc<str>>,
        at: Option<Wall>,
        out: &mut LinkOutputs,
    ) {
        let Some(caller) = caller else { return };
        let Some(queue) = self.known.get(&caller).and_then(|known| known.queue.clone()) else {
            return;
        };
        let Some(known) = self.known.get_mut(peer) else { return };
        if known.info.pipe.is_none() && !std::mem::replace(&mut known.missed, true) {
            let device = known.info.endpoint.clone();
            tell(at, Fact::Missed { queue, device, caller: Some(ChannelId(caller)) }, out);
        }
    }

    fn entered(&mut self, id: &Arc<str>, e: &Event<'_>, at: Option<Wall>, out: &mut LinkOutputs) {
        let Some(raw) = e.bridge.as_ref().filter(|bridge| bridge.joins()) else { return };
        let bridge = BridgeId(Arc::from(&*raw.id));
        if let Some(known) = self.known.get_mut(id) {
            known.fresh.bridge = true;
            if known.bridge.as_ref() == Some(&bridge) {
                return;
            }
            known.bridge = Some(bridge.clone());
        }
        self.dequeue(id, Dequeued::Answered, at, out);
        tell(at, Fact::Bridged(ChannelId(Arc::clone(id)), bridge), out);
    }

    fn left(&mut self, id: &Arc<str>, e: &Event<'_>, at: Option<Wall>, out: &mut LinkOutputs) {
        let Some(raw) = e.bridge.as_ref().filter(|bridge| bridge.joins()) else { return };
        let bridge = BridgeId(Arc::from(&*raw.id));
        if let Some(known) = self.known.get_mut(id) {
            known.fresh.bridge = true;
            if known.bridge.as_ref() != Some(&bridge) && !self.pending {
                return;
            }
            known.bridge = None;
        }
        tell(at, Fact::Unbridged(ChannelId(Arc::clone(id)), bridge), out);
    }

    /// Hold music without a class is what Asterisk plays while a feature menu is open; a phone's
    /// hold names the class of its endpoint.
    fn hold(&mut self, id: &Arc<str>, e: &Event<'_>, at: Option<Wall>, out: &mut LinkOutputs) {
        if e.musicclass == "N/A" {
            return;
        }
        if let Some(known) = self.known.get_mut(id) {
            known.fresh.hold = true;
            if std::mem::replace(&mut known.held, true) {
                return;
            }
        }
        self.settle_now(id, out);
        tell(at, Fact::Held(ChannelId(Arc::clone(id))), out);
    }

    fn key(&mut self, id: &Arc<str>, digit: &str, at: Option<Wall>, out: &mut LinkOutputs) {
        let Some(key) = digit.chars().next() else { return };
        if let Some(known) = self.known.get_mut(id)
            && known.last_key.replace((at, key)) == Some((at, key))
        {
            return;
        }
        tell(at, Fact::Dtmf(ChannelId(Arc::clone(id)), key), out);
    }

    fn stasis_start(
        &mut self,
        e: &Event<'_>,
        id: &Arc<str>,
        at: Option<Wall>,
        out: &mut LinkOutputs,
    ) {
        let Some(old) = e.replace_channel.as_ref() else { return };
        let Some(old) = self.see(old, Seen::Mentioned, at, out) else { return };
        // A pipe in the place of who sends a call on stands for whoever it leads to.
        if self.known.get(id).is_some_and(|known| known.info.pipe.is_some()) {
            return;
        }
        let (old, new) = (ChannelId(old), ChannelId(Arc::clone(id)));
        tell(at, Fact::Replaced { old, new }, out);
    }

    /// A request without `soft` came from the party: BYE, CANCEL or a refusal. The first counts;
    /// the PBX's own always follow.
    fn hangup_request(&mut self, id: &Arc<str>, e: &Event<'_>) {
        let Some(known) = self.known.get_mut(id) else { return };
        if known.ended_by.is_some() {
            return;
        }
        known.ended_by = Some(if e.soft { EndedBy::Pbx } else { EndedBy::Party });
        if !e.soft {
            known.refused = status(e.tech_cause);
        }
    }

    fn destroyed(&mut self, id: &Arc<str>, e: &Event<'_>, at: Option<Wall>, out: &mut LinkOutputs) {
        if !self.gone.add(id) {
            return;
        }
        let by_party = self.known.get(id).is_some_and(|k| k.ended_by == Some(EndedBy::Party));
        let why = if by_party { Dequeued::Abandoned } else { Dequeued::Left };
        self.dequeue(id, why, at, out);
        let known = self.known.remove(id);
        self.unsettle(id);
        let end = ChannelEnd {
            q850: e.cause.and_then(asterisk::q850),
            sip_status: known.as_ref().and_then(|known| {
                // What the PBX itself answered on a leg that called it. On one that it called,
                // the same field is what it made of its own cause when nobody refused.
                let own = known.info.incoming == Some(true) && !known.answered;
                known.refused.or(own.then(|| status(e.tech_cause)).flatten())
            }),
            by: known
                .as_ref()
                .filter(|known| known.info.pipe.is_none())
                .map(|known| known.ended_by.unwrap_or(EndedBy::Pbx)),
            text: e.cause_txt.to_string(),
        };
        tell(at, Fact::Ended(ChannelId(Arc::clone(id)), end), out);
    }

    fn device(&self, e: &Event<'_>, at: Option<Wall>, out: &mut LinkOutputs) {
        let Some(state) = &e.device_state else { return };
        // `Queue:support` and `Custom:x` are no devices, and a Local channel is a pipe.
        let is_device = state.name.contains('/') && !state.name.starts_with("Local/");
        if is_device && !self.settings.is_trunk(&state.name) {
            let device = state.name.to_string();
            tell(at, Fact::Device { device, state: asterisk::device_state(&state.state) }, out);
        }
    }

    /// What an endpoint's state says of its device; while it is in a call, other events say more.
    pub(super) fn endpoint(
        &self,
        endpoint: Option<&Endpoint<'_>>,
        at: Option<Wall>,
        out: &mut LinkOutputs,
    ) {
        let Some(endpoint) = endpoint.filter(|e| !e.resource.is_empty()) else { return };
        let state = match &*endpoint.state {
            "offline" => DeviceState::Unavailable,
            "online" if endpoint.channel_ids.is_empty() => DeviceState::Idle,
            _ => return,
        };
        let device = format!("{}/{}", endpoint.technology, endpoint.resource);
        if asterisk::matters(&device) && !self.settings.is_trunk(&device) {
            tell(at, Fact::Device { device, state }, out);
        }
    }
}

/// A final SIP status that is no success.
fn status(tech_cause: Option<i64>) -> Option<u16> {
    u16::try_from(tech_cause?).ok().filter(|status| (300..700).contains(status))
}
