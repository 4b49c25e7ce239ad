//! The caller's side: INVITE, its answers, CANCEL (RFC 3261 §9.1, §13.2, §17.1).

use super::{
    agenda::Action,
    agent::{Ack, Outputs, Ua},
    build,
    call::{Call, CallKey, GiveUp, Phase},
    dialog::Dialog,
    message::Message,
    script::{Dial, Report, Side},
    txn::{ClientTxn, GIVE_UP, Purpose, Rejected},
};
use std::time::Duration;
use trunkline_core::model::Mono;

impl Ua {
    pub(super) fn dial(&mut self, now: Mono, dial: Dial, out: &mut Outputs) {
        let Some(server) = self.server else {
            return out.trouble(format!("call {}: no server yet", dial.id));
        };
        let (tag, call_id, branch) = (self.token(), self.token(), self.branch());
        let call_id = dial.call_id.unwrap_or_else(|| format!("{call_id}@{}", self.local.ip()));
        let ends = (dial.from.as_str(), dial.to.as_str());
        let dialog = Dialog::calling(ends, (self.local, server), (call_id, tag));
        let mut extra = vec![build::contact(&dial.from, self.local)];
        let named = dial.headers.into_iter();
        extra.extend(named.map(|(name, value)| rsip::Header::Other(name, value)));
        let body = dialog.sdp("sendrecv");
        let method = rsip::Method::Invite;
        let cseq = dialog.local_cseq;
        let wire = match dialog.request(method, (cseq, &branch), extra, Some(body)) {
            Ok(wire) => wire,
            Err(error) => return out.trouble(format!("call {}: {error}", dial.id)),
        };
        let key = self.new_key();
        let phase =
            Phase::Calling { branch: branch.clone(), provisional: false, give_up: GiveUp::No };
        self.calls.insert(
            key,
            Call {
                id: dial.id,
                dialog,
                phase,
                began: now,
                answered: None,
                answering: None,
                talk_ms: dial.talk_ms,
                hold: dial.hold,
                seen: Vec::new(),
                held_by: None,
                unacked: None,
            },
        );
        if let Some(wait) = dial.cancel_after_ms {
            self.agenda.add(now, Duration::from_millis(wait), key, Action::Cancel);
        }
        let txn = ClientTxn::new(now, key, Purpose::Invite, server, wire);
        self.send_request((branch, "INVITE"), txn, out);
    }

    pub(super) fn response(&mut self, now: Mono, response: &Message, out: &mut Outputs) {
        let status = response.status().unwrap_or_default();
        let method = response.method().to_owned();
        let txn_key = (response.branch(), method.clone());
        let is_ok_to_invite = method == "INVITE" && (200..300).contains(&status);
        if is_ok_to_invite && self.repeat_ack(response, out) {
            return;
        }
        let Some(txn) = self.client.get_mut(&txn_key) else {
            // RFC 6026: a 2xx of another fork may come after the transaction is gone.
            if is_ok_to_invite {
                self.stray_ok(now, response, out);
            }
            return;
        };
        let (key, purpose) = (txn.call, txn.purpose);
        match status {
            100..=199 => {
                txn.provisional(now);
                if purpose == Purpose::Invite {
                    self.invite_progress(now, key, status, out);
                }
            }
            200..=299 if purpose.is_invite() => {
                self.client.remove(&txn_key);
                self.invite_ok(now, key, purpose, response, out);
            }
            _ if purpose.is_invite() => self.invite_rejected(now, txn_key, response, out),
            _ => {
                self.client.remove(&txn_key);
                if purpose == Purpose::Bye {
                    self.bye_answered(now, key, out);
                }
            }
        }
    }

