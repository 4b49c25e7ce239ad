//! Transfers: who sent whom on, or joined whom.

use super::facts::{Facts, Seen, tell};
use super::raw::{Channel, Event};
use crate::model::{Pii, Transfer, Wall};
use crate::pbx::{ChannelId, Fact, LinkOutputs};
use std::sync::Arc;

impl Facts {
    pub(super) fn blind_transfer(
        &mut self,
        e: &Event<'_>,
        at: Option<Wall>,
        out: &mut LinkOutputs,
    ) {
        let Some(by) = e.channel.as_ref().and_then(|c| self.see(c, Seen::Mentioned, at, out))
        else {
            return;
        };
        let moved = e.transferee.as_ref().and_then(|c| self.see(c, Seen::Mentioned, at, out));
        let to = (!e.exten.is_empty()).then(|| Pii::new(e.exten.to_string()));
        if e.result == "Success" {
            let parties = Parties { by, moved, target: None, to };
            self.transferred(Transfer::Blind, parties, at, out);
        }
    }

    pub(super) fn attended_transfer(
        &mut self,
        e: &Event<'_>,
        at: Option<Wall>,
        out: &mut LinkOutputs,
    ) {
        let mut see = |channel: &Option<Channel<'_>>| {
            channel.as_ref().and_then(|c| self.see(c, Seen::Mentioned, at, out))
        };
        let by = see(&e.transferer_first_leg);
        let (moved, target) = (see(&e.transferee), see(&e.transfer_target));
        if let Some(by) = by
            && e.result == "Success"
        {
            self.transferred(Transfer::Attended, Parties { by, moved, target, to: None }, at, out);
        }
    }

    /// A REFER that Asterisk leaves to an application (`PJSIP_TRANSFER_HANDLING`): it is a transfer
    /// once its target has answered.
    pub(super) fn asked_transfer(
        &mut self,
        e: &Event<'_>,
        at: Option<Wall>,
        out: &mut LinkOutputs,
    ) {
        let (Some(to), Some(by)) = (&e.refer_to, &e.referred_by) else { return };
        let mut see = |channel: &Option<Channel<'_>>| {
            channel.as_ref().and_then(|c| self.see(c, Seen::Mentioned, at, out))
        };
        let source = see(&by.source_channel);
        let (moved, target) = (see(&by.connected_channel), see(&to.connected_channel));
        let Some(by) = source.filter(|_| e.state == "channel_answered") else { return };
        let kind = match to.requested_destination.protocol_id.is_empty() {
            true => Transfer::Blind,
            false => Transfer::Attended,
        };
        let number = &to.requested_destination.destination;
        let to = (!number.is_empty()).then(|| Pii::new(number.to_string()));
        self.transferred(kind, Parties { by, moved, target, to }, at, out);
    }

    fn transferred(
        &mut self,
        kind: Transfer,
        parties: Parties,
        at: Option<Wall>,
        out: &mut LinkOutputs,
    ) {
        const REMEMBERED: usize = 16;
        let Parties { by, moved, target, to } = parties;
        if let Some(known) = self.known.get_mut(&by) {
            known.held = false;
        }
        self.unsettle(&by);
        let this = (Arc::clone(&by), at);
        if self.transfers.contains(&this) {
            return;
        }
        self.transfers.push_back(this);
        if self.transfers.len() > REMEMBERED {
            self.transfers.pop_front();
        }
        let (by, moved, target) = (ChannelId(by), moved.map(ChannelId), target.map(ChannelId));
        tell(at, Fact::Transferred { by, kind, moved, target, to }, out);
    }
}

/// Who has part in a transfer.
struct Parties {
    by: Arc<str>,
    moved: Option<Arc<str>>,
    target: Option<Arc<str>>,
    to: Option<Pii<String>>,
}
