//! SIP Call-IDs of the trunk's channels: they join a channel with our own SIP.

use super::action::Action;
use super::block::Block;
use super::board::Board;
use super::pending::Ask;
use super::session::AmiSession;
use crate::model::Now;
use crate::pbx::{ChannelId, LinkOutputs};
use std::time::Duration;

/// Asterisk tells of a channel before its driver has made it its own (`chan_pjsip_new` in
/// `channels/chan_pjsip.c`): who asks too soon hears nothing, and asks again when more is told of
/// the channel, or after this.
const AGAIN: Duration = Duration::from_millis(50);
/// So often; one that has no Call-ID by then has none.
const TRIES_MAX: u8 = 20;

impl AmiSession {
    /// Asks for the SIP Call-ID of a trunk's channel, for the `tries`-th time; the number of the
    /// action, if it was sent.
    pub(super) fn ask_call_id(
        &mut self,
        now: Now,
        id: &ChannelId,
        tries: u8,
        out: &mut LinkOutputs,
    ) -> Option<u64> {
        let channel = self.board.channels.get(id)?;
        if !channel.trunk || channel.info.sip_call_id.is_some() || self.is_observing() {
            return None;
        }
        let variable = match channel.info.name.split_once('/')? {
            ("PJSIP", _) => "CHANNEL(pjsip,call-id)",
            ("SIP", _) => "SIPCALLID",
            _ => return None,
        };
        let action = Action::new("Getvar").with("Channel", &channel.info.name);
        self.ask(now, &action.with("Variable", variable), Ask::CallId(id.clone(), tries), out)
    }

    pub(super) fn ask_call_ids_again(&mut self, now: Now, out: &mut LinkOutputs) {
        while let Some((_, id, tries)) = self.unnamed.pop_front_if(|(due, ..)| *due <= now.mono) {
            self.ask_call_id(now, &id, tries, out);
        }
    }

    /// More is told of these channels: their driver has them by now.
    pub(super) fn heard_of(&mut self, now: Now, block: &Block<'_>, out: &mut LinkOutputs) {
        for prefix in ["", "Dest"] {
            let id = Board::id(block, prefix);
            let at = id.and_then(|id| self.unnamed.iter().position(|(_, other, _)| *other == id));
            if let Some((_, id, tries)) = at.and_then(|at| self.unnamed.remove(at)) {
                self.ask_call_id(now, &id, tries, out);
            }
        }
    }

    pub(super) fn call_id(
        &mut self,
        now: Now,
        number: u64,
        (id, tries): (ChannelId, u8),
        block: &Block<'_>,
        out: &mut LinkOutputs,
    ) {
        let awaited = self.taking.as_mut().is_some_and(|t| t.awaited.remove(&number));
        let value = block.value("Value").filter(|value| *value != "(null)");
        match (value, self.board.channels.get_mut(&id)) {
            (Some(value), Some(channel)) => {
                channel.info.sip_call_id = Some(value.to_owned());
                if !awaited {
                    self.board.describe(None, &id);
                }
            }
            (None, _) if block.value("Message").is_some_and(|said| said.contains("enied")) => {
                let why = "the PBX does not tell SIP Call-IDs (write = call or reporting): calls \
                           of the trunk are not joined with their channels";
                self.warn("call_id", why, out);
            }
            (None, Some(_)) if tries < TRIES_MAX => {
                self.unnamed.push_back((now.mono.after(AGAIN), id, tries + 1));
            }
            _ => {}
        }
        self.tell(now, out);
        self.snapshot_if_complete(now, out);
    }
}
