//! Transfers, read from what they leave on the channels.
//!
//! FreeSWITCH has no event for them. It appends to `transfer_history` of the leg that is moved,
//! as `SECONDS:ID:HOW:WHERE`: `bl_xfer:EXTENSION/CONTEXT/DIALPLAN` when a leg goes back to the
//! dialplan, `uuid_br:UUID` when it is joined with another leg. Both also happen without any
//! transfer: a call made by `originate` enters the dialplan as `bl_xfer`, a queue joins caller and
//! agent as `uuid_br`. So only a leg that was taken from a conversation counts as transferred.
//! A leg whose phone sent a REFER tells it itself in `transfer_to` when it ends.
//!
//! Source: `switch_ivr_session_transfer`, `switch_ivr_uuid_bridge`, `sofia.c` (REFER).

use super::channels::{HISTORY_MAX, Known, Ordered};
use super::event::EslEvent;
use super::late::GRACE;
use super::model::{Model, said};
use crate::model::{Mono, Pii, Transfer};
use crate::pbx::{ChannelId, Fact, Observed, Order, OrderId};
use std::sync::Arc;
use std::time::Duration;

/// A transfer that was told explains the history of its legs so long.
const EXPLAINS: Duration = Duration::from_secs(5);

/// What happened to a leg.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Moved<'a> {
    /// To the dialplan.
    Dialplan(&'a str),
    /// To another leg.
    Leg(&'a str),
}

/// Reads an entry of a history; other ways than ours to move a leg say nothing.
pub(super) fn moved(entry: &str) -> Option<Moved<'_>> {
    let mut parts = entry.splitn(4, ':');
    let (_, _, how, to) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    match how {
        "bl_xfer" => Some(Moved::Dialplan(to.split('/').next().unwrap_or(to))),
        "uuid_br" => Some(Moved::Leg(to)),
        _ => None,
    }
}

impl Known {
    /// A transfer that was told explains what is new in its history.
    pub(super) fn explained(&self, now: Mono) -> bool {
        self.explained.is_some_and(|until| until >= now)
    }
}

impl Model {
    /// Looks for what is new in the history of a channel.
    pub(super) fn transfers(
        &mut self,
        now: Mono,
        id: &ChannelId,
        event: &EslEvent<'_>,
        out: &mut Vec<Observed>,
    ) {
        let Some(known) = self.channels.get_mut(id) else { return };
        let mut fresh: Vec<String> = Vec::new();
        for entry in event.all("variable_transfer_history") {
            if !entry.is_empty() && !known.history.iter().any(|seen| seen == entry) {
                fresh.push(entry.to_owned());
            }
        }
        if fresh.is_empty() {
            return;
        }
        for entry in &fresh {
            if known.history.len() >= HISTORY_MAX {
                known.history.remove(0);
            }
            known.history.push(entry.clone());
        }
        let explained = known.explained(now);
        known.explained = None;
        let by = known.partner(before(now)).cloned();
        let (false, Some(by)) = (explained, by) else { return };
        // One act may leave several entries (REFER: `att_xfer`, then `uuid_br`): the last counts.
        match fresh.iter().rev().find_map(|entry| moved(entry)) {
            Some(Moved::Dialplan(to)) => {
                let to = Some(Pii::new(to.to_owned()));
                self.tell(now, event, Told { by, moved: id.clone(), target: None, to }, out);
            }
            Some(Moved::Leg(target)) => {
                let target = ChannelId(Arc::from(target));
                let with = self.channels.get(&target).and_then(|other| other.partner(before(now)));
                // Back with whom it talked before: a consultation that came to nothing.
                if target != by && with != Some(id) {
                    let target = Some(target);
                    self.tell(now, event, Told { by, moved: id.clone(), target, to: None }, out);
                }
            }
            None => {}
        }
    }

