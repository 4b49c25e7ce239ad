//! The telephone's line: its calls, and the messages that it sends.

use crate::digest;
use crate::support::Message;
use crate::support::ua::session;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Shared {
    pub(super) user: String,
    pub(super) password: String,
    pub(super) address: SocketAddr,
    pub(super) pbx: SocketAddr,
    pub(super) socket: UdpSocket,
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) calls: Vec<Call>,
    pub(super) responses: Vec<Message>,
    pub(super) closed: bool,
}

/// One dialog.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) call_id: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) target: String,
    pub(super) routes: Vec<String>,
    pub(super) cseq: u32,
    /// The call came in and is not decided.
    pub(super) invite: Option<Message>,
    pub(super) up: bool,
    /// Our 200 was.
    pub(super) acknowledged: bool,
    pub(super) ended: bool,
    /// The other end was told to wait.
    pub(super) holds: bool,
    /// Our 180 left, or a 180 came.
    pub(super) rang_at: Option<SystemTime>,
    /// Our 200 left, or a 200 came.
    pub(super) answered_at: Option<SystemTime>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn until<T>(&self, mut find: impl FnMut(&State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        loop {
            if let Some(found) = find(&state) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    pub(super) fn new_call(&self, target: &str, to: &str) -> Call {
        let number = uuid::Uuid::new_v4().simple();
        Call {
            call_id: format!("{number}@{}", self.address.ip()),
            from: format!("<sip:{}@{}>;tag={number}", self.user, self.pbx),
            to: format!("<sip:{to}@{}>", self.pbx),
            target: target.to_owned(),
            routes: Vec::new(),
            cseq: 0,
            invite: None,
            up: false,
            acknowledged: false,
            ended: false,
            holds: false,
            rang_at: None,
            answered_at: None,
        }
    }

    /// Sends the next request and waits for its final answer; answers a challenge once, except
    /// that of an INVITE, which goes on ringing.
    pub(super) fn ask(
        &self,
        call: &mut Call,
        method: &str,
        headers: &[String],
        body: &str,
    ) -> Message {
        call.cseq += 1;
        self.send_request(call, method, headers, body);
        let answer = self.final_answer(call, method);
        if status(&answer) != 401 || (method == "INVITE" && !call.up) {
            return answer;
        }
        let login = self.login(&answer.value("WWW-Authenticate"), method, &call.target);
        call.cseq += 1;
        let headers: Vec<String> = headers.iter().cloned().chain([login]).collect();
        self.send_request(call, method, &headers, body);
        self.final_answer(call, method)
    }

    /// The next request within a call.
    pub(super) fn request(
        &self,
        call: usize,
        method: &str,
        headers: &[String],
        body: &str,
    ) -> Message {
        let mut dialog = {
            let call = &mut self.lock().calls[call];
            call.cseq += 1;
            call.clone()
        };
        dialog.cseq -= 1;
        self.ask(&mut dialog, method, headers, body)
    }

    /// Offers the other end to wait, or to talk again.
    pub(super) fn hold(&self, call: usize, holds: bool) {
        self.lock().calls[call].holds = holds;
        let direction = if holds { "sendonly" } else { "sendrecv" };
        let answer = self.request(call, "INVITE", &[], &session(self.address, direction));
        assert_eq!(status(&answer), 200, "{}", answer.text);
    }

    /// Takes a call that rings; the moment of the 200.
    pub(super) fn take(&self, state: &mut State, call: usize) -> Option<SystemTime> {
        let invite = state.calls[call].invite.take()?;
        let at = self.respond(&invite, "200 OK", &session(self.address, "sendrecv"));
        (state.calls[call].up, state.calls[call].answered_at) = (true, Some(at));
        Some(at)
    }

    pub(super) fn login(&self, challenge: &str, method: &str, uri: &str) -> String {
        let value = digest::answer(challenge, &self.user, &self.password, method, uri);
        format!("Authorization: {value}")
    }

    fn final_answer(&self, call: &Call, method: &str) -> Message {
        let cseq = format!("{} {method}", call.cseq);
        let found = self.until(|state| {
            let ours = |m: &&Message| {
                m.value("Call-ID") == call.call_id && m.value("CSeq") == cseq && status(m) >= 200
            };
            state.responses.iter().find(ours).cloned()
        });
        found.unwrap_or_else(|| panic!("{}: no answer to {method}", self.user))
    }

    pub(super) fn send_request(&self, call: &Call, method: &str, headers: &[String], body: &str) {
        let numbered = if method == "CANCEL" { "INVITE" } else { method };
        let mut lines = vec![
            format!("{method} {} SIP/2.0", call.target),
            format!(
                "Via: SIP/2.0/UDP {};rport;branch=z9hG4bK{}{}{numbered}",
                self.address,
                call.key(),
                call.cseq
            ),
        ];
        lines.extend(call.routes.iter().map(|r| format!("Route: {r}")));
        lines.extend([
            "Max-Forwards: 70".to_owned(),
            format!("From: {}", call.from),
            format!("To: {}", call.to),
            format!("Call-ID: {}", call.call_id),
            format!("CSeq: {} {method}", call.cseq),
            self.contact(),
        ]);
        lines.extend(headers.iter().cloned());
        self.send(lines, body);
    }

    /// Answers a request; the moment just before.
    pub(super) fn respond(&self, request: &Message, status: &str, body: &str) -> SystemTime {
        let mut lines = vec![format!("SIP/2.0 {status}")];
        for name in ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"] {
            let tag = match name == "To" && !request.value("To").contains(";tag=") {
                true => format!(";tag=phone{}", self.user),
                false => String::new(),
            };
            lines.extend(request.values(name).iter().map(|v| format!("{name}: {v}{tag}")));
        }
        lines.push(self.contact());
        self.send(lines, body)
    }

    fn contact(&self) -> String {
        format!("Contact: <sip:{}@{}>", self.user, self.address)
    }

    pub(super) fn send(&self, mut lines: Vec<String>, body: &str) -> SystemTime {
        if !body.is_empty() {
            lines.push("Content-Type: application/sdp".to_owned());
        }
        lines.push(format!("Content-Length: {}", body.len()));
        let text = format!("{}\r\n\r\n{body}", lines.join("\r\n"));
        let at = SystemTime::now();
        self.socket.send_to(text.as_bytes(), self.pbx).unwrap();
        at
    }
}

impl Call {
    /// Its Call-ID as a branch may write it.
    pub(super) fn key(&self) -> String {
        self.call_id.chars().filter(char::is_ascii_alphanumeric).collect()
    }
}

/// The URI in a header's value.
pub(super) fn address(value: &str) -> String {
    value.split('<').nth(1).and_then(|v| v.split('>').next()).unwrap_or(value).to_owned()
}

pub(super) fn status(message: &Message) -> u16 {
    message.text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
}
