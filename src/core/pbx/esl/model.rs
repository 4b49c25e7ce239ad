//! Events become facts.

use super::agents::Agents;
use super::channels::Channels;
use super::event::EslEvent;
use super::late::{GRACE, Late, LateKind};
use super::settings::EslSettings;
use crate::model::{Mono, Now};
use crate::pbx::{BridgeId, ChannelEnd, ChannelId, EndedBy, Fact, Observed};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is known of the PBX.
#[derive(Debug)]
pub(super) struct Model {
    pub settings: EslSettings,
    pub channels: Channels,
    pub agents: Agents,
    pub late: Late,
    /// Channels that ended while a snapshot is taken.
    pub ended: Option<BTreeSet<ChannelId>>,
}

impl Model {
    /// Knows nothing.
    pub fn new(settings: EslSettings) -> Self {
        Self {
            settings,
            channels: Channels::default(),
            agents: Agents::default(),
            late: Late::default(),
            ended: None,
        }
    }

    /// Reads one event.
    pub fn event(&mut self, now: Now, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
        self.channels.count += 1;
        self.late.release_due(now.mono, out);
        let name = event.text("Event-Name").unwrap_or_default();
        if name == "CUSTOM" {
            return self.custom(event, out);
        }
        let Some(id) = id_in(event, "Unique-ID") else { return };
        if name == "CHANNEL_UUID" {
            return self.renamed(&id, event, out);
        }
        if name != "CHANNEL_DESTROY" && !self.learn(&id, event, out) {
            return;
        }
        self.transfers(now.mono, &id, event, out);
        match name {
            "CHANNEL_ORIGINATE" => self.offered(&id, event, out),
            "CHANNEL_PROGRESS" => self.ringing(&id, event, out),
            "CHANNEL_PROGRESS_MEDIA" => self.early_media(&id, event, out),
            // What a connection of FreeSWITCH's own begins with.
            "CHANNEL_DATA" if event.text("Answer-State") == Some("answered") => {
                self.answered(&id, event, out);
            }
            "CHANNEL_ANSWER" => self.answered(&id, event, out),
            "CHANNEL_BRIDGE" => self.bridged(now.mono, event, out),
            "CHANNEL_UNBRIDGE" => self.unbridged(now.mono, event, out),
            "CHANNEL_HOLD" => self.hold(&id, event, out),
            "CHANNEL_UNHOLD" => self.unhold(now.mono, &id, event),
            "CHANNEL_HANGUP_COMPLETE" => self.ended(now.mono, &id, event, out),
            "DTMF" => {
                let key = event.text("DTMF-Digit").and_then(|digits| digits.chars().next());
                out.extend(key.map(|key| said(event, Fact::Dtmf(id, key))));
            }
            _ => {}
        }
    }

    /// Takes what an event or a dump says of a channel; false if the table is full.
    fn learn(&mut self, id: &ChannelId, event: &EslEvent<'_>, out: &mut Vec<Observed>) -> bool {
        let Some(known) = self.channels.entry(id) else { return false };
        if known.learn(&self.settings, id, event) {
            out.push(said(event, Fact::Channel(id.clone(), known.info.clone())));
        }
        for (key, value) in known.learn_data(event) {
            out.push(said(event, Fact::Data { channel: id.clone(), key, value }));
        }
        true
    }

    fn offered(&mut self, id: &ChannelId, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
        let Some(known) = self.channels.get_mut(id) else { return };
        let by = on_behalf_of(event);
        if known.offered.is_none() {
            known.offered = Some(by.clone());
            out.push(said(event, Fact::Offered { channel: id.clone(), by }));
        }
    }

    fn ringing(&mut self, id: &ChannelId, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
        let Some(known) = self.channels.get_mut(id) else { return };
        // The same event of a caller's channel only says that we let it hear the ringing.
        if known.info.incoming == Some(false) && known.ringing.is_none() {
            known.ringing = Some(event.stamp());
            out.push(said(event, Fact::Ringing(id.clone())));
        }
    }

    fn early_media(&mut self, id: &ChannelId, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
        let Some(known) = self.channels.get_mut(id) else { return };
        if known.info.incoming == Some(false) && known.answered.is_none() {
            out.push(said(event, Fact::Progress(id.clone())));
        }
    }