    /// A channel ends because its phone transferred its party (REFER), or because the PBX sent
    /// the party away by a REFER on the trunk (deflect); true if so.
    pub(super) fn transferred_by(
        &mut self,
        now: Mono,
        id: &ChannelId,
        event: &EslEvent<'_>,
        out: &mut Vec<Observed>,
    ) -> bool {
        let Some(known) = self.channels.get(id) else { return false };
        let Some(partner) = known.partner(before(now)).cloned() else { return false };
        if event.text("Hangup-Cause") == Some("BLIND_TRANSFER") {
            let told = Told { by: partner, moved: id.clone(), target: None, to: None };
            self.tell(now, event, told, out);
            return true;
        }
        if self.transfer_ordered(now, id, &partner, event, out) {
            return true;
        }
        if self.channels.get(&partner).is_some_and(|other| other.explained(now)) {
            return false;
        }
        let refer = event.text("variable_transfer_to").unwrap_or_default();
        let blind = event.text("variable_endpoint_disposition") == Some("BLIND_TRANSFER");
        let replaced = event.text("variable_transfer_disposition") == Some("recv_replace");
        let told = if blind && refer.starts_with("blind:") {
            let to = event.text("variable_transfer_destination").unwrap_or_default();
            let to = to.strip_prefix("blind:").map(|to| Pii::new(to.to_owned()));
            Told { by: id.clone(), moved: partner, target: None, to }
        } else if let (true, Some(target)) = (replaced, refer.strip_prefix("att:")) {
            let target = Some(ChannelId(Arc::from(target)));
            Told { by: id.clone(), moved: partner, target, to: None }
        } else {
            return false;
        };
        self.tell(now, event, told, out);
        true
    }

    /// `by` and `moved` part, as it was ordered; true if so.
    pub(super) fn transfer_ordered(
        &mut self,
        now: Mono,
        by: &ChannelId,
        moved: &ChannelId,
        event: &EslEvent<'_>,
        out: &mut Vec<Observed>,
    ) -> bool {
        let Some(known) = self.channels.get_mut(moved) else { return false };
        let Some(ordered) = known.ordered.take_if(|ordered| ordered.by == *by) else {
            return false;
        };
        if ordered.until < now {
            return false;
        }
        let (by, moved) = (by.clone(), moved.clone());
        self.tell(now, event, Told { by, moved, target: None, to: Some(ordered.to) }, out);
        true
    }

    /// A blind transfer is ordered.
    pub(super) fn order_transfer(&mut self, now: Mono, id: OrderId, order: &Order) {
        let Order::TransferBlind { by, peer, to } = order else { return };
        let partner = self.channels.get(by).and_then(|known| known.bridge.as_ref());
        let Some((_, partner)) = partner.cloned() else { return };
        if peer.as_ref().is_none_or(|peer| *peer == partner)
            && let Some(known) = self.channels.get_mut(&partner)
        {
            let (by, to) = (by.clone(), to.clone());
            known.ordered = Some(Ordered { id, by, to, until: now.after(EXPLAINS) });
        }
    }

    /// FreeSWITCH refused an order.
    pub(super) fn forget_transfer(&mut self, id: OrderId) {
        self.channels.each_mut(|known| {
            known.ordered.take_if(|ordered| ordered.id == id);
        });
    }

    fn tell(&mut self, now: Mono, event: &EslEvent<'_>, told: Told, out: &mut Vec<Observed>) {
        let Told { by, moved, target, to } = told;
        // The parties behind a pipe are joined when it goes: no one transfers anyone.
        if by == moved || target.as_ref() == Some(&moved) || self.channels.is_pipe(&by) {
            return;
        }
        for id in [Some(&moved), target.as_ref(), Some(&by)].into_iter().flatten() {
            if let Some(known) = self.channels.get_mut(id) {
                known.explained = Some(now.after(EXPLAINS));
            }
        }
        let kind = if target.is_some() { Transfer::Attended } else { Transfer::Blind };
        let ends = [Some(moved.clone()), target.clone()];
        let who = by.clone();
        let moved = Some(moved);
        out.push(said(event, Fact::Transferred { by, kind, moved, target, to }));
        self.late.release_ends(out, |channel, partner| {
            *channel == who || ends.iter().flatten().any(|end| partner == Some(end))
        });
    }
}

struct Told {
    by: ChannelId,
    moved: ChannelId,
    target: Option<ChannelId>,
    to: Option<Pii<String>>,
}

/// Who was left longer ago than this is no party of a transfer.
fn before(now: Mono) -> Mono {
    Mono(now.0.saturating_sub(GRACE.as_nanos() as u64))
}
