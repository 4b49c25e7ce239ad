//! The callee's side: requests that come in (RFC 3261 §8.2, §9.2, §13.3, §17.2).

use super::{
    agenda::Action,
    agent::{Outputs, Ua},
    build,
    call::{Answering, Call, CallKey, Phase, Unacked},
    dialog::Dialog,
    message::{Message, Start, uri_user},
    script::{Outcome, Progress, Report, Side},
    txn::{GIVE_UP, ServerTxn, T1, T2},
};
use std::{net::SocketAddr, time::Duration};
use trunkline_core::model::Mono;

/// A request and where it came from.
#[derive(Clone, Copy)]
pub(super) struct Came<'a> {
    pub request: &'a Message,
    pub source: SocketAddr,
}

impl Ua {
    pub(super) fn request(
        &mut self,
        now: Mono,
        source: SocketAddr,
        request: Message,
        out: &mut Outputs,
    ) {
        let method = request.method().to_owned();
        let matching = if method == "ACK" { "INVITE" } else { method.as_str() };
        let txn_key = (request.branch(), matching.to_owned());
        if let Some(txn) = self.server_txns.get_mut(&txn_key) {
            if method == "ACK" {
                // A proxy may give the ACK of a 2xx the branch of the INVITE.
                txn.acked();
                self.ack_came(&request);
            } else if let Some(wire) = txn.reply() {
                out.datagrams.push((txn.to, wire.to_vec()));
            }
            return;
        }
        if method == "ACK" {
            return self.ack_came(&request);
        }
        let to = build::reply_addr(&request, source);
        self.server_txns.insert(txn_key, ServerTxn::new(to));
        let came = Came { request: &request, source };
        match (method.as_str(), request.tag("To").is_empty()) {
            ("CANCEL", _) => self.cancel_came(now, came, out),
            ("INVITE", true) => self.invite_came(now, came, out),
            ("OPTIONS", true) => self.reply(now, came, (200, "OK"), None, out),
            (_, true) => self.reply(now, came, (405, "Method Not Allowed"), None, out),
            (_, false) => self.inside_came(now, came, out),
        }
    }

    /// Sends a response and keeps it for retransmissions of the request. Returns the bytes.
    pub(super) fn reply_with(
        &mut self,
        now: Mono,
        came: Came<'_>,
        status: (u16, &str),
        tag: Option<&str>,
        (extra, sdp): (Vec<rsip::Header>, Option<String>),
        out: &mut Outputs,
    ) -> Vec<u8> {
        let Came { request, source } = came;
        let wire = build::response(request, source, status, tag, extra, sdp);
        let to = build::reply_addr(request, source);
        out.datagrams.push((to, wire.clone()));
        let method = request.method();
        let txn_key = (request.branch(), method.to_owned());
        let txn = self.server_txns.entry(txn_key).or_insert_with(|| ServerTxn::new(to));
        let until_ack = method == "INVITE" && status.0 >= 300;
        txn.answered(now, wire.clone(), status.0 >= 200, until_ack);
        wire
    }

    pub(super) fn reply(
        &mut self,
        now: Mono,
        came: Came<'_>,
        status: (u16, &str),
        tag: Option<&str>,
        out: &mut Outputs,
    ) {
        let token = self.token();
        let tag = if status.0 > 100 { tag.or(Some(&token)) } else { None };
        self.reply_with(now, came, status, tag, (Vec::new(), None), out);
    }

    fn invite_came(&mut self, now: Mono, came: Came<'_>, out: &mut Outputs) {
        let invite = came.request;
        let Start::Request { uri, .. } = &invite.start else { return };
        let user = uri_user(uri).unwrap_or_default().to_owned();
        self.reply(now, came, (100, "Trying"), None, out);
        self.incoming += 1;
        let id = format!("in-{}", self.incoming);
        let named = self.plans.get(&user).or_else(|| self.plans.get("*"));
        let plan = named.cloned().unwrap_or_default();
        let dialog = Dialog::called(invite, &user, self.local, self.token());
        out.reports.push(Report::Incoming {
            id: id.clone(),
            from: invite.user("From"),
            to: user,
            call_id: invite.call_id().to_owned(),
            extensions: invite.extension_names(),
        });
        let key = self.new_key();
        let phase = Phase::Offered { invite: Box::new(invite.clone()), source: came.source };
        let progress_after = Duration::from_millis(plan.progress_after_ms);
        self.agenda.add(now, progress_after, key, Action::Progress);
        if let Outcome::Answer { after_ms } | Outcome::Reject { after_ms, .. } = &plan.then {
            self.agenda.add(now, Duration::from_millis(*after_ms), key, Action::Decide);
        }
        let answering = Some(Answering { progress: plan.progress, then: plan.then });
        self.calls.insert(
            key,
            Call {
                id,
                dialog,
                phase,
                began: now,
                answered: None,
                answering,
                talk_ms: plan.talk_ms,
                hold: plan.hold,
                seen: Vec::new(),
                held_by: None,
                unacked: None,
            },
        );
    }