    fn answered(&mut self, id: &ChannelId, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
        let Some(known) = self.channels.get_mut(id) else { return };
        if known.answered.is_none() {
            known.answered = Some(event.stamp());
            out.push(said(event, Fact::Answered(id.clone())));
        }
    }

    /// Bridge of FreeSWITCH: two channels, named by the first.
    fn bridged(&mut self, now: Mono, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
        let ids = (id_in(event, "Bridge-A-Unique-ID"), id_in(event, "Bridge-B-Unique-ID"));
        let (Some(a), Some(b)) = ids else { return };
        if a == b {
            return;
        }
        let bridge = BridgeId(a.0.clone());
        for (id, other) in [(&a, &b), (&b, &a)] {
            let there = self.channels.get(id).and_then(|known| known.bridge.clone());
            if there.as_ref().is_some_and(|(was, with)| *was == bridge && with == other) {
                continue;
            }
            if let Some((was, _)) = self.channels.part(now, id) {
                out.push(said(event, Fact::Unbridged(id.clone(), was)));
            }
            if let Some(known) = self.channels.get_mut(id) {
                known.bridge = Some((bridge.clone(), other.clone()));
                known.left = None;
            }
            out.push(said(event, Fact::Bridged(id.clone(), bridge.clone())));
        }
        self.third(&bridge, [&a, &b], event, out);
        // Whoever was in a queue talks: the queue's own event may come later.
        self.touch(&b);
    }

    /// Who asked somebody on its own leg (`att_xfer`) is back with whom it held, and whom it asked
    /// is still there: now all three hear each other (`three_way`), which no event tells.
    fn third(
        &mut self,
        bridge: &BridgeId,
        [a, b]: [&ChannelId; 2],
        event: &EslEvent<'_>,
        out: &mut Vec<Observed>,
    ) {
        for (asker, held) in [(a, b), (b, a)] {
            let consults = self.channels.get(asker).and_then(|known| known.consults.as_ref());
            if consults != Some(held) {
                continue;
            }
            let Some(third) = self.asked_by(asker, held).cloned() else { return };
            let Some(known) = self.channels.get_mut(&third) else { return };
            if known.answered.is_some() && known.bridge.is_none() {
                known.bridge = Some((bridge.clone(), asker.clone()));
                out.push(said(event, Fact::Bridged(third, bridge.clone())));
            }
        }
    }

    fn unbridged(&mut self, now: Mono, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
        let ids = (id_in(event, "Bridge-A-Unique-ID"), id_in(event, "Bridge-B-Unique-ID"));
        let (Some(a), Some(b)) = ids else { return };
        for (by, moved) in [(&a, &b), (&b, &a)] {
            self.transfer_ordered(now, by, moved, event, out);
        }
        let bridge = BridgeId(a.0.clone());
        for (id, other) in [(&a, &b), (&b, &a)] {
            let there = self.channels.get(id).and_then(|known| known.bridge.as_ref());
            if there.is_some_and(|(was, with)| *was == bridge && with == other) {
                self.channels.part(now, id);
                out.push(said(event, Fact::Unbridged(id.clone(), bridge.clone())));
            }
        }
        // If the leg that tells this ends too, its end tells who of both released.
        if event.text("Answer-State") != Some("hangup") {
            self.late.release_ends(out, |channel, _| *channel == a || *channel == b);
        }
    }

    fn hold(&mut self, id: &ChannelId, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
        self.late.release_retrieve(id, out);
        let Some(known) = self.channels.get_mut(id) else { return };
        if !std::mem::replace(&mut known.held, true) {
            out.push(said(event, Fact::Held(id.clone())));
        }
    }

    fn unhold(&mut self, now: Mono, id: &ChannelId, event: &EslEvent<'_>) {
        let Some(known) = self.channels.get_mut(id) else { return };
        if std::mem::replace(&mut known.held, false) {
            let fact = said(event, Fact::Retrieved(id.clone()));
            self.late.hold(now, LateKind::Retrieved, id, None, fact);
        }
    }

