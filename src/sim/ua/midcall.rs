//! Requests inside a call, by either side: hold, retrieve, BYE (RFC 3261 §14, §15).

use super::{
    agenda::Action,
    agent::{Outputs, Ua},
    build,
    call::{CallKey, Phase},
    script::{Report, Side},
    txn::{ClientTxn, Purpose},
    uas::Came,
};
use std::time::Duration;
use trunkline_core::model::Mono;

/// How long to wait before looking again whether an INVITE is done with.
const INVITE_WAIT: Duration = Duration::from_millis(50);

/// Reason of an ordinary end (ITU-T Q.850 cause 16).
const NORMAL: &str = "Q.850;cause=16;text=\"Normal call clearing\"";

impl Ua {
    /// Ends a call that is up. A callee may not send BYE before it has the ACK (§15).
    pub(super) fn hang_up(&mut self, now: Mono, key: CallKey, out: &mut Outputs) {
        let branch = self.branch();
        let Some(call) = self.calls.get_mut(&key) else { return };
        if !matches!(call.phase, Phase::Up) {
            return;
        }
        if call.unacked.is_some() {
            return self.agenda.add(now, INVITE_WAIT, key, Action::HangUp);
        }
        call.phase = Phase::Closing;
        call.dialog.local_cseq += 1;
        let cseq = call.dialog.local_cseq;
        let extra = vec![build::reason(NORMAL)];
        let wire = call.dialog.request(rsip::Method::Bye, (cseq, &branch), extra, None);
        let (Ok(wire), Some(to)) = (wire, call.dialog.next_hop()) else {
            self.forget(key);
            return out.trouble("the call names no address for its BYE");
        };
        let txn = ClientTxn::new(now, key, Purpose::Bye, to, wire);
        self.send_request((branch, "BYE"), txn, out);
    }

    /// Our BYE got its final answer (whatever it is, the call is over) or none at all.
    pub(super) fn bye_answered(&mut self, now: Mono, key: CallKey, out: &mut Outputs) {
        if let Some(call) = self.forget(key) {
            let talk_ms = call.talk_ms_at(now);
            let report = Report::Ended { id: call.id, by: Side::Us, reason: None, talk_ms };
            out.reports.push(report);
        }
    }

    pub(super) fn bye_came(&mut self, now: Mono, key: CallKey, came: Came<'_>, out: &mut Outputs) {
        self.reply(now, came, (200, "OK"), None, out);
        let Some(call) = self.calls.get(&key) else { return };
        match &call.phase {
            Phase::Closing => {} // both hang up at once; ours is counted when it is answered
            Phase::Offered { invite, source } => {
                let (invite, source) = (invite.clone(), *source);
                let tag = call.dialog.local_tag.clone();
                let invited = Came { request: &invite, source };
                self.reply(now, invited, (487, "Request Terminated"), Some(&tag), out);
                if let Some(call) = self.forget(key) {
                    let ms = call.ms(now);
                    out.reports.push(Report::Cancelled { id: call.id, ms });
                }
            }
            Phase::Up | Phase::Calling { .. } => {
                if let Some(call) = self.forget(key) {
                    let reason = came.request.header("Reason").map(str::to_owned);
                    let talk_ms = call.talk_ms_at(now);
                    let by = Side::Peer;
                    out.reports.push(Report::Ended { id: call.id, by, reason, talk_ms });
                }
            }
        }
    }

    /// Hold (`a=sendonly`) or retrieve by re-INVITE (§14.1, RFC 3264 §8.4).
    pub(super) fn reinvite(
        &mut self,
        now: Mono,
        key: CallKey,
        purpose: Purpose,
        out: &mut Outputs,
    ) {
        let branch = self.branch();
        let pending = self.client.values().any(|txn| txn.call == key && txn.is_open_invite());
        let Some(call) = self.calls.get_mut(&key) else { return };
        if !matches!(call.phase, Phase::Up) {
            return;
        }
        if pending || call.unacked.is_some() {
            // One INVITE at a time in either direction (§14.1).
            let again = if purpose == Purpose::Hold { Action::Hold } else { Action::Retrieve };
            return self.agenda.add(now, INVITE_WAIT, key, again);
        }
        let direction = if purpose == Purpose::Hold { "sendonly" } else { "sendrecv" };
        call.dialog.local_cseq += 1;
        call.dialog.sdp_version += 1;
        let ids = (call.dialog.local_cseq, branch.as_str());
        let extra = vec![build::contact(&call.dialog.user, call.dialog.addr)];
        let body = Some(call.dialog.sdp(direction));
        let wire = call.dialog.request(rsip::Method::Invite, ids, extra, body);
        let (Ok(wire), Some(to)) = (wire, call.dialog.next_hop()) else {
            return out.trouble("the call names no address for its re-INVITE");
        };
        let txn = ClientTxn::new(now, key, purpose, to, wire);
        self.send_request((branch, "INVITE"), txn, out);
    }

    /// Leaves a call in whatever state it is.
    pub(super) fn leave(&mut self, now: Mono, key: CallKey, out: &mut Outputs) {
        match self.calls.get(&key).map(|call| &call.phase) {
            Some(Phase::Calling { .. }) => self.give_up(now, key, out),
            Some(Phase::Up) => self.hang_up(now, key, out),
            Some(Phase::Offered { invite, source }) => {
                let (invite, source) = (invite.clone(), *source);
                let came = Came { request: &invite, source };
                self.reply(now, came, (480, "Temporarily Unavailable"), None, out);
                self.forget(key);
            }
            Some(Phase::Closing) | None => {}
        }
    }
}