    pub(super) fn show_progress(&mut self, now: Mono, key: CallKey, out: &mut Outputs) {
        let Some(call) = self.calls.get(&key) else { return };
        let (Phase::Offered { invite, source }, Some(plan)) = (&call.phase, &call.answering) else {
            return;
        };
        let (status, sdp) = match plan.progress {
            Progress::None => return,
            Progress::Ringing => ((180, "Ringing"), None),
            Progress::EarlyMedia => ((183, "Session Progress"), Some(call.dialog.sdp("sendrecv"))),
        };
        let (invite, source) = (invite.clone(), *source);
        let (tag, contact) = self_contact(call);
        let came = Came { request: &invite, source };
        self.reply_with(now, came, status, Some(&tag), (vec![contact], sdp), out);
    }

    pub(super) fn decide(&mut self, now: Mono, key: CallKey, out: &mut Outputs) {
        let Some(call) = self.calls.get(&key) else { return };
        let (Phase::Offered { invite, source }, Some(plan)) = (&call.phase, &call.answering) else {
            return;
        };
        let (invite, source, then) = (invite.clone(), *source, plan.then.clone());
        let came = Came { request: &invite, source };
        match then {
            Outcome::Never => {}
            Outcome::Answer { .. } => self.answer(now, key, came, out),
            Outcome::Reject { status, phrase, reason, .. } => {
                self.refuse(now, key, came, ((status, &phrase), reason), out);
            }
        }
    }

    fn answer(&mut self, now: Mono, key: CallKey, came: Came<'_>, out: &mut Outputs) {
        let Some(mut call) = self.calls.remove(&key) else { return };
        let (tag, contact) = self_contact(&call);
        let direction = build::answer_direction(came.request.media_direction());
        let sdp = Some(call.dialog.sdp(direction));
        let wire = self.reply_with(now, came, (200, "OK"), Some(&tag), (vec![contact], sdp), out);
        self.await_ack(now, key, &mut call, came, wire);
        call.phase = Phase::Up;
        call.answered = Some(now);
        out.reports.push(Report::Answered { id: call.id.clone(), ms: call.ms(now) });
        self.plan_talk(now, key, &call);
        self.calls.insert(key, call);
    }

    /// A 2xx is repeated by the user agent itself until its ACK comes (§13.3.1.4).
    pub(super) fn await_ack(
        &mut self,
        now: Mono,
        key: CallKey,
        call: &mut Call,
        came: Came<'_>,
        wire: Vec<u8>,
    ) {
        let to = build::reply_addr(came.request, came.source);
        call.unacked = Some(Unacked { wire, to, interval: T1, until: now.after(GIVE_UP) });
        self.agenda.add(now, T1, key, Action::RepeatOk);
    }