    fn ended(&mut self, now: Mono, id: &ChannelId, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
        self.late.forget_retrieve(id);
        let transferred = self.transferred_by(now, id, event, out);
        let end = channel_end(event);
        // Who releases comes first, though FreeSWITCH may end the other leg before.
        let released = end.by == Some(EndedBy::Party);
        if !released {
            self.late.release_ends(out, |_, partner| partner == Some(id));
        }
        let fact = said(event, Fact::Ended(id.clone(), end));
        if self.channels.is_pipe(id) {
            self.pipe_ends(now, id, event, out);
        }
        let Some(known) = self.channels.remove(id) else { return };
        self.ended.as_mut().map(|ended| ended.insert(id.clone()));
        // While the other side lives, its next event tells whether this was a transfer.
        let since = Mono(now.0.saturating_sub(GRACE.as_nanos() as u64));
        let partner = known.partner(since).filter(|_| !transferred && !known.explained(now));
        match partner.filter(|partner| self.channels.get(partner).is_some()) {
            Some(partner) => {
                let partner = Some(partner.clone());
                self.late.hold(now, LateKind::Ended, id, partner, fact);
            }
            None => out.push(fact),
        }
        if released {
            self.late.release_ends(out, |_, partner| partner == Some(id));
        }
    }

    /// Whoever is bridged with a pipe is free before anything else joins it.
    fn pipe_ends(
        &mut self,
        now: Mono,
        id: &ChannelId,
        event: &EslEvent<'_>,
        out: &mut Vec<Observed>,
    ) {
        let partner = self.channels.get(id).and_then(|known| known.bridge.as_ref());
        let Some((_, partner)) = partner.cloned() else { return };
        if let Some((bridge, _)) = self.channels.part(now, &partner) {
            out.push(said(event, Fact::Unbridged(partner, bridge)));
        }
    }

    fn renamed(&mut self, id: &ChannelId, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
        let Some(old) = id_in(event, "Old-Unique-ID") else { return };
        let Some(known) = self.channels.remove(&old) else { return };
        if let Some(place) = self.channels.entry(id) {
            let touched = place.touched;
            *place = known;
            place.touched = touched;
        }
        out.push(said(event, Fact::Replaced { old, new: id.clone() }));
    }

    fn touch(&mut self, id: &ChannelId) {
        let count = self.channels.count;
        if let Some(known) = self.channels.get_mut(id) {
            known.touched = count;
        }
    }
}

/// A fact with the stamp of its event.
pub(super) fn said(event: &EslEvent<'_>, fact: Fact) -> Observed {
    Observed { pbx_time: event.stamp(), fact }
}

/// A channel named in a field.
pub(super) fn id_in(event: &EslEvent<'_>, field: &str) -> Option<ChannelId> {
    event.text(field).map(|id| ChannelId(Arc::from(id)))
}

/// On whose behalf a channel was made: the leg that dialled, or the caller in the queue.
pub(super) fn on_behalf_of(event: &EslEvent<'_>) -> Option<ChannelId> {
    id_in(event, "Other-Leg-Unique-ID")
        .or_else(|| id_in(event, "variable_cc_member_session_uuid"))
        .or_else(|| id_in(event, "variable_originator"))
}

/// How a channel ended.
fn channel_end(event: &EslEvent<'_>) -> ChannelEnd {
    let text = event.text("Hangup-Cause").unwrap_or_default().to_owned();
    let q850 = event.text("variable_hangup_cause_q850").and_then(|cause| cause.parse().ok());
    let status = event.text("variable_sip_term_status").and_then(|status| status.parse().ok());
    let by = match event.text("variable_sip_hangup_disposition") {
        Some("recv_bye" | "recv_cancel" | "recv_refuse") => Some(EndedBy::Party),
        Some("send_bye" | "send_cancel" | "send_refuse") => Some(EndedBy::Pbx),
        _ => None,
    };
    ChannelEnd {
        // Causes of FreeSWITCH's own (ORIGINATOR_CANCEL, LOSE_RACE) are all made 16.
        q850: q850.filter(|cause| *cause != 16 || text == "NORMAL_CLEARING"),
        // The 200 of a BYE is no final status of the call.
        sip_status: status.filter(|status| (300..700).contains(status)),
        by,
        text,
    }
}