    fn invite_progress(&mut self, now: Mono, key: CallKey, status: u16, out: &mut Outputs) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let ms = call.ms(now);
        if status > 100 && !call.seen.contains(&status) {
            call.seen.push(status);
            out.reports.push(Report::Progress { id: call.id.clone(), status, ms });
        }
        if let Phase::Calling { provisional, give_up, .. } = &mut call.phase {
            *provisional = true;
            if *give_up == GiveUp::Wanted {
                self.give_up(now, key, out);
            }
        }
    }

    /// The call is up, or a hold of ours is agreed. Either way the 2xx gets its ACK.
    fn invite_ok(
        &mut self,
        now: Mono,
        key: CallKey,
        purpose: Purpose,
        ok: &Message,
        out: &mut Outputs,
    ) {
        let Some(mut call) = self.calls.remove(&key) else {
            return self.stray_ok(now, ok, out);
        };
        if purpose == Purpose::Invite {
            call.dialog.confirmed_by(ok);
        } else {
            call.dialog.refresh(ok);
        }
        self.send_ack(now, &call.dialog, ok, out);
        let id = call.id.clone();
        match purpose {
            Purpose::Hold => {
                call.held_by = Some(Side::Us);
                out.reports.push(Report::Held { id, by: Side::Us });
            }
            Purpose::Retrieve => {
                call.held_by = None;
                out.reports.push(Report::Retrieved { id, by: Side::Us });
            }
            Purpose::Invite | Purpose::Bye | Purpose::Cancel | Purpose::StrayBye => {
                let gave_up = matches!(
                    call.phase,
                    Phase::Calling { give_up: GiveUp::Sent | GiveUp::Wanted, .. }
                );
                call.phase = Phase::Up;
                call.answered = Some(now);
                out.reports.push(Report::Answered { id, ms: call.ms(now) });
                self.plan_talk(now, key, &call);
                if gave_up {
                    // The 200 crossed our CANCEL: the call is up and must be ended (§9.1).
                    self.agenda.add(now, Duration::ZERO, key, Action::HangUp);
                }
            }
        }
        self.calls.insert(key, call);
    }

    pub(super) fn plan_talk(&mut self, now: Mono, key: CallKey, call: &Call) {
        if let Some(hold) = call.hold {
            let from = Duration::from_millis(hold.after_ms);
            self.agenda.add(now, from, key, Action::Hold);
            let until = from + Duration::from_millis(hold.for_ms);
            self.agenda.add(now, until, key, Action::Retrieve);
        }
        if let Some(talk) = call.talk_ms {
            self.agenda.add(now, Duration::from_millis(talk), key, Action::HangUp);
        }
    }

    /// ACK of a 2xx: end to end, its own branch, along the route set (§13.2.2.4).
    fn send_ack(&mut self, now: Mono, dialog: &Dialog, ok: &Message, out: &mut Outputs) {
        let branch = self.branch();
        let cseq = ok.cseq();
        let wire = dialog.request(rsip::Method::Ack, (cseq, &branch), Vec::new(), None);
        let (Ok(wire), Some(to)) = (wire, dialog.next_hop()) else {
            return out.trouble("2xx names no address for its ACK");
        };
        out.datagrams.push((to, wire.clone()));
        let ack_key = (ok.call_id().to_owned(), cseq, ok.tag("To").to_owned());
        self.acks.insert(ack_key, Ack { wire, to, until: now.after(GIVE_UP) });
    }

    fn repeat_ack(&mut self, ok: &Message, out: &mut Outputs) -> bool {
        let ack_key = (ok.call_id().to_owned(), ok.cseq(), ok.tag("To").to_owned());
        let Some(ack) = self.acks.get(&ack_key) else { return false };
        out.datagrams.push((ack.to, ack.wire.clone()));
        true
    }

    /// A 2xx that no call waits for: acknowledge it and end what it began.
    fn stray_ok(&mut self, now: Mono, ok: &Message, out: &mut Outputs) {
        let ends = (ok.user("From"), ok.user("To"));
        let tag = ok.tag("From").to_owned();
        let addrs = (self.local, self.local);
        let ids = (ok.call_id().to_owned(), tag);
        let mut dialog = Dialog::calling((&ends.0, &ends.1), addrs, ids);
        dialog.local = ok.header("From").unwrap_or_default().to_owned();
        dialog.confirmed_by(ok);
        self.send_ack(now, &dialog, ok, out);
        out.trouble("a second answer to one call was taken down");
        let branch = self.branch();
        let cseq = ok.cseq().saturating_add(1);
        let wire = dialog.request(rsip::Method::Bye, (cseq, &branch), Vec::new(), None);
        if let (Ok(wire), Some(to)) = (wire, dialog.next_hop()) {
            let nobody = self.new_key();
            let txn = ClientTxn::new(now, nobody, Purpose::StrayBye, to, wire);
            self.send_request((branch, "BYE"), txn, out);
        }
    }

    /// A final non-2xx: ACK hop by hop with the INVITE's own branch (§17.1.1.3).
    fn invite_rejected(
        &mut self,
        now: Mono,
        txn_key: (String, String),
        response: &Message,
        out: &mut Outputs,
    ) {
        let Some(txn) = self.client.get_mut(&txn_key) else { return };
        let (key, purpose, to) = (txn.call, txn.purpose, txn.to);
        let ack = match hop_ack(txn.wire(), response) {
            Some(ack) => ack,
            None => return out.trouble("our own INVITE does not read back"),
        };
        match txn.rejected(now, ack.clone()) {
            Rejected::Again { ack } => return out.datagrams.push((to, ack)),
            Rejected::First => out.datagrams.push((to, ack)),
        }
        let status = response.status().unwrap_or_default();
        if purpose == Purpose::Invite {
            let reason = response.header("Reason").map(str::to_owned);
            self.fail(now, key, (status, response.phrase()), reason, out);
        } else if let Some(call) = self.calls.get(&key) {
            out.trouble(format!("call {}: re-INVITE was answered {status}", call.id));
        }
    }

    fn fail(
        &mut self,
        now: Mono,
        key: CallKey,
        (status, phrase): (u16, &str),
        reason: Option<String>,
        out: &mut Outputs,
    ) {
        if let Some(call) = self.forget(key) {
            let (ms, phrase) = (call.ms(now), phrase.to_owned());
            out.reports.push(Report::Failed { id: call.id, status, phrase, reason, ms });
        }
    }

    /// The caller gives up: CANCEL once a provisional response is there (§9.1).
    pub(super) fn give_up(&mut self, now: Mono, key: CallKey, out: &mut Outputs) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let Phase::Calling { branch, provisional, give_up } = &mut call.phase else { return };
        if *give_up == GiveUp::Sent {
            return;
        }
        if !*provisional {
            *give_up = GiveUp::Wanted;
            return;
        }
        *give_up = GiveUp::Sent;
        let branch = branch.clone();
        let reason = vec![build::reason("SIP;cause=487;text=\"caller gave up\"")];
        let cseq = call.dialog.local_cseq;
        let wire = call.dialog.request(rsip::Method::Cancel, (cseq, &branch), reason, None);
        let to = self.client.get(&(branch.clone(), "INVITE".to_owned())).map(|txn| txn.to);
        if let (Ok(wire), Some(to)) = (wire, to) {
            let txn = ClientTxn::new(now, key, Purpose::Cancel, to, wire);
            self.send_request((branch, "CANCEL"), txn, out);
        }
    }

    /// A request of ours got no final answer in 64*T1.
    pub(super) fn unanswered(
        &mut self,
        now: Mono,
        key: CallKey,
        purpose: Purpose,
        out: &mut Outputs,
    ) {
        match purpose {
            Purpose::Invite => self.fail(now, key, (408, "nobody answers"), None, out),
            Purpose::Bye => self.bye_answered(now, key, out),
            Purpose::Hold | Purpose::Retrieve => out.trouble("re-INVITE was never answered"),
            // §9.1: no answer to CANCEL changes nothing by itself.
            Purpose::Cancel | Purpose::StrayBye => {}
        }
    }
}

fn hop_ack(invite: &[u8], response: &Message) -> Option<Vec<u8>> {
    let sent = Message::read(invite).ok()?;
    let super::message::Start::Request { uri, .. } = &sent.start else { return None };
    let top = sent.list("Via").into_iter().next()?;
    let sent_by = top.split(';').next()?.split_whitespace().nth(1)?;
    let head = build::Head {
        method: rsip::Method::Ack,
        target: uri,
        local: super::message::host_addr(sent_by)?,
        branch: &sent.branch(),
        from: sent.header("From")?,
        to: response.header("To")?,
        call_id: sent.call_id(),
        cseq: sent.cseq(),
        route: &sent.list("Route"),
    };
    build::request(&head, Vec::new(), None).ok()
}