    pub(super) fn repeat_ok(&mut self, now: Mono, key: CallKey, out: &mut Outputs) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let Some(unacked) = &mut call.unacked else { return };
        if now >= unacked.until {
            call.unacked = None;
            out.trouble(format!("call {}: the 2xx was never acknowledged", call.id));
            return self.hang_up(now, key, out);
        }
        out.datagrams.push((unacked.to, unacked.wire.clone()));
        unacked.interval = unacked.interval.saturating_mul(2).min(T2);
        let wait = unacked.interval;
        self.agenda.add(now, wait, key, Action::RepeatOk);
    }

    fn refuse(
        &mut self,
        now: Mono,
        key: CallKey,
        came: Came<'_>,
        ((status, phrase), reason): ((u16, &str), Option<String>),
        out: &mut Outputs,
    ) {
        let Some(call) = self.forget(key) else { return };
        let tag = call.dialog.local_tag.clone();
        let extra = reason.iter().map(|value| build::reason(value)).collect();
        self.reply_with(now, came, (status, phrase), Some(&tag), (extra, None), out);
        let (ms, phrase) = (call.ms(now), phrase.to_owned());
        out.reports.push(Report::Failed { id: call.id, status, phrase, reason, ms });
    }

    fn cancel_came(&mut self, now: Mono, came: Came<'_>, out: &mut Outputs) {
        let branch = came.request.branch();
        if !self.server_txns.contains_key(&(branch.clone(), "INVITE".to_owned())) {
            return self.reply(now, came, (481, "Call/Transaction Does Not Exist"), None, out);
        }
        let pending = self.calls.iter().find_map(|(key, call)| match &call.phase {
            Phase::Offered { invite, source } if invite.branch() == branch => {
                Some((*key, invite.clone(), *source))
            }
            _ => None,
        });
        // §9.2: a CANCEL after the final response is answered 200 and changes nothing.
        let Some((key, invite, source)) = pending else {
            return self.reply(now, came, (200, "OK"), None, out);
        };
        let Some(call) = self.forget(key) else { return };
        let tag = call.dialog.local_tag.clone();
        self.reply(now, came, (200, "OK"), Some(&tag), out);
        let invited = Came { request: &invite, source };
        self.reply(now, invited, (487, "Request Terminated"), Some(&tag), out);
        let ms = call.ms(now);
        out.reports.push(Report::Cancelled { id: call.id, ms });
    }

    fn ack_came(&mut self, ack: &Message) {
        let owner = self.calls.values_mut().find(|call| call.dialog.owns_request(ack));
        if let Some(call) = owner {
            call.unacked = None;
        }
    }

    fn inside_came(&mut self, now: Mono, came: Came<'_>, out: &mut Outputs) {
        let owner = self.calls.iter().find(|(_, call)| call.dialog.owns_request(came.request));
        let Some(key) = owner.map(|(key, _)| *key) else {
            return self.reply(now, came, (481, "Call/Transaction Does Not Exist"), None, out);
        };
        let Some(call) = self.calls.get_mut(&key) else { return };
        if came.request.cseq() <= call.dialog.remote_cseq {
            // §12.2.2: out of order.
            return self.reply(now, came, (500, "CSeq Out Of Order"), None, out);
        }
        call.dialog.remote_cseq = came.request.cseq();
        match came.request.method() {
            "BYE" => self.bye_came(now, key, came, out),
            "INVITE" => self.reinvite_came(now, key, came, out),
            _ => self.reply(now, came, (200, "OK"), None, out),
        }
    }

    fn reinvite_came(&mut self, now: Mono, key: CallKey, came: Came<'_>, out: &mut Outputs) {
        let Some(mut call) = self.calls.remove(&key) else { return };
        if !matches!(call.phase, Phase::Up) {
            self.calls.insert(key, call);
            return self.reply(now, came, (491, "Request Pending"), None, out);
        }
        call.dialog.refresh(came.request);
        call.dialog.sdp_version += 1;
        let offered = came.request.media_direction();
        let direction = build::answer_direction(offered);
        let (tag, contact) = self_contact(&call);
        let parts = (vec![contact], Some(call.dialog.sdp(direction)));
        let wire = self.reply_with(now, came, (200, "OK"), Some(&tag), parts, out);
        self.await_ack(now, key, &mut call, came, wire);
        let held = matches!(offered, Some("sendonly" | "inactive"));
        match (held, call.held_by) {
            (true, None) => {
                call.held_by = Some(Side::Peer);
                out.reports.push(Report::Held { id: call.id.clone(), by: Side::Peer });
            }
            (false, Some(Side::Peer)) => {
                call.held_by = None;
                out.reports.push(Report::Retrieved { id: call.id.clone(), by: Side::Peer });
            }
            (true, Some(_)) | (false, Some(Side::Us) | None) => {}
        }
        self.calls.insert(key, call);
    }
}

fn self_contact(call: &Call) -> (String, rsip::Header) {
    let contact = build::contact(&call.dialog.user, call.dialog.addr);
    (call.dialog.local_tag.clone(), contact)
}
