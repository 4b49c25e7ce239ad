//! What comes in: answers wake who waits for them; requests are answered at once.

use super::line::{Call, Shared, State, address, status};
use crate::support::Message;
use crate::support::ua::session;
use std::sync::Arc;
use std::time::SystemTime;

impl Shared {
    /// Reads until the telephone is gone.
    pub(super) fn hear(self: &Arc<Self>) {
        let mut bytes = vec![0; 65_536];
        while !self.lock().closed {
            let Ok(length) = self.socket.recv(&mut bytes) else { continue };
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let message = Message { text };
            let mut state = self.lock();
            if message.text.starts_with("SIP/2.0 ") {
                self.response(&mut state, message);
            } else {
                self.asked(&mut state, &message);
            }
            self.changed.notify_all();
        }
    }

    fn response(&self, state: &mut State, message: Message) {
        let (code, cseq) = (status(&message), message.value("CSeq"));
        let id = message.value("Call-ID");
        if let Some(call) = state.calls.iter_mut().find(|c| c.call_id == id)
            && cseq.ends_with(" INVITE")
        {
            match code {
                180..=189 => call.rang_at = call.rang_at.or(Some(SystemTime::now())),
                200..=299 => {
                    if !call.up {
                        (call.up, call.answered_at) = (true, Some(SystemTime::now()));
                        call.to = message.value("To");
                        call.target = address(&message.value("Contact"));
                        call.routes = message.values("Record-Route");
                        call.routes.reverse();
                    }
                    self.acknowledge(call, &cseq, "");
                }
                401 | 300.. => {
                    call.ended |= !call.up && code != 401;
                    let refused = Call { to: message.value("To"), ..call.clone() };
                    self.acknowledge(&refused, &cseq, "INVITE");
                }
                _ => {}
            }
        } else if code == 401 && cseq.ends_with(" INVITE") {
            // The first INVITE of a call is no call yet.
            let target = message.value("To");
            let call = self.new_call(&address(&target), "");
            let call = Call { call_id: id, to: target, from: message.value("From"), ..call };
            self.acknowledge(&call, &cseq, "INVITE");
        }
        state.responses.push(message);
    }

    /// ACK: of the INVITE's transaction for a refusal, of its own for a 2xx.
    fn acknowledge(&self, call: &Call, cseq: &str, branch: &str) {
        let number = cseq.split(' ').next().unwrap().parse().unwrap();
        let call = Call { cseq: number, ..call.clone() };
        let mut lines = vec![
            format!("ACK {} SIP/2.0", call.target),
            format!(
                "Via: SIP/2.0/UDP {};rport;branch=z9hG4bK{}{number}{}",
                self.address,
                call.key(),
                if branch.is_empty() { "ACK" } else { branch }
            ),
        ];
        lines.extend(call.routes.iter().map(|r| format!("Route: {r}")));
        lines.extend([
            "Max-Forwards: 70".to_owned(),
            format!("From: {}", call.from),
            format!("To: {}", call.to),
            format!("Call-ID: {}", call.call_id),
            format!("CSeq: {number} ACK"),
        ]);
        self.send(lines, "");
    }

    fn asked(self: &Arc<Self>, state: &mut State, request: &Message) {
        let method = request.text.split(' ').next().unwrap_or_default();
        let id = request.value("Call-ID");
        let at = state.calls.iter().position(|c| c.call_id == id);
        match (method, at) {
            ("ACK", at) => {
                if let Some(at) = at {
                    state.calls[at].acknowledged = true;
                }
            }
            ("INVITE", None) => {
                let rang = self.respond(request, "180 Ringing", "");
                state.calls.push(self.incoming(request, rang));
            }
            ("INVITE", Some(at)) if state.calls[at].up => {
                let held = request.text.contains("a=sendonly");
                let direction = if held { "recvonly" } else { "sendrecv" };
                self.respond(request, "200 OK", &session(self.address, direction));
            }
            ("INVITE", Some(_)) => {} // a copy
            ("CANCEL", Some(at)) => {
                self.respond(request, "200 OK", "");
                let call = &mut state.calls[at];
                if let Some(invite) = call.invite.take() {
                    self.respond(&invite, "487 Request Terminated", "");
                }
                call.ended = true;
            }
            ("BYE", Some(at)) => {
                self.respond(request, "200 OK", "");
                state.calls[at].ended = true;
            }
            ("NOTIFY", Some(at)) => {
                self.respond(request, "200 OK", "");
                self.told(state, at, request);
            }
            _ => {
                self.respond(request, "200 OK", "");
            }
        }
    }

    /// The PBX wants the telephone to act: the event packages `talk` and `hold`.
    fn told(self: &Arc<Self>, state: &mut State, call: usize, notify: &Message) {
        let of = &state.calls[call];
        let (up, holds) = (of.up, of.holds);
        match notify.value("Event").as_str() {
            "talk" if !up => {
                self.take(state, call);
            }
            "talk" if holds => self.later(call, false),
            "hold" if up && !holds => self.later(call, true),
            _ => {} // what is asked for is so
        }
    }

    /// Waits for an answer, which who reads cannot do.
    fn later(self: &Arc<Self>, call: usize, holds: bool) {
        let shared = Arc::clone(self);
        std::thread::spawn(move || shared.hold(call, holds));
    }

    fn incoming(&self, invite: &Message, rang: SystemTime) -> Call {
        Call {
            call_id: invite.value("Call-ID"),
            from: format!("{};tag=phone{}", invite.value("To"), self.user),
            to: invite.value("From"),
            target: address(&invite.value("Contact")),
            routes: invite.values("Record-Route"),
            cseq: 100,
            invite: Some(invite.clone()),
            up: false,
            acknowledged: false,
            ended: false,
            holds: false,
            rang_at: Some(rang),
            answered_at: None,
        }
    }
}
